"""The receipts of the archive: found, read once per process, and written while no other process writes."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from watcher.core.clock import SystemClock
from watcher.core.durable_files import replace_files, temporary_path
from watcher.core.errors import StoreError, UsageError
from watcher.core.lazy import load
from watcher.core.patterns import regex
from watcher.store.archive_location import ArchiveLocation
from watcher.store.lock_holders import Lock, LockWait
from watcher.store.snapshot_file import (
    SHA256,
    SUFFIX,
    SnapshotInfo,
    join_file,
    read_frames,
    read_info,
    verify_checksum,
    write_file,
    write_snapshot_file,
)

if TYPE_CHECKING:
    from watcher.store import shared_receipts
else:
    shared_receipts = load("shared_receipts")

_SOURCE = regex(r"[a-z0-9][a-z0-9._-]{0,63}")
_BUSY_SECONDS = 30.0  # how long to wait for a lock whose holder does nothing
_LOCK_PAUSE, _TRIES = 0.01, 100  # seconds between two tries; tries until the holder is looked at again


class _Batch:
    """The files that one block writes and that get their names together, and the folders that it keeps locked."""

    def __init__(self, locks: ExitStack) -> None:
        self.locks = locks
        self.sources: set[str] = set()  # whose folders are locked
        # Files that are written to their `temporary_path`, in order: a snapshot needs the one it is compressed against.
        self.waiting: dict[Path, None] = {}


class SnapshotReceipts:
    """The receipts of all sources under one folder. For one thread.

    The receipts of a source are read from disk once, and again when the time of modification of its folder shows that
    another process wrote one.
    """

    def __init__(self, location: ArchiveLocation) -> None:
        self._root = location if isinstance(location, Path) else location.folder
        self._shared = None if isinstance(location, Path) else shared_receipts.SharedReceipts(location.url, self._root)
        self._infos: dict[str, dict[str, SnapshotInfo]] = {}  # by source and SHA-256
        self._locked: set[str] = set()  # sources
        self._versions: dict[str, int] = {}  # by source: the folder's time of modification when its receipts were read
        self._batch: _Batch | None = None

    def list_sources(self) -> list[str]:
        """Return the sources that have snapshots, by name."""
        if self._shared is not None:
            return [name for name in self._shared.list_sources() if _SOURCE.fullmatch(name)]
        names = sorted(path.name for path in _list_folder(self._root) if _SOURCE.fullmatch(path.name))
        return [name for name in names if _list_snapshot_files(self._root / name)]

    def folder_of(self, source: str) -> Path:
        """Return the folder of a source. Raises UsageError if the name could lead out of the archive."""
        if not _SOURCE.fullmatch(source):
            raise UsageError(f"{source!r} is not a source name: lower-case letters, digits and . _ -, 64 at most")
        return self._root / source

    def path_of(self, source: str, sha256: str) -> Path:
        """Return the file of a snapshot. Raises UsageError if it is not a whole SHA-256."""
        if not SHA256.fullmatch(sha256):
            raise UsageError(f"{sha256!r} is not a SHA-256")
        return self.folder_of(source) / (sha256 + SUFFIX)

    def file_of(self, source: str, sha256: str) -> Path:
        """Return the file that has the bytes of a snapshot now: in a batch, one that waits for its name."""
        path = self.path_of(source, sha256)
        return temporary_path(path) if self._batch and path in self._batch.waiting else path

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Give all files that a block writes their names at its end, after one sync of each; after an error, none.

        Every folder that the block locks stays locked until then. In object storage each file is written at once.
        Raises StoreError.
        """
        if self._shared is not None:
            yield
            return
        with ExitStack() as locks:
            batch = self._batch = _Batch(locks)
            try:
                yield
                self._write_names(batch)
            except BaseException:
                for path in batch.waiting:
                    with suppress(OSError):
                        temporary_path(path).unlink(missing_ok=True)
                for source in batch.sources:
                    self._infos.pop(source, None)
                    self._versions.pop(source, None)
                raise
            finally:
                self._batch = None

    def _write_names(self, batch: _Batch) -> None:
        try:
            replace_files(batch.waiting)
        except OSError as error:
            raise StoreError(f"{self._root}: cannot be written: {error.strerror}") from error
        for source in batch.sources:
            self._mark_written(source)

    @contextmanager
    def lock(self, source: str) -> Iterator[None]:
        """Keep other processes from writing snapshots of a source during the block; read what they wrote before.

        In object storage no lock holds off other hosts: the second writer gets ReceiptConflict from `write`. Raises
        StoreError if another process keeps the lock.
        """
        if source in self._locked:
            yield
            return
        if self._batch is not None:
            self._batch.locks.enter_context(self._lock_now(source))
            self._batch.sources.add(source)
            yield
            return
        with self._lock_now(source):
            yield

    @contextmanager
    def _lock_now(self, source: str) -> Iterator[None]:
        folder = self.folder_of(source)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(folder, os.O_RDONLY)
        except OSError as error:
            raise StoreError(f"{folder}: cannot be written: {error.strerror}") from error
        try:
            _lock_folder(descriptor, folder)
            if self._shared is not None and self._shared.pull(source):
                self._mark_written(source)
                self._read_again(source)
            if self._versions.get(source) != os.fstat(descriptor).st_mtime_ns:
                self._read_again(source)
            self._locked.add(source)
            yield
        finally:
            self._locked.discard(source)
            os.close(descriptor)

    def read_all(self, source: str) -> Mapping[str, SnapshotInfo]:
        """Return the receipts of a source by SHA-256, read once. Leaves out damaged ones."""
        if source not in self._infos and self._shared is not None:
            with self.lock(source):  # reads them
                pass
        elif source not in self._infos:
            self._read_folder(source)
        return self._infos[source]

    def find(self, source: str, sha256: str) -> SnapshotInfo | None:
        """Return the receipt of a snapshot, also if another process stored it since the receipts were read."""
        info = self.read_all(source).get(sha256)
        if self._shared is not None and not self.path_of(source, sha256).exists():
            with self.lock(source):
                self._shared.pull_again(source)
                self._read_again(source)
            info = self.read_all(source).get(sha256)
        if info is None and self.path_of(source, sha256).exists():
            self._read_again(source)
            info = self.read_all(source).get(sha256)
        return info

    def read(self, source: str, sha256: str) -> SnapshotInfo:
        """Return the receipt of a snapshot. Raises StoreError if it is missing or damaged."""
        info = self.read_all(source).get(sha256)
        if info is None:
            raise StoreError(f"{self.path_of(source, sha256)}: this snapshot is missing; restore it from a backup")
        return info

    def read_file(self, path: Path) -> None:
        """Read the receipt of one file again, which may be new since the receipts were read."""
        self.read_all(path.parent.name)
        with suppress(StoreError):
            self._infos[path.parent.name][path.stem] = read_info(path)

    def refresh(self, source: str) -> None:
        """Read the receipts of a source again if another process wrote one since they were read."""
        if self._shared is not None:
            with self.lock(source):
                return
        folder = self.folder_of(source)
        if folder.is_dir() and self._versions.get(source) != folder.stat().st_mtime_ns:
            self._read_again(source)

    def list_files(self, source: str) -> list[Path]:
        """Return the files of a source as they are at one moment: other ones, then snapshots by their numbers."""
        if not self.folder_of(source).is_dir():
            return []
        with self.lock(source):
            numbers = {self.path_of(source, sha256): info.number for sha256, info in self.read_all(source).items()}
            return sorted(self.folder_of(source).iterdir(), key=lambda path: (numbers.get(path, -1), path.name))

    def next_number(self, source: str) -> int:
        """Return the number of the next snapshot of a source (`SnapshotInfo.number`)."""
        return max((info.number for info in self.read_all(source).values()), default=-1) + 1

    def next_sequence(self, source: str) -> int:
        """Return the number of the next release that a check was served (`SnapshotInfo.sequence`)."""
        infos = self.read_all(source).values()
        numbers = [info.sequence for info in infos if info.sequence is not None]
        return max((*numbers, *(number for info in infos for number in info.return_sequences.values())), default=-1) + 1

    def write(self, info: SnapshotInfo, frames: bytes) -> SnapshotInfo:
        """Write the file of a snapshot, or replace it, and return its receipt. Call it inside `lock`.

        In object storage the frames, and the prefix in the receipt, may be those of a host that was first.
        """
        if self._shared is not None:
            info, frames = self._shared.push(info, frames)
        path = self.path_of(info.source, info.sha256)
        if self._batch:
            self._batch.waiting[path] = None
            write_file(temporary_path(path), join_file(info, frames))
        else:
            write_snapshot_file(path, join_file(info, frames))
        if self._shared is not None:
            self._shared.advance(info.source)
        self._infos[info.source][info.sha256] = info
        if not self._batch:
            self._mark_written(info.source)
        return info

    def rewrite(self, stored: SnapshotInfo, info: SnapshotInfo) -> SnapshotInfo:
        """Replace the receipt of a snapshot if it differs, and return the new one; its frames stay. Call it in `lock`.

        Raises StoreError if the file is damaged.
        """
        if info != stored:
            path = self.file_of(stored.source, stored.sha256)
            try:
                verify_checksum(path)
                frames = read_frames(path)
            except (OSError, ValueError) as error:
                raise StoreError(f"{path}: damaged ({error}); restore it from a backup") from error
            return self.write(info, frames)
        return info

    def _mark_written(self, source: str) -> None:
        """Give the folder a time of modification that it never had: clocks go back, and tick rarely."""
        folder = self.folder_of(source)
        status = folder.stat()
        version = max(status.st_mtime_ns, self._versions.get(source, 0) + 1)
        with suppress(PermissionError):  # another user's folder: then the receipts are read again each time
            os.utime(folder, ns=(status.st_atime_ns, version))
            self._versions[source] = folder.stat().st_mtime_ns

    def _read_again(self, source: str) -> None:
        if self._batch and source in self._batch.sources:
            return  # nobody else can have written one, and those of the batch do not have their names yet
        self._infos.pop(source, None)
        self._versions.pop(source, None)
        self._read_folder(source)

    def _read_folder(self, source: str) -> None:
        infos: dict[str, SnapshotInfo] = {}
        folder = self.folder_of(source)
        with suppress(OSError):
            self._versions[source] = folder.stat().st_mtime_ns
        for path in _list_snapshot_files(folder):
            with suppress(StoreError):
                info = read_info(path)
                infos[info.sha256] = info
        self._infos[source] = infos


def _list_snapshot_files(folder: Path) -> list[Path]:
    return [path for path in _list_folder(folder) if path.name.endswith(SUFFIX)]


def _list_folder(folder: Path) -> list[Path]:
    """Return what is in a folder, nothing if there is no such folder.

    Raises StoreError if it cannot be read. `Path.glob` would return nothing, and a rebuild would lose the releases.
    """
    try:
        return [*folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StoreError(f"{folder}: cannot be read: {error.strerror}") from error


def _lock_folder(descriptor: int, folder: Path) -> None:
    """Lock a folder for this process until the descriptor is closed. Raises StoreError if another one keeps it."""
    clock = SystemClock()
    lock = Lock(path=folder, kind="folder")
    wait = LockWait(lock, idle=_BUSY_SECONDS, clock=clock)
    for attempt in count():
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if attempt % _TRIES == 0 and not wait.should_go_on():
                raise StoreError(
                    f"{folder}: {lock.describe_holder()} is writing snapshots; try again when it has ended"
                ) from None
            clock.sleep(_LOCK_PAUSE)
        else:
            return
