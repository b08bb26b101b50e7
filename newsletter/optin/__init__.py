"""Double opt-in: from a sign-up to a confirmed recipient. Nothing is stored readably before the yes."""
