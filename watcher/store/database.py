"""Open the one SQLite file: schema, migrations, pragmas, transactions. Knows no table by name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

import sqlite_utils
from sqlite_utils.migrations import Migrations

from watcher.errors import StoreError

migrations = Migrations("registry-watcher")
BUSY_SECONDS = 30


@migrations()
def version_1(db: sqlite_utils.Database) -> None:
    for statement in _statements(resources.files(__package__).joinpath("schema.sql").read_text("utf-8")):
        db.execute(statement)
    for table in ("versions", "events"):
        db.table(table).enable_fts(["text"], create_triggers=True, tokenize="unicode61")


def _statements(script: str) -> Iterator[str]:
    """Split a script, because `executescript` would commit the transaction that a migration runs in."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""


class Database:
    """One connection to the history, for one thread.

    `path` is created with its folder when it is not there, unless `create` is False. Raises StoreError where the
    file is not ours, is damaged, or was written by a newer version.
    """

    def __init__(self, path: Path, *, create: bool = True) -> None:
        if not create and not path.exists():
            raise StoreError(f"{path}: there is no history yet; run `watcher check` or `watcher import` first")
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            # FULL: a commit that was acknowledged survives a power cut.
            for pragma in ("foreign_keys = ON", "synchronous = FULL", "journal_mode = DELETE"):
                connection.execute(f"PRAGMA {pragma}")
            self.db = sqlite_utils.Database(connection, recursive_triggers=False)
            self._migrate()
        except (sqlite3.DatabaseError, OSError) as error:
            raise StoreError(f"{path}: cannot be used as the history: {error}") from error

    def _migrate(self) -> None:
        if self._pending():
            # All or nothing, and asked again under the lock: another process may have done it meanwhile.
            with self.transaction():
                if self._pending():
                    migrations.apply(self.db)

    def _pending(self) -> bool:
        known = {"version_1"}
        applied = {migration.name for migration in migrations.applied(self.db)}
        if newer := applied - known:
            raise StoreError(f"{self.path}: written by a newer registry-watcher ({', '.join(sorted(newer))}); upgrade")
        if not applied and self.db.table_names():
            raise StoreError(f"{self.path}: is another program's database")
        return bool(known - applied)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Takes the write lock at once: a read that turns into a write could not wait for it later.

        Nests: inside a transaction it is a savepoint. Raises StoreError when another process keeps the lock.
        """
        if self.db.conn.in_transaction:
            with self.db.atomic():
                yield
            return
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path}: another process is writing to the history ({error}); try again") from error
        try:
            yield
        except BaseException:
            self.db.rollback()
            raise
        try:
            self.db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            self.db.rollback()
            raise StoreError(f"{self.path}: another process is reading the history ({error}); try again") from error
        except BaseException:
            self.db.rollback()
            raise

    def close(self) -> None:
        self.db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
