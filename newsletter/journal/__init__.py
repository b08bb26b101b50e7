"""What must outlive the database that is set back to a backup: who has left since, and who objected. No addresses."""
