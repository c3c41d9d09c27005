"""Opens the one SQLite file: pragmas, transactions, migrations. Names no table of ours.

Errors that the disk or another process causes (full, read-only, damaged, locked) become a StoreError. An error in a
statement stays SQLite's own, because it is a defect of this program.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from watcher.core.errors import StoreError
from watcher.core.lazy import load
from watcher.store.sqlite_copy import copy_database, find_damage

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

    from watcher.store import lock_holders, schema
    from watcher.store.base import Values
else:
    lock_holders, schema = load("lock_holders"), load("schema")

# The migrations of `watcher.store.schema` by name. If a file has them all, that module need not be loaded.
MIGRATIONS = [f"version_{number}" for number in range(1, 10)]
BUSY_SECONDS = 30.0  # how long to wait for a lock whose holder does nothing
_TRY_SECONDS = 2.0  # how long SQLite waits before this program looks whether the holder works

RESTORE = (
    "restore a backup (`watcher backup FOLDER --restore`), or move the file away and derive the history from the "
    "snapshots again (`watcher rebuild`): then only the record of checks, what is held, the outbox and "
    "acknowledgements are lost"
)

OLDEST_SQLITE = (3, 38, 0)  # `->>`; several ON CONFLICT clauses need 3.35
# The first release of each line without "The WAL-Reset Bug" (sqlite.org/wal.html): before them, restarting a WAL during
# a checkpoint can lose a commit.
_SOUND_WAL = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
_ENVIRONMENT = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_READONLY),
        *(sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN),
        sqlite3.SQLITE_NOTADB,
    }
)
_BEGIN, _COMMIT = "BEGIN IMMEDIATE", "COMMIT"
_DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def journal_mode(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> str:
    """Return the journal mode for a SQLite version: `wal` where it loses no commit, else `delete`."""
    sound = version >= _SOUND_WAL[-1] or any(version[:2] == fixed[:2] and version >= fixed for fixed in _SOUND_WAL)
    return "wal" if sound else "delete"


def find_old_sqlite() -> str | None:
    """Return in a sentence that the SQLite of this Python is too old; else None."""
    if sqlite3.sqlite_version_info >= OLDEST_SQLITE:
        return None
    needed = ".".join(map(str, OLDEST_SQLITE[:2]))
    return (
        f"SQLite {sqlite3.sqlite_version} is too old: the history needs {needed} or newer; "
        "upgrade libsqlite3, or use a Python that was built with a newer one"
    )


def to_store_error(path: Path, error: BaseException | None) -> StoreError | None:
    """Return a StoreError, with what to do, for an error that the disk or another process caused; else None."""
    code = _code(error)
    if code in _DAMAGE:
        return StoreError(f"{path}: damaged ({error}); {RESTORE}")
    if code == sqlite3.SQLITE_BUSY:
        return StoreError(
            f"{path}: {_describe_writer(path)} ({error}); nothing was changed, try again when it has ended"
        )
    return StoreError(f"{path}: {error}; nothing was changed") if code in _ENVIRONMENT else None


def _describe_writer(path: Path) -> str:
    return f"{lock_holders.Lock(path=path, kind='write').describe_holder()} is writing to the history"


def _code(error: BaseException | None) -> int:
    """Return SQLite's primary result code, 0 for an error that is not SQLite's."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class SqliteDatabase:
    """One connection to the history file, for one thread.

    The file and its folder are created if missing, unless `create` is False. A file of an older version is copied
    beside itself and migrated. `read_only` does none of that. Raises StoreError if the file is not ours, is damaged, or
    was written by a newer version.
    """

    def __init__(
        self, path: Path, *, create: bool = True, read_only: bool = False, migrations: Migrations | None = None
    ) -> None:
        if (too_old := find_old_sqlite()) is not None:
            raise StoreError(too_old)
        if not (create or path.exists()):
            raise StoreError(f"{path}: there is no history yet; run `watcher check` or `watcher import` first")
        self.path = path
        try:
            if read_only:
                self.conn = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
                if not self._list_applied():
                    self.close()
                    raise StoreError(f"{path}: is not a history of registry-watcher")
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self.conn = sqlite3.connect(path, timeout=min(_TRY_SECONDS, BUSY_SECONDS), isolation_level=None)
            # EXTRA, so that a commit survives a power cut: FULL does not sync the deletion of a rollback journal, and a
            # journal that comes back undoes the commit.
            for pragma in ("foreign_keys = ON", "synchronous = EXTRA", f"journal_mode = {journal_mode()}"):
                self.execute(f"PRAGMA {pragma}")
            self._migrate(migrations)
        except sqlite3.DatabaseError as error:
            advice = f"; {RESTORE}" if _code(error) in _DAMAGE else ""
            if _code(error) == sqlite3.SQLITE_BUSY:
                advice = f"; {_describe_writer(path)}; try again when it has ended"
            raise StoreError(f"{path}: cannot be used as the history: {error}{advice}") from error
        except OSError as error:
            raise StoreError(f"{path}: cannot be used as the history: {error}") from error

    def _migrate(self, migrations: Migrations | None) -> None:
        if migrations is None and self._list_applied() == MIGRATIONS:
            return
        migrations = migrations or schema.migrations
        pending = schema.list_pending(self.conn, self.path, migrations)
        if not pending:
            return
        schema.copy_older(self.conn, self.path, pending[0])
        with self.transaction():
            # Listed again under the lock: another process may have applied them in the meantime.
            if schema.list_pending(self.conn, self.path, migrations):
                schema.apply_pending(self.conn, migrations)

    def _list_applied(self) -> list[str]:
        """Return the names of the migrations that the file has."""
        if not self.execute("SELECT 1 FROM sqlite_schema WHERE name = '_sqlite_migrations'").fetchone():
            return []
        names = self.execute("SELECT name FROM _sqlite_migrations WHERE migration_set = 'registry-watcher'")
        return sorted(name for (name,) in names)

    @property
    def in_transaction(self) -> bool:
        return self.conn.in_transaction

    def execute(self, statement: str, values: Values = (), /) -> sqlite3.Cursor:
        """Run a statement; its rows are tuples. Waits while another process works on the history (`LockWait`)."""
        try:
            return self.conn.execute(statement, values)
        except sqlite3.OperationalError as error:
            if not self._can_wait(error, statement):
                raise
        wait = lock_holders.LockWait(self._lock_for(statement), idle=BUSY_SECONDS)
        while True:
            try:
                return self.conn.execute(statement, values)
            except sqlite3.OperationalError as error:
                if not (self._can_wait(error, statement) and wait.should_go_on()):
                    raise

    def _can_wait(self, error: sqlite3.OperationalError, statement: str) -> bool:
        """Return whether a statement that failed because of a lock changed nothing and may succeed later."""
        is_repeatable = not self.conn.in_transaction or statement == _COMMIT
        code = getattr(error, "sqlite_errorcode", 0)  # waiting never helps against SQLITE_BUSY_SNAPSHOT and its like
        return BUSY_SECONDS > 0 and is_repeatable and code == sqlite3.SQLITE_BUSY

    def _lock_for(self, statement: str) -> lock_holders.Lock:
        """Return the lock that a statement waits for: a commit waits for readers, any other for the writer."""
        return lock_holders.Lock(path=self.path, kind="read" if statement == _COMMIT else "write")

    def executemany(self, statement: str, values: Iterable[Values], /) -> sqlite3.Cursor:
        """Run a statement once for each of some values."""
        return self.conn.executemany(statement, values)

    def insert(self, statement: str, values: Values, /) -> int:
        """Run an INSERT of one row and return its `id`."""
        return int(self.execute(statement, values).lastrowid or 0)

    def query(self, statement: str, values: Values = (), /) -> Iterator[dict[str, Any]]:
        """Run a statement and yield its rows as column name → value."""
        cursor = self.execute(statement, values)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows into a table."""
        names, places = ", ".join(f'"{column}"' for column in columns), ", ".join("?" * len(columns))
        self.conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", rows)  # noqa: S608 - ours

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query, some at a time."""
        return self.execute(statement)

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all statements of a block read the history of one moment. Writers wait meanwhile, without a WAL."""
        self.execute("BEGIN")
        try:
            yield
        finally:
            self.conn.rollback()

    def defer_references(self) -> None:
        """Check at the end of the transaction whether rows refer to something."""
        self.execute("PRAGMA defer_foreign_keys = ON")

    def list_columns(self, table: str) -> list[str]:
        """Return the columns of a table, [] if it is missing: a file that is only read may be of an older version."""
        return [str(name) for (name,) in self.execute("SELECT name FROM pragma_table_info(?)", [table])]

    def __str__(self) -> str:
        return str(self.path)

    def index_texts(self, table: str, condition: str, values: Sequence[Any]) -> None:
        """Add the column `text` of the rows of a table that meet a condition to its full-text index."""
        self.execute(
            f"INSERT INTO {table}_fts (rowid, text) SELECT id, text FROM {table} WHERE {condition}",  # noqa: S608 - ours
            values,
        )

    def merge_search_index(self) -> None:
        """Merge the segments of both full-text indexes: a query looks up each word in every segment."""
        with self.transaction():
            for index in ("versions_fts", "events_fts"):
                self.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")  # noqa: S608 - constants

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the whole file to another one and return the number of rows of each table. Raises StoreError."""
        return copy_database(self.conn, target)

    def describe(self) -> str:
        """Return the size of the file and its journal mode, for people."""
        mode = self.execute("PRAGMA journal_mode").fetchone()[0]
        return f"{self.path.stat().st_size // 2**20:,} MiB, journal_mode = {mode}"

    def verify(self, *, thorough: bool = False) -> None:
        """Read the whole file; `thorough` also compares the references. Raises StoreError if it is damaged."""
        if (damage := find_damage(self.conn, thorough=thorough)) is not None:
            raise StoreError(f"{self.path}: damaged ({damage}); {RESTORE}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block all or nothing. A nested call is a savepoint.

        Takes the write lock at once, because a transaction that starts by reading cannot wait for it later. Raises
        StoreError if another process keeps the lock, or the disk is full, broken or read-only: the history is then
        unchanged, and the connection still works.
        """
        if self.conn.in_transaction:
            with self._savepoint():
                yield
            return
        try:
            self.execute(_BEGIN)
        except sqlite3.DatabaseError as error:
            if (store_error := self._to_store_error(error, _BEGIN)) is not None:
                raise store_error from error
            raise
        try:
            yield
            self.execute(_COMMIT)
        except sqlite3.DatabaseError as error:
            self.conn.rollback()
            if (store_error := self._to_store_error(error, _COMMIT)) is not None:
                raise store_error from error
            raise
        except BaseException:
            self.conn.rollback()
            raise

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self.execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            # An error such as a full disk can roll back the whole transaction, and the savepoint with it.
            if self.conn.in_transaction:
                self.execute("ROLLBACK TO nested")
                self.execute("RELEASE nested")
            raise
        self.execute("RELEASE nested")

    def _to_store_error(self, error: sqlite3.DatabaseError, statement: str) -> StoreError | None:
        if _code(error) == sqlite3.SQLITE_BUSY:
            activity = _describe_writer(self.path)
            if statement == _COMMIT:
                activity = f"{self._lock_for(_COMMIT).describe_holder()} is reading the history"
            return StoreError(f"{self.path}: {activity} ({error}); try again when it has ended")
        return to_store_error(self.path, error)

    def close(self) -> None:
        self.conn.close()
