"""Canaries: invented people who go through whole lives under every failure that can be provoked, and are then looked
for in every store, in every disguise. `make canaries` sends a thousand of them (P9)."""
