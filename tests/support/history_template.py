"""Histories of tests begin as a copy of one that the migrations made in this process, which takes 1 ms instead of 11.

Only a file that is missing becomes a copy: histories of older versions are migrated, and processes that a test starts
create theirs themselves. `tests/store/test_database.py` compares a copy with what the migrations make.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from watcher.store.database import SqliteDatabase

create_history = SqliteDatabase.__init__


@cache
def make_template() -> bytes:
    """Return the bytes of a new history; made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.db"
        database = SqliteDatabase.__new__(SqliteDatabase)
        create_history(database, path)
        database.close()
        return path.read_bytes()


def _copy_template(path: Path) -> None:
    """Create a history, unless something has that name by then. Raises OSError."""
    unnamed = path.with_name(f".{path.name}.{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        unnamed.touch(0o644, exist_ok=False)
        unnamed.write_bytes(make_template())
        os.link(unnamed, path)
    finally:
        unnamed.unlink(missing_ok=True)


def open_history(
    self: SqliteDatabase, path: Path, *, create: bool = True, read_only: bool = False, migrations: Any = None
) -> None:
    """Open a history as `SqliteDatabase.__init__` does, but copy a new one."""
    is_file = str(path) != ":memory:"
    if is_file and create and not read_only and migrations is None and not path.exists():
        # What is wrong with the folder or the disk is for the real one to find out.
        with suppress(OSError):
            _copy_template(path)
    create_history(self, path, create=create, read_only=read_only, migrations=migrations)


@contextmanager
def made_by_migrations() -> Iterator[None]:
    """Let the migrations make each new history in a block."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SqliteDatabase, "__init__", create_history)
        yield


def install() -> None:
    """Let every history that this process makes from now on begin as a copy."""
    SqliteDatabase.__init__ = open_history  # type: ignore[method-assign]
