"""Backups, restoring them, and what makes a database safe that went back in time. It knows every domain."""
