"""Newsletters and their recipients: preferences, rights, and leaving."""
