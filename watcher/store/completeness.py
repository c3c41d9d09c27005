"""Compare the history with the archive: snapshots that are missing, and sources whose history is missing.

A source without a history gets a new baseline at its next check, and no alert is sent for what changed before it. So
where the archive shows that there was a history, the caller refuses to begin another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.core.errors import StoreError
from watcher.store.location import HistoryLocation, history_exists

if TYPE_CHECKING:
    from watcher.store.base import Statements
    from watcher.store.snapshot_archive import SnapshotArchive
    from watcher.store.snapshot_file import SnapshotInfo

ADVICE = (
    "restore a backup (`watcher backup FOLDER --restore`), or rebuild the history from the snapshots that are there "
    "(`watcher rebuild`)"
)


def find_missing_history(location: HistoryLocation, archive: SnapshotArchive) -> str | None:
    """Return in a sentence that there is no history although the archive has snapshots of one; else None.

    Raises StoreError if a server cannot be asked.
    """
    state = "is missing" if not history_exists(location) else "is empty" if _is_empty(location) else None
    number = sum(map(len, _accepted(archive).values())) if state else 0
    return f"{location}: {state}, but the archive has {_count(number)} of it; {ADVICE}" if number else None


def require_history(location: HistoryLocation, archive: SnapshotArchive) -> None:
    """Raise StoreError if there is no history although the archive has snapshots of one."""
    if (problem := find_missing_history(location, archive)) is not None:
        raise StoreError(problem)


def find_lost_sources(connection: Statements, archive: SnapshotArchive) -> Iterator[str]:
    """Yield a sentence for each source with snapshots of several releases and not one release in the history.

    If all were imported, no alert was due for them, and the next check or import derives the history from them.
    """
    rows = connection.execute("SELECT name FROM sources WHERE id IN (SELECT source_id FROM releases)")
    recorded = {name for (name,) in rows}
    for source, snapshots in _accepted(archive).items():
        if len(snapshots) > 1 and source not in recorded and any(snapshot.live for snapshot in snapshots):
            yield describe_lost_source(source, len(snapshots))


def describe_lost_source(source: str, number: int) -> str:
    return f"{source}: the archive has {number} snapshots of it and the history has no release; {ADVICE}"


def list_missing_snapshots(connection: Statements, archive: SnapshotArchive) -> Iterator[Path]:
    """Yield the path of each snapshot that the history names and the archive does not have."""
    rows = connection.execute(
        """SELECT sources.name, sha256 FROM snapshots JOIN sources ON sources.id = source_id
        UNION SELECT source, sha256 FROM held_snapshots ORDER BY 1, 2"""
    )
    for source, pairs in groupby(rows, key=itemgetter(0)):
        yield from archive.find_missing(source, [sha256 for _, sha256 in pairs])


def _count(number: int) -> str:
    return f"{number} snapshot" + "s" * (number != 1)


def _is_empty(location: HistoryLocation) -> bool:
    """Return whether nothing was ever written to a file, not even to a write-ahead log beside it."""
    if not isinstance(location, Path):
        return False
    return not location.stat().st_size and not location.with_name(f"{location.name}-wal").exists()


def _accepted(archive: SnapshotArchive) -> dict[str, list[SnapshotInfo]]:
    """Return the receipt of every snapshot that is a release, by source."""
    accepted: dict[str, list[SnapshotInfo]] = {}
    for info in archive.list_snapshots():
        if info.accepted and info.refused is None:
            accepted.setdefault(info.source, []).append(info)
    return accepted
