"""Copy a SQLite file while it is used, and say whether one is whole."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from watcher.core.durable_files import sync_folder
from watcher.core.errors import StoreError


def copy(source: sqlite3.Connection, target: Path) -> Mapping[str, int]:
    """Copy a database with SQLite's own backup; return how many rows each table has, in the copy as in the original.

    Writers wait meanwhile. The copy is read through before it gets its name; what had the name is replaced. Raises
    StoreError: then nothing of it is there.
    """
    beside = target.with_name(f"{target.name}.{os.getpid()}.tmp")
    try:
        # What is counted is what is copied: one reading transaction round both.
        source.execute("BEGIN")
        try:
            expected = counts(source)
            with closing(sqlite3.connect(beside)) as made:
                source.backup(made)
        finally:
            source.rollback()
        with closing(sqlite3.connect(beside, isolation_level=None)) as made:
            # One file that can be carried away, whatever the original keeps beside itself.
            made.execute("PRAGMA journal_mode = DELETE")
            found = damage(made, thorough=True) or ("" if counts(made) == expected else "it has other rows")
        if found:
            raise StoreError(f"{target}: the copy is not whole ({found})")
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.rename(target)
        sync_folder(target.parent)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{target}: the history cannot be copied there: {error}") from error
    finally:
        beside.unlink(missing_ok=True)
    return expected


def counts(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return how many rows each table has."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - its own tables
        for (name,) in tables
    }


def damage(connection: sqlite3.Connection, *, thorough: bool) -> str | None:
    """Return what is wrong with a database in a few words, None where nothing is; `thorough`: references too.

    Not `quick_check`: SQLite 3.40 reports NULL values where there are none (tables WITHOUT ROWID).
    """
    try:
        said = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        if said != ["ok"]:
            return "; ".join(" ".join(str(line).split()) for line in said)
        lost = connection.execute("PRAGMA foreign_key_check").fetchone() if thorough else None
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"a row of {lost[0]} refers to nothing" if lost else None
