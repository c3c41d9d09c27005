"""`Store`: the history database as the rest of the program sees it. Only this folder writes SQL."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from watcher.core.lazy import load
from watcher.store import completeness
from watcher.store.check_log import CheckLog
from watcher.store.history_reader import HistoryReader
from watcher.store.location import HistoryLocation, open_database, to_store_error

if TYPE_CHECKING:
    from sqlite_utils.migrations import Migrations

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
    from watcher.store.postgresql import work as work_tables
    from watcher.store.snapshot_archive import SnapshotArchive
else:
    # Commands that only read the history do without these.
    release_writer, outbox, holds = load("release_writer"), load("outbox"), load("holds")
    alarms, deadlines, moves = load("alarms_table"), load("deadlines"), load("moves")
    channel_failures, acknowledgements = load("channel_failures"), load("acknowledgements")
    work_tables = load("work_tables")


class Store:
    """The tables of one history database, over one connection. Each thread opens its own and closes it.

    The history is created if missing, unless `create` is False; one of an older version is migrated, a file after it
    was copied beside itself. `read_only` does none of that. Raises StoreError if the database is not ours, is damaged,
    or was written by a newer version.
    """

    def __init__(
        self,
        location: HistoryLocation,
        *,
        create: bool = True,
        read_only: bool = False,
        migrations: Migrations | None = None,
    ) -> None:
        self.location = location
        self.database = open_database(location, create=create, read_only=read_only, migrations=migrations)

    @cached_property
    def history(self) -> HistoryReader:
        return HistoryReader(self.database)

    @cached_property
    def checks(self) -> CheckLog:
        return CheckLog(self.database)

    @cached_property
    def outbox(self) -> outbox.OutboxTable:
        return outbox.OutboxTable(self.database)

    @cached_property
    def holds(self) -> holds.HoldsTable:
        return holds.HoldsTable(self.database)

    @cached_property
    def alarms(self) -> alarms.AlarmsTable:
        return alarms.AlarmsTable(self.database)

    @cached_property
    def deadlines(self) -> deadlines.DeadlinesTable:
        return deadlines.DeadlinesTable(self.database)

    @cached_property
    def moves(self) -> moves.MovesTable:
        return moves.MovesTable(self.database)

    @cached_property
    def channel_failures(self) -> channel_failures.ChannelFailuresTable:
        return channel_failures.ChannelFailuresTable(self.database)

    @cached_property
    def acknowledgements(self) -> acknowledgements.AcknowledgementsTable:
        return acknowledgements.AcknowledgementsTable(self.database)

    @cached_property
    def work(self) -> work_tables.WorkTables:
        """What the workers of a history in PostgreSQL share. Raises UsageError for one in SQLite."""
        return work_tables.open_tables(self.database)

    def find_work(self) -> work_tables.WorkTables | None:
        """Return what the workers of this history share; None if it never had workers."""
        return self.work if not isinstance(self.location, Path) and self.work.exist() else None

    def writer(self, source: str, registry: IndexedRegistry, *, is_group: bool = False) -> release_writer.HistoryWriter:
        """Return the writer for the history of one source; `is_group`: a registry group of a collection."""
        return release_writer.HistoryWriter(self.database, source, registry, is_group=is_group)

    def merge_search_index(self) -> None:
        """Make full-text queries faster after many imported releases. Raises StoreError."""
        self.database.merge_search_index()

    def list_missing_snapshots(self, archive: SnapshotArchive) -> list[Path]:
        """Return the path of each snapshot that the history names and an archive does not have."""
        return list(completeness.list_missing_snapshots(self.database, archive))

    def find_lost_sources(self, archive: SnapshotArchive) -> list[str]:
        """Return a sentence for each source that an archive has several releases of and the history has not one."""
        return list(completeness.find_lost_sources(self.database, archive))

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the whole history to an SQLite file and return the rows of each table. Raises StoreError."""
        return self.database.copy_to(target)

    def describe(self) -> str:
        """Return the size of the history and how the database keeps it, for people."""
        return self.database.describe()

    def verify(self, *, thorough: bool = False) -> None:
        """Read the whole history; `thorough` also compares the references. Raises StoreError if it is damaged."""
        self.database.verify(thorough=thorough)

    def transaction(self) -> AbstractContextManager[None]:
        """Run a block all or nothing. A nested call is a savepoint.

        Takes the write lock at once, because a transaction that starts by reading cannot wait for it later. Raises
        StoreError if another process keeps the lock, or the disk is full, broken or read-only: the history is then
        unchanged, and the connection still works.
        """
        return self.database.transaction()

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close. Raises StoreError in place of an error of the database that the disk or another process caused."""
        self.close()
        if (store_error := to_store_error(self.location, error)) is not None:
            raise store_error from error
