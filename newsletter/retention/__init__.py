"""How long things are kept: one table, what enforces it, and how it is shown. It knows every domain."""
