"""`make run`: embedded PostgreSQL and Valkey, a mail catcher with an inbox, sample data."""
