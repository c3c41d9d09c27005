"""Work on a copy of the history that is thrown away, so that a check or an import can be tried."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watcher.config.settings import Settings, StoreSettings
from watcher.store.completeness import require_history
from watcher.store.location import history_exists
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SUFFIX
from watcher.store.sqlite_copy import copy_unopened
from watcher.store.store import Store


@contextmanager
def settings_of_copy(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose history and snapshots are a copy in a temporary folder; what they refer to stays as it is.

    The history is copied, so it needs as much room again. Snapshots are symbolic links: a receipt that is written again
    takes the place of its link. Raises StoreError if the history is lost or cannot be copied.
    """
    require_history(settings.store.location, SnapshotArchive(settings.store.archive))
    with tempfile.TemporaryDirectory(prefix="registry-watcher-") as name:
        folder = Path(name)
        copy = StoreSettings(path=folder / "history.db", snapshots=folder / "snapshots")
        if isinstance(settings.store.location, Path):
            if settings.store.path.exists():
                copy_unopened(settings.store.path, copy.path)
        elif history_exists(settings.store.location):
            with Store(settings.store.location, read_only=True) as store:
                store.copy_to(copy.path)
        _link_snapshots(settings.store.snapshots, copy.snapshots)
        changed = settings.model_copy(update={"store": copy})
        for collection in settings.collections:
            mirror = settings.folder_of(collection)
            if collection.rsync is not None and mirror is not None and mirror.is_dir():
                target = changed.folder_of(collection)
                if target is not None:
                    shutil.copytree(mirror, target, symlinks=True, copy_function=_link_or_copy)
        yield changed


def _link_snapshots(snapshots: Path, target: Path) -> None:
    for source in snapshots.iterdir() if snapshots.is_dir() else ():
        if source.is_dir():
            folder = target / source.name
            folder.mkdir(parents=True)
            for snapshot in source.glob("*" + SUFFIX):
                (folder / snapshot.name).symlink_to(snapshot.absolute())


def _link_or_copy(source: str, target: str) -> None:
    """Link a file that rsync replaces and never writes to, or copy it to another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
