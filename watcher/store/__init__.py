"""The history: one SQLite file. `database` opens it, `history` and `deliveries` are what is asked of it."""
