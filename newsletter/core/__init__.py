"""What every domain stands on and what knows of none: database, keys, sealing, tokens, ids, queues, errors."""
