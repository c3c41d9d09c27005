"""Keep a copy of history and snapshots in a folder, check it, and put it back.

    FOLDER/history.db       SQLite's own online backup: whole, of one moment, while the daemon writes
    FOLDER/snapshots/       the archive's files, as they are; only new ones are copied the next time
    FOLDER/backup.json      what is in it: rows a table, snapshots, when, by which version

The history is copied first: bytes are in the archive before the history names them, so that a copy made while checks go
on has every snapshot its history needs. Nothing in a backup is a container of files: no name in it is ever unpacked.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from watcher import __version__
from watcher.core.durable_files import sync_folder
from watcher.core.errors import StoreError, UsageError
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.sqlite_copy import copy_database, count_rows, find_damage
from watcher.store.store import Store

_HISTORY, _SNAPSHOTS, _MANIFEST = "history.db", "snapshots", "backup.json"
_SCHEMA = 1
Progress = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """What is in a backup: `rows` by table, the files of the archive, and how many of them are new in it."""

    made: str
    rows: Mapping[str, int]
    snapshots: int
    copied: int = 0


def make_backup(store: Store, snapshots: Path, folder: Path, *, now: str) -> BackupReport:
    """Bring a backup up to date, or begin one. Raises StoreError; what was there before is whole then, too."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MANIFEST).is_file():
        raise UsageError(f"{folder}: holds something else than a backup")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rows = store.copy_to(folder / _HISTORY)
        copied = sum(_copy(path, folder / _SNAPSHOTS / path.relative_to(snapshots)) for path in _files(snapshots))
        report = BackupReport(made=now, rows=rows, snapshots=len(list(_files(folder / _SNAPSHOTS))), copied=copied)
        _write(folder / _MANIFEST, report)
    except OSError as error:
        raise StoreError(f"{folder}: the backup cannot be written: {error}") from error
    return report


def verify_backup(folder: Path, progress: Progress = lambda: None) -> tuple[BackupReport, list[str]]:
    """Read a backup back as a whole; return what is in it and everything that is wrong with it.

    Raises UsageError where there is no backup.
    """
    report = read_manifest(folder)
    wrong = []
    try:
        # `mode=ro`: what is checked is not changed.
        with closing(sqlite3.connect(f"{(folder / _HISTORY).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if (found := find_damage(connection, thorough=True)) is not None:
                wrong.append(f"{folder / _HISTORY}: damaged ({found})")
            elif count_rows(connection) != report.rows:
                wrong.append(f"{folder / _HISTORY}: has other rows than when it was made")
            else:
                wrong += _missing(connection, folder / _SNAPSHOTS)
    except sqlite3.DatabaseError as error:
        wrong.append(f"{folder / _HISTORY}: damaged ({error})")
    wrong += [
        f"{each.path}: {each.reason}" for each in SnapshotArchive(folder / _SNAPSHOTS).find_damage(progress=progress)
    ]
    return report, wrong


def restore_backup(folder: Path, path: Path, snapshots: Path) -> BackupReport:
    """Put a backup where the configuration wants history and snapshots to be. Snapshots that are there already stay.

    Raises UsageError where a history is in the way, StoreError where the backup is not whole: nothing is touched then.
    """
    for there in (path, *(path.with_name(path.name + suffix) for suffix in ("-journal", "-wal", "-shm"))):
        if there.exists():
            raise UsageError(f"{there}: is in the way; stop the daemon and move it away first")
    report, wrong = verify_backup(folder)
    if wrong:
        raise StoreError("\n".join(wrong))
    try:
        kept = folder / _SNAPSHOTS
        copied = sum(_copy(each, snapshots / each.relative_to(kept), replace=False) for each in _files(kept))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Last: as long as there is no history, nothing uses the rest.
        with closing(sqlite3.connect(f"{(folder / _HISTORY).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            copy_database(connection, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be restored: {error}") from error
    return BackupReport(made=report.made, rows=report.rows, snapshots=report.snapshots, copied=copied)


def read_manifest(folder: Path) -> BackupReport:
    """Return what a backup says it holds. Raises UsageError where there is none."""
    try:
        said = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if said["schema"] != _SCHEMA:
            raise UsageError(f"{folder}: written by a newer registry-watcher; upgrade")
        return BackupReport(made=str(said["made"]), rows=dict(said["rows"]), snapshots=int(said["snapshots"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{folder}: is no backup ({_MANIFEST}: {error})") from error


def _missing(connection: sqlite3.Connection, snapshots: Path) -> Iterator[str]:
    """What the history names and the archive does not have."""
    named = connection.execute(
        """SELECT sources.name, sha256 FROM snapshots JOIN sources ON sources.id = source_id
        UNION SELECT source, sha256 FROM held_snapshots ORDER BY 1, 2"""
    )
    for source, sha256 in named:
        path = snapshots / source / f"{sha256}.zst"
        if not path.is_file():
            yield f"{path}: is missing"


def _files(snapshots: Path) -> Iterator[Path]:
    """The archive's files; a write that is going on is none yet."""
    yield from sorted(snapshots.glob("*/*.zst"))


def _copy(path: Path, target: Path, *, replace: bool = True) -> bool:
    """Copy a file whole or not at all; False where it is there already. A receipt that was rewritten is a new file."""
    found, there = path.stat(), target.stat() if target.exists() else None
    if there and (not replace or (there.st_size, there.st_mtime_ns) == (found.st_size, found.st_mtime_ns)):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_suffix(f".{os.getpid()}.tmp")
    try:
        shutil.copy2(path, beside)
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.rename(target)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(target.parent)
    return True


def _write(path: Path, report: BackupReport) -> None:
    beside = path.with_suffix(f".{os.getpid()}.tmp")
    said = {"schema": _SCHEMA, "made": report.made, "by": __version__, "rows": dict(report.rows)}
    with beside.open("w", encoding="utf-8") as file:
        json.dump({**said, "snapshots": report.snapshots}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    sync_folder(path.parent)
