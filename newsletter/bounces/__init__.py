"""Bounces and complaints: mail that comes back."""
