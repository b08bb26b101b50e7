"""Marketing staff: accounts, roles, API tokens, the audit trail and the frame of the staff pages."""
