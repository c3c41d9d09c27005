"""Creates and migrates the tables in PostgreSQL, and lists what is there."""

from __future__ import annotations

from importlib import resources
from typing import Any

import psycopg

from watcher.core.errors import StoreError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.store.database import MIGRATIONS as SQLITE_MIGRATIONS

Connection = psycopg.Connection[tuple[Any, ...]]

# `schema.sql` is what the first nine versions have; a later one has a script of its own, as SQLite's.
_SCRIPTS = {"version_9": "schema.sql"}
MIGRATIONS = [name for name in SQLITE_MIGRATIONS if name in _SCRIPTS]


def list_tables(connection: Connection) -> list[str]:
    """Return the tables of the history by name."""
    rows = connection.execute(
        'SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY tablename COLLATE "C"'
    )
    return [str(name) for (name,) in rows]


def list_columns(connection: Connection, table: str) -> list[str]:
    """Return the columns of a table in order; [] if it is missing."""
    rows = connection.execute(
        """SELECT column_name FROM information_schema.columns
        WHERE table_schema = current_schema() AND table_name = %s ORDER BY ordinal_position""",
        [table],
    )
    return [str(name) for (name,) in rows]


def list_references(connection: Connection) -> list[tuple[str, str]]:
    """Return a query for each foreign key of the history: its table, and a SELECT of the rows that refer to nothing."""
    rows = connection.execute(
        """SELECT conrelid::regclass::text, confrelid::regclass::text,
          ARRAY(SELECT quote_ident(attname) FROM unnest(conkey) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = conrelid AND attnum = number ORDER BY place),
          ARRAY(SELECT quote_ident(attname) FROM unnest(confkey) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = confrelid AND attnum = number ORDER BY place)
        FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1, 2, 3"""
    )
    queries = []
    for table, referred, columns, keys in rows:
        pairs = " AND ".join(f"referred.{key} = own.{column}" for column, key in zip(columns, keys, strict=True))
        given = " AND ".join(f"own.{column} IS NOT NULL" for column in columns)
        query = f"""SELECT 1 FROM {table} own WHERE {given} AND NOT EXISTS
            (SELECT 1 FROM {referred} referred WHERE {pairs}) LIMIT 1"""  # noqa: S608 - its own tables
        queries.append((str(table), query))
    return queries


def list_applied(connection: Connection) -> list[str]:
    """Return the names of the migrations that the history has; [] without one."""
    row = connection.execute("SELECT to_regclass(quote_ident(current_schema()) || '.applied_migrations')").fetchone()
    if row is None or row[0] is None:
        return []
    names = [str(name) for (name,) in connection.execute("SELECT name FROM applied_migrations")]
    return sorted(names, key=lambda name: (len(name), name))


def migrate(connection: Connection, url: PostgresqlUrl) -> None:
    """Create the tables or apply the migrations that are missing, in the caller's transaction.

    Raises StoreError for a history of a newer version, or a schema with tables of another program.
    """
    applied = list_applied(connection)
    if newer := set(applied) - set(MIGRATIONS):
        raise StoreError(f"{url}: written by a newer registry-watcher ({', '.join(sorted(newer))}); upgrade")
    if not applied:
        if other := list_tables(connection):
            raise StoreError(f"{url}: the schema has tables of another program, as {other[0]}; give it one of its own")
        connection.execute(
            """CREATE TABLE applied_migrations (
              name TEXT COLLATE "C" PRIMARY KEY, applied_at TIMESTAMPTZ NOT NULL DEFAULT now())"""
        )
    if pending := [name for name in MIGRATIONS if name not in applied]:
        _run_script(connection, "functions.sql")
        for name in pending:
            _run_script(connection, _SCRIPTS[name])
            connection.execute("INSERT INTO applied_migrations (name) VALUES (%s)", [name])


def _run_script(connection: Connection, name: str) -> None:
    connection.execute(resources.files(__package__).joinpath(name).read_bytes())
