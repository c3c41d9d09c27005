"""Back up history and snapshots to a folder, verify the backup, restore it.

    FOLDER/history.db       SQLite's online backup: the state of one moment, while the daemon writes
    FOLDER/snapshots/       the files of the archive; the next backup copies only new ones
    FOLDER/backup.json      its contents: rows of each table, number of snapshots, time, version

The history is copied first. Snapshots are stored before the history names them, so a backup made while checks run has
every snapshot that its history needs. A backup has plain files only, so a restore unpacks no stored names.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from watcher import __version__
from watcher.core.durable_files import replace_file
from watcher.core.errors import StoreError, UsageError
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.sqlite_copy import copy_database, count_rows, find_damage
from watcher.store.store import Store

_HISTORY, _SNAPSHOTS, _MANIFEST = "history.db", "snapshots", "backup.json"
_SCHEMA = 1
Progress = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupReport:
    """The contents of a backup: rows of each table, number of snapshots, and how many of them were copied now."""

    made: str
    rows: Mapping[str, int]
    snapshots: int
    copied: int = 0


def make_backup(store: Store, snapshots: Path, folder: Path, *, now: str) -> BackupReport:
    """Create or update a backup. Raises UsageError or StoreError; the previous backup is then still whole."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MANIFEST).is_file():
        raise UsageError(f"{folder}: is not empty and not a backup")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        rows = store.copy_to(folder / _HISTORY)
        copied = sum(_copy_file(path, folder / _SNAPSHOTS / path.relative_to(snapshots)) for path in _list(snapshots))
        report = BackupReport(made=now, rows=rows, snapshots=len(_list(folder / _SNAPSHOTS)), copied=copied)
        _write_manifest(folder / _MANIFEST, report)
    except OSError as error:
        raise StoreError(f"{folder}: the backup cannot be written: {error}") from error
    return report


def verify_backup(folder: Path, progress: Progress = lambda: None) -> tuple[BackupReport, list[str]]:
    """Read the whole backup; return its contents and one line for each damage.

    Raises UsageError if there is no backup.
    """
    report = read_manifest(folder)
    damages = []
    try:
        # `mode=ro`, so that the verification changes nothing.
        with closing(sqlite3.connect(f"{(folder / _HISTORY).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            if (reason := find_damage(connection, thorough=True)) is not None:
                damages.append(f"{folder / _HISTORY}: damaged ({reason})")
            elif count_rows(connection) != report.rows:
                damages.append(f"{folder / _HISTORY}: does not have the rows that the manifest counts")
            else:
                damages += _list_missing(connection, folder / _SNAPSHOTS)
    except sqlite3.DatabaseError as error:
        damages.append(f"{folder / _HISTORY}: damaged ({error})")
    archive = SnapshotArchive(folder / _SNAPSHOTS)
    damages += [f"{damage.path}: {damage.reason}" for damage in archive.find_damage(progress=progress)]
    return report, damages


def restore_backup(folder: Path, path: Path, snapshots: Path) -> BackupReport:
    """Copy a backup to the configured history and snapshots. Snapshots that exist already stay.

    Raises UsageError if there is a history already, StoreError if the backup is not whole; nothing is changed then.
    """
    for file in (path, *(path.with_name(path.name + suffix) for suffix in ("-journal", "-wal", "-shm"))):
        if file.exists():
            raise UsageError(f"{file}: is in the way; stop the daemon and move it away first")
    report, damages = verify_backup(folder)
    if damages:
        raise StoreError("\n".join(damages))
    try:
        saved = folder / _SNAPSHOTS
        copied = sum(_copy_file(file, snapshots / file.relative_to(saved), replace=False) for file in _list(saved))
        path.parent.mkdir(parents=True, exist_ok=True)
        # Last: without a history nothing uses the snapshots.
        with closing(sqlite3.connect(f"{(folder / _HISTORY).absolute().as_uri()}?mode=ro", uri=True)) as connection:
            copy_database(connection, path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be restored: {error}") from error
    return BackupReport(made=report.made, rows=report.rows, snapshots=report.snapshots, copied=copied)


def read_manifest(folder: Path) -> BackupReport:
    """Return the contents of a backup as its manifest states them. Raises UsageError if there is no backup."""
    try:
        fields = json.loads((folder / _MANIFEST).read_text("utf-8"))
        if fields["schema"] != _SCHEMA:
            raise UsageError(f"{folder}: written by a newer registry-watcher; upgrade")
        return BackupReport(made=str(fields["made"]), rows=dict(fields["rows"]), snapshots=int(fields["snapshots"]))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{folder}: is not a backup ({_MANIFEST}: {error})") from error


def _list_missing(connection: sqlite3.Connection, snapshots: Path) -> Iterator[str]:
    """Yield a line for each snapshot that the history names and the archive does not have."""
    rows = connection.execute(
        """SELECT sources.name, sha256 FROM snapshots JOIN sources ON sources.id = source_id
        UNION SELECT source, sha256 FROM held_snapshots ORDER BY 1, 2"""
    )
    for source, sha256 in rows:
        path = snapshots / source / f"{sha256}.zst"
        if not path.is_file():
            yield f"{path}: is missing"


def _list(snapshots: Path) -> list[Path]:
    """Return the files of an archive, without those that are being written."""
    return sorted(snapshots.glob("*/*.zst"))


def _copy_file(path: Path, target: Path, *, replace: bool = True) -> bool:
    """Copy a file all or nothing; return False if it is there already, with the same size and time."""
    source, present = path.stat(), target.stat() if target.exists() else None
    if present and (not replace or (present.st_size, present.st_mtime_ns) == (source.st_size, source.st_mtime_ns)):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(target) as temporary:
        shutil.copy2(path, temporary)
    return True


def _write_manifest(path: Path, report: BackupReport) -> None:
    fields = {"schema": _SCHEMA, "made": report.made, "by": __version__, "rows": dict(report.rows)}
    with replace_file(path) as temporary:
        temporary.write_text(json.dumps({**fields, "snapshots": report.snapshots}, indent=2), "utf-8")
