"""Campaigns: composing, the audience, deliveries and their fates, the campaign's life."""
