"""Mail and nothing but mail: addresses, the Email value, the one SMTP connection, the outbox."""
