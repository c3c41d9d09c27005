"""`Store`: the history database as the rest of the program sees it. Only this folder writes SQL."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.store.alarms import AlarmsTable
from watcher.store.channel_failures import ChannelFailuresTable
from watcher.store.check_log import CheckLog
from watcher.store.database import Database
from watcher.store.deadlines import DeadlinesTable
from watcher.store.history_reader import HistoryReader
from watcher.store.holds import HoldsTable
from watcher.store.new_release import IndexedRegistry
from watcher.store.outbox import OutboxTable
from watcher.store.release_writer import HistoryWriter
from watcher.store.sqlite_copy import copy_database

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations


class Store:
    """The tables of one history database, over one connection. Each thread opens its own and closes it."""

    def __init__(
        self,
        path: Path,
        *,
        create: bool = True,
        read_only: bool = False,
        migrations: Migrations | None = None,
    ) -> None:
        """Open `path`; create or migrate it if needed. `read_only` does neither and never waits for writers to start.

        Raises StoreError if the file is damaged, is not a history, is from a newer version, or does not exist and
        `create` is False.
        """
        self._database = Database(path, create=create, read_only=read_only, migrations=migrations)

    @property
    def path(self) -> Path:
        return self._database.path

    @cached_property
    def history(self) -> HistoryReader:
        return HistoryReader(self._database)

    @cached_property
    def checks(self) -> CheckLog:
        return CheckLog(self._database)

    @cached_property
    def outbox(self) -> OutboxTable:
        return OutboxTable(self._database)

    @cached_property
    def holds(self) -> HoldsTable:
        return HoldsTable(self._database)

    @cached_property
    def alarms(self) -> AlarmsTable:
        return AlarmsTable(self._database)

    @cached_property
    def deadlines(self) -> DeadlinesTable:
        return DeadlinesTable(self._database)

    @cached_property
    def channel_failures(self) -> ChannelFailuresTable:
        return ChannelFailuresTable(self._database)

    def writer(self, source: str, registry: IndexedRegistry) -> HistoryWriter:
        """Return the writer for the history of one source."""
        return HistoryWriter(self._database, source, registry)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block all or nothing, under the write lock; nested calls are savepoints. Raises StoreError."""
        with self._database.transaction():
            yield

    def merge_search_index(self) -> None:
        """Merge the segments of both full-text indexes, which makes queries faster after many imported releases.

        A query looks up each word in every segment. This rewrites both indexes. Raises StoreError.
        """
        with self.transaction():
            for index in ("versions_fts", "events_fts"):
                self._database.db.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")  # noqa: S608 - constants

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the whole database to a file and return the rows of each table. Raises StoreError."""
        return copy_database(self._database.db.conn, target)

    def check(self, *, thorough: bool = False) -> None:
        """Read the whole file; `thorough` also checks the references. Raises StoreError if it is damaged."""
        self._database.check(thorough=thorough)

    @property
    def journal_mode(self) -> str:
        """The journal mode of the file, `wal` or `delete`."""
        return str(self._database.db.execute("PRAGMA journal_mode").fetchone()[0])

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. Raises StoreError in place of an SQLite error that the disk or another process caused."""
        self._database.__exit__(kind, error, trace)
