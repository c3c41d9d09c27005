"""Copy an archive from a folder to object storage, or back, or between two of a kind."""

from __future__ import annotations

from collections.abc import Callable, Collection

from watcher.core.errors import StoreError
from watcher.store.archive_location import ArchiveLocation
from watcher.store.snapshot_file import read_frames
from watcher.store.snapshot_receipts import SnapshotReceipts


def copy_archive(
    origin: ArchiveLocation,
    target: ArchiveLocation,
    *,
    only: Collection[str] | None = None,
    update: bool = True,
    progress: Callable[[], None] = lambda: None,
) -> int:
    """Copy the snapshots that the target lacks; return how many. A copy that was interrupted goes on where it ended.

    `only` has the SHA-256 of those to copy, None: all. With `update` a receipt that differs is copied too. Frames are
    copied as they are, not decoded: `watcher verify` does that. Raises StoreError.
    """
    saved, written = SnapshotReceipts(origin), SnapshotReceipts(target)
    number = 0
    for source in saved.list_sources():
        with written.lock(source):
            for info in sorted(saved.read_all(source).values(), key=lambda info: info.number):
                progress()
                stored = written.read_all(source).get(info.sha256)
                if (only is not None and info.sha256 not in only) or (stored is not None and not update):
                    continue
                if stored is None or stored != info:
                    path = saved.path_of(source, info.sha256)
                    try:
                        frames = read_frames(path)
                    except (OSError, ValueError) as error:
                        raise StoreError(f"{path}: damaged ({error}); restore it from a backup") from error
                    written.write(info, frames)
                    number += 1
    return number
