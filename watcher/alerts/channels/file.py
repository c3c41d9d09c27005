"""The file channel: appends each message to a file as one line of JSON."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from watcher.alerts.channels.json_bodies import LocalChannel
from watcher.config.channel_settings import FileSettings
from watcher.config.settings import Settings
from watcher.core.durable_files import sync_folder
from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK  # not blocking: a pipe would wait for its reader
_MOST_REPLACED = 10  # times that a file is opened again because another one took its place


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChannel(LocalChannel[FileSettings]):
    """A channel that appends to one file."""

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        """Append the body with one write and sync it. The file is opened for each message, so that it can be rotated.

        A line that a full disk cut off is removed; one that a crash cut off is ended before the next begins.
        """
        path = self.folder / self.settings.path
        try:
            with self._open_locked(path) as descriptor:
                size = os.fstat(descriptor).st_size
                begin = b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""
                line = begin + delivery.body.encode() + b"\n"
                if (written := os.write(descriptor, line)) == len(line):
                    os.fsync(descriptor)
                else:
                    os.ftruncate(descriptor, size)
        except BlockingIOError:
            raise DeliveryError(f"{path}: another process has locked it", permanent=False) from None
        except OSError as error:
            raise DeliveryError(f"{path}: {error.strerror}", permanent=False) from error
        if written < len(line):
            raise DeliveryError(f"{path}: the disk is full", permanent=False)

    @contextmanager
    def _open_locked(self, path: Path) -> Iterator[int]:
        """Open the file that is at a path now, create it if it is absent, and lock it. Raises OSError."""
        for _ in range(_MOST_REPLACED):
            descriptor = self._open(path)
            try:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise DeliveryError(f"{path}: is not a file", permanent=False)
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if _is_at(path, descriptor):
                    yield descriptor
                    return
            finally:
                os.close(descriptor)
        raise DeliveryError(f"{path}: another program keeps replacing it", permanent=False)

    def _open(self, path: Path) -> int:
        try:
            return os.open(path, _FLAGS)
        except FileNotFoundError:
            descriptor = os.open(path, _FLAGS | os.O_CREAT, 0o600)
        os.fchmod(descriptor, self.settings.mode)
        sync_folder(path.parent)
        return descriptor


def create_channel(settings: FileSettings, config: Settings) -> FileChannel:
    return FileChannel(settings=settings, folder=config.folder, address=config.web.address or "")


def _is_at(path: Path, descriptor: int) -> bool:
    """Return whether a path still leads to an open file: a rotation may have moved it away."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
