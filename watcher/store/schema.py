"""Creates and migrates the tables. Loaded only for a file that lacks a migration."""

from __future__ import annotations

import sqlite3
from importlib import resources
from pathlib import Path

import sqlite_utils
from sqlite_utils.migrations import Migrations

from watcher.core.errors import StoreError
from watcher.store.event_documents import fill_event_documents
from watcher.store.sqlite_copy import copy_database

migrations = Migrations("registry-watcher")


@migrations()
def version_1(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema.sql")
    for table in ("versions", "events"):
        db.table(table).enable_fts(["text"], tokenize="unicode61")


@migrations()
def version_2(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_2.sql")


@migrations()
def version_3(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_3.sql")
    fill_event_documents(db.conn)


@migrations()
def version_4(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_4.sql")


@migrations()
def version_5(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_5.sql")


@migrations()
def version_6(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_6.sql")


@migrations()
def version_7(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_7.sql")


@migrations()
def version_8(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_8.sql")


@migrations()
def version_9(db: sqlite_utils.Database) -> None:
    _run_script(db, "schema_9.sql")


def _run_script(db: sqlite_utils.Database, name: str) -> None:
    """Run a script of this folder. `executescript` would commit the transaction that a migration runs in."""
    statement = ""
    for line in resources.files(__package__).joinpath(name).read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            db.execute(statement)
            statement = ""


def list_pending(connection: sqlite3.Connection, path: Path, migrations: Migrations) -> list[str]:
    """Return the names of the migrations that a file does not have yet.

    Raises StoreError for a file of a newer version or of another program.
    """
    db = _open(connection)
    with sqlite_utils.Database(memory=True) as empty:
        names = {migration.name for migration in migrations.pending(empty)}
    applied = {migration.name for migration in migrations.applied(db)}
    if newer := applied - names:
        raise StoreError(f"{path}: written by a newer registry-watcher ({', '.join(sorted(newer))}); upgrade")
    if not applied and db.table_names():
        raise StoreError(f"{path}: is another program's database")
    return [migration.name for migration in migrations.pending(db)]


def copy_older(connection: sqlite3.Connection, path: Path, migration: str) -> None:
    """Copy a file that has tables to `FILE.before-MIGRATION`. Raises StoreError."""
    if _open(connection).table_names():
        copy_database(connection, path.with_name(f"{path.name}.before-{migration}"))


def apply_pending(connection: sqlite3.Connection, migrations: Migrations) -> None:
    """Apply the migrations that a file does not have yet, in the caller's transaction."""
    migrations.apply(_open(connection))


def _open(connection: sqlite3.Connection) -> sqlite_utils.Database:
    return sqlite_utils.Database(connection, recursive_triggers=False)
