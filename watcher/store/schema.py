"""The tables, made and brought up to date. Loaded only where there is something to do: reading needs none of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from importlib import resources
from typing import TYPE_CHECKING

import sqlite_utils
from sqlite_utils.migrations import Migrations

from watcher.core.errors import StoreError
from watcher.store.sqlite_copy import copy_database

if TYPE_CHECKING:
    from watcher.store.database import Database

migrations = Migrations("registry-watcher")


@migrations()
def version_1(db: sqlite_utils.Database) -> None:
    for statement in _statements(resources.files(__package__).joinpath("schema.sql").read_text("utf-8")):
        db.execute(statement)
    for table in ("versions", "events"):
        db.table(table).enable_fts(["text"], tokenize="unicode61")


def _statements(script: str) -> Iterator[str]:
    """Split a script, because `executescript` would commit the transaction that a migration runs in."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def migrate(database: Database, migrations: Migrations) -> None:
    """Bring a file up to date, after a copy of one that is older was laid beside it.

    Raises StoreError where the file is not ours to migrate.
    """
    db = sqlite_utils.Database(database.db.conn, recursive_triggers=False)
    waiting = _pending(database, db, migrations)
    if not waiting:
        return
    if db.table_names():
        copy_database(db.conn, database.path.with_name(f"{database.path.name}.before-{waiting[0]}"))
    with database.transaction():
        # Asked again under the lock: another process may have done it meanwhile.
        if _pending(database, db, migrations):
            migrations.apply(db)


def _pending(database: Database, db: sqlite_utils.Database, migrations: Migrations) -> list[str]:
    """The migrations that are to come, by name."""
    with sqlite_utils.Database(memory=True) as empty:
        known = {migration.name for migration in migrations.pending(empty)}
    applied = {migration.name for migration in migrations.applied(db)}
    if newer := applied - known:
        raise StoreError(f"{database.path}: written by a newer registry-watcher ({', '.join(sorted(newer))}); upgrade")
    if not applied and db.table_names():
        raise StoreError(f"{database.path}: is another program's database")
    return [migration.name for migration in migrations.pending(db)]
