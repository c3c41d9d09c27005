"""`Store`: the history database as the rest of the program sees it. Only this folder writes SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.store import words
from watcher.store.alarms import AlarmsTable
from watcher.store.channel_failures import ChannelFailuresTable
from watcher.store.check_log import CheckLog
from watcher.store.connection import Connection
from watcher.store.database import Database
from watcher.store.history_reader import HistoryReader
from watcher.store.holds import HoldsTable
from watcher.store.outbox import OutboxTable
from watcher.store.release_writer import HistoryWriter

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

    from watcher.registries.base import Registry


class Store:
    """The tables of one history database, over one connection. A thread opens its own and closes it."""

    def __init__(self, path: Path, *, create: bool = True, migrations: Migrations | None = None) -> None:
        """Open `path`, and create or migrate it where needed.

        Raises StoreError if the file is damaged, is not a history, is from a newer version, or does not exist and
        `create` is False.
        """
        self._database = Database(path, create=create, migrations=migrations)

    @property
    def path(self) -> Path:
        return self._database.path

    @property
    def db(self) -> Connection:
        """The connection itself."""
        return self._database.db

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
    def channel_failures(self) -> ChannelFailuresTable:
        return ChannelFailuresTable(self._database)

    def writer(self, source: str, registry: Registry) -> HistoryWriter:
        """Return what writes the history of one source."""
        return HistoryWriter(self._database, source, registry)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, under the write lock; nested calls are savepoints. Raises StoreError (`Database`)."""
        with self._database.transaction():
            yield

    def merge_search_index(self) -> None:
        """Merge the segments of the full-text index. Many imported releases leave many, which make queries slow."""
        words.gather(self._database)

    def check(self, *, thorough: bool = False) -> None:
        """Read the file through, `thorough` with its references. Raises StoreError if it is damaged."""
        self._database.check(thorough=thorough)

    def close(self) -> None:
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. Raises StoreError in place of an SQLite error that the disk or another process caused."""
        self._database.__exit__(kind, error, trace)
