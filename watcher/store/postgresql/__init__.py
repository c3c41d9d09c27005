"""The history in a PostgreSQL database: needs the extra `postgresql`."""
