"""Open the one SQLite file: pragmas, transactions, whether its tables are up to date. Knows no table by name.

What the disk or another process does to us (full, read-only, broken, locked) is a StoreError; what is wrong with a
statement stays SQLite's own error, for that is a defect of ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.core.errors import StoreError
from watcher.core.lazy import load
from watcher.store.connection import Connection
from watcher.store.sqlite_copy import damage

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

# The migrations of `watcher.store.schema` by name: a file that has them all needs nothing of that module.
VERSIONS = ["version_1"]
BUSY_SECONDS = 30

RESTORE = (
    "restore a backup (`watcher backup FOLDER --restore`), or move the file away and derive the history from the "
    "snapshots again (`watcher rebuild`): then only the record of checks, what is held and the outbox are lost"
)

# Until the first of each line, a WAL that is restarted while it is checkpointed could lose a commit
# (sqlite.org/wal.html, "The WAL-Reset Bug").
_SOUND_WAL = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
_ENVIRONMENT = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
        sqlite3.SQLITE_NOTADB,
    }
)
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def journal_mode(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """Return how a SQLite of this version keeps its journal: WAL where that is sound, else the rollback journal."""
    sound = version >= _SOUND_WAL[-1] or any(version[:2] == fixed[:2] and version >= fixed for fixed in _SOUND_WAL)
    return "wal" if sound else "delete"


def befell(path: Path, error: BaseException | None) -> StoreError | None:
    """Return what the disk or another process did to the history, in one line with what to do.

    None where it did nothing: a wrong statement is a defect of ours.
    """
    code = _code(error)
    if code in _DAMAGE:
        return StoreError(f"{path}: damaged ({error}); {RESTORE}")
    return StoreError(f"{path}: {error}; nothing was changed") if code in _ENVIRONMENT else None


def _code(error: BaseException | None) -> int:
    """SQLite's primary result code; 0 for an error that is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class Database:
    """One connection to the history, for one thread.

    `path` is created with its folder when it is not there, unless `create` is False. A file of an older version is
    migrated at once, after a copy was laid beside it. Raises StoreError where the file is not ours, is damaged, or was
    written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = True, migrations: Migrations | None = None) -> None:
        if not create and not path.exists():
            raise StoreError(f"{path}: there is no history yet; run `watcher check` or `watcher import` first")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            # A commit that was acknowledged survives a power cut. FULL is not enough where a journal is deleted: the
            # deletion itself must be synced, or the journal comes back and takes the commit back.
            for pragma in ("foreign_keys = ON", "synchronous = EXTRA", f"journal_mode = {journal_mode()}"):
                connection.execute(f"PRAGMA {pragma}")
            self.db = Connection(connection)
            self._migrate(migrations)
        except sqlite3.DatabaseError as error:
            advice = f"; {RESTORE}" if _code(error) in _DAMAGE else ""
            raise StoreError(f"{path}: cannot be used as the history: {error}{advice}") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be used as the history: {error}") from error

    def _migrate(self, migrations: Migrations | None) -> None:
        if migrations is None and self._applied() == VERSIONS:
            return
        schema = load("schema")
        schema.migrate(self, migrations or schema.migrations)

    def _applied(self) -> list[str]:
        """The names of the migrations that the file has."""
        if not self.db.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
            return []
        names = self.db.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'registry-watcher'")
        return sorted(name for (name,) in names)

    def check(self, *, thorough: bool = False) -> None:
        """Read the file through, `thorough` with its references. Raises StoreError where it is damaged."""
        if (found := damage(self.db.conn, thorough=thorough)) is not None:
            raise StoreError(f"{self.path}: damaged ({found}); {RESTORE}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Takes the write lock at once: a read that turns into a write could not wait for it later.

        Nests: inside a transaction it is a savepoint. Raises StoreError when another process keeps the lock, or the
        disk is full, broken or read-only: the history is as it was before, and the connection can be used again.
        """
        if self.db.conn.in_transaction:
            with self.db.savepoint():
                yield
            return
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.DatabaseError as error:
            if (refused := self._refused(error, "writing to")) is not None:
                raise refused from error
            raise
        try:
            yield
            self.db.execute("COMMIT")
        except sqlite3.DatabaseError as error:
            self.db.rollback()
            if (refused := self._refused(error, "reading")) is not None:
                raise refused from error
            raise
        except BaseException:
            self.db.rollback()
            raise

    def _refused(self, error: sqlite3.DatabaseError, doing: str) -> StoreError | None:
        if _code(error) == sqlite3.SQLITE_BUSY:
            return StoreError(f"{self.path}: another process is {doing} the history ({error}); try again")
        return befell(self.path, error)

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raises StoreError in place of what befell the history while it was read."""
        self.close()
        if (found := befell(self.path, error)) is not None:
            raise found from error
