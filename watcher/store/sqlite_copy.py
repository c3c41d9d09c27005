"""Copies an SQLite file while it is in use, and finds damage in one."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from watcher.core.durable_files import replace_file
from watcher.core.errors import StoreError
from watcher.core.operator_files import open_regular_file

_WAL_VERSIONS = b"\x02\x02"  # of the file format, in its header: written and read with a WAL


def copy_database(source: sqlite3.Connection, target: Path) -> Mapping[str, int]:
    """Copy a database with SQLite's online backup and return the number of rows of each table.

    Writers wait meanwhile. The copy is checked before it replaces `target`. Raises StoreError; `target` is then
    unchanged.
    """
    try:
        with replace_file(target) as temporary:
            # One read transaction around both, so that the counts are those of the copy.
            source.execute("BEGIN")
            try:
                expected = count_rows(source)
                with closing(sqlite3.connect(temporary)) as copy:
                    source.backup(copy)
            finally:
                source.rollback()
            with closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
                # The copy must be one file, even where the original has a WAL beside it.
                copy.execute("PRAGMA journal_mode = DELETE")
                damage = find_damage(copy, thorough=True)
                if damage is None and count_rows(copy) != expected:
                    damage = "it has other rows"
            if damage:
                raise StoreError(f"{target}: the copy is not whole ({damage})")
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{target}: the history cannot be copied there: {error}") from error
    return expected


def copy_unopened(path: Path, target: Path) -> None:
    """Copy a database without creating a file beside it, as opening one in WAL mode does. Raises StoreError."""
    try:
        with open_regular_file(path) as file:
            is_wal = file.read(20)[18:] == _WAL_VERSIONS
        # Without a WAL file nobody has it open, and it is whole as it is.
        unlocked = "&immutable=1" if is_wal and not path.with_name(f"{path.name}-wal").exists() else ""
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro{unlocked}", uri=True)) as source:
            copy_database(source, target)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}") from error


def count_rows(connection: sqlite3.Connection) -> Mapping[str, int]:
    """Return the number of rows of each table."""
    tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    return {
        name: int(connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - its own tables
        for (name,) in tables
    }


def find_damage(connection: sqlite3.Connection, *, thorough: bool) -> str | None:
    """Return what is wrong with a database in a few words, None if it is whole; `thorough` also checks references.

    Not `quick_check`: SQLite 3.40 reports NULL values that do not exist, in tables WITHOUT ROWID.
    """
    try:
        messages = [row[0] for row in connection.execute("PRAGMA integrity_check(3)")]
        if messages != ["ok"]:
            return "; ".join(" ".join(str(message).split()) for message in messages)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone() if thorough else None
    except sqlite3.DatabaseError as error:
        return str(error)
    return f"a row of {broken[0]} refers to nothing" if broken else None
