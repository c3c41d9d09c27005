"""The history in one SQLite file, the archive of snapshots, and backups of both. `store.Store` is the way in."""
