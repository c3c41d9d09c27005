"""The bytes of a release as they were served."""

from __future__ import annotations

from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive


def read_served_bytes(history: HistoryReader, archive: SnapshotArchive, source: str, reference: str) -> bytes:
    """Return a snapshot, checked against its SHA-256: the one that a SHA-256 prefix names, else its release's.

    Raises UsageError for an unknown release, StoreError for a damaged or missing snapshot.
    """
    release = history.find_release(source, reference)
    named = [sha256 for sha256 in history.list_snapshots(source, release) if sha256.startswith(reference.lower())]
    return archive.read_snapshot(source, named[0] if len(named) == 1 else release.release.sha256)
