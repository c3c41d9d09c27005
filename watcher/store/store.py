"""`Store`: the history database as the rest of the program sees it. Only this folder writes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.core.lazy import load
from watcher.store import completeness
from watcher.store.check_log import CheckLog
from watcher.store.database import Database
from watcher.store.history_reader import HistoryReader
from watcher.store.sqlite_copy import copy_database

if TYPE_CHECKING:
    from watcher.store import (
        acknowledgements,
        alarms,
        channel_failures,
        deadlines,
        holds,
        moves,
        outbox,
        release_writer,
    )
    from watcher.store.new_release import IndexedRegistry
    from watcher.store.snapshot_archive import SnapshotArchive
else:
    # Commands that only read the history do without these.
    release_writer, outbox, holds = load("release_writer"), load("outbox"), load("holds")
    alarms, deadlines, moves = load("alarms_table"), load("deadlines"), load("moves")
    channel_failures, acknowledgements = load("channel_failures"), load("acknowledgements")


class Store(Database):
    """The tables of one history database, over one connection. Each thread opens its own and closes it."""

    # Each table is constructed with this store on first use.
    history = cached_property(HistoryReader)
    checks = cached_property(CheckLog)

    @cached_property
    def outbox(self) -> outbox.OutboxTable:
        return outbox.OutboxTable(self)

    @cached_property
    def holds(self) -> holds.HoldsTable:
        return holds.HoldsTable(self)

    @cached_property
    def alarms(self) -> alarms.AlarmsTable:
        return alarms.AlarmsTable(self)

    @cached_property
    def deadlines(self) -> deadlines.DeadlinesTable:
        return deadlines.DeadlinesTable(self)

    @cached_property
    def moves(self) -> moves.MovesTable:
        return moves.MovesTable(self)

    @cached_property
    def channel_failures(self) -> channel_failures.ChannelFailuresTable:
        return channel_failures.ChannelFailuresTable(self)

    @cached_property
    def acknowledgements(self) -> acknowledgements.AcknowledgementsTable:
        return acknowledgements.AcknowledgementsTable(self)

    def writer(self, source: str, registry: IndexedRegistry, *, is_group: bool = False) -> release_writer.HistoryWriter:
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
