"""Several workers that share a history in PostgreSQL."""
