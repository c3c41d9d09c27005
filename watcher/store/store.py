"""`Store`: the history database as the rest of the program sees it. Only this folder writes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.core.lazy import load
from watcher.store import completeness
from watcher.store.alarms import AlarmsTable
from watcher.store.channel_failures import ChannelFailuresTable
from watcher.store.check_log import CheckLog
from watcher.store.database import Database
from watcher.store.deadlines import DeadlinesTable
from watcher.store.history_reader import HistoryReader
from watcher.store.holds import HoldsTable
from watcher.store.moves import MovesTable
from watcher.store.outbox import OutboxTable
from watcher.store.sqlite_copy import copy_database

if TYPE_CHECKING:
    from watcher.store import release_writer
    from watcher.store.new_release import IndexedRegistry
    from watcher.store.release_writer import HistoryWriter
else:
    release_writer = load("release_writer")  # commands that only read do without it

if TYPE_CHECKING:
    from watcher.store.snapshot_archive import SnapshotArchive


class Store(Database):
    """The tables of one history database, over one connection. Each thread opens its own and closes it."""

    # Each table is constructed with this store on first use.
    history = cached_property(HistoryReader)
    checks = cached_property(CheckLog)
    outbox = cached_property(OutboxTable)
    holds = cached_property(HoldsTable)
    alarms = cached_property(AlarmsTable)
    deadlines = cached_property(DeadlinesTable)
    moves = cached_property(MovesTable)
    channel_failures = cached_property(ChannelFailuresTable)

    def writer(self, source: str, registry: IndexedRegistry, *, is_group: bool = False) -> HistoryWriter:
        """Return the writer for the history of one source; `is_group`: a registry group of a collection."""
        return release_writer.HistoryWriter(self, source, registry, is_group=is_group)

    def merge_search_index(self) -> None:
        """Merge the segments of both full-text indexes, which makes queries faster after many imported releases.

        A query looks up each word in every segment. This rewrites both indexes. Raises StoreError.
        """
        with self.transaction():
            for index in ("versions_fts", "events_fts"):
                self.execute(f"INSERT INTO {index} ({index}) VALUES ('optimize')")  # noqa: S608 - constants

    def list_missing_snapshots(self, snapshots: Path) -> list[Path]:
        """Return the path of each snapshot that the history names and an archive does not have."""
        return list(completeness.list_missing_snapshots(self.conn, snapshots))

    def find_lost_sources(self, archive: SnapshotArchive) -> list[str]:
        """Return a sentence for each source that an archive has several releases of and the history has not one."""
        return list(completeness.find_lost_sources(self.conn, archive))

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the whole database to a file and return the rows of each table. Raises StoreError."""
        return copy_database(self.conn, target)

    @property
    def journal_mode(self) -> str:
        """The journal mode of the file, `wal` or `delete`."""
        return str(self.execute("PRAGMA journal_mode").fetchone()[0])
