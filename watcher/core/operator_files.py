"""Read files that the operator names: they may be pipes, devices, or of another user."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from watcher.core.errors import ConfigError

_WRITABLE = stat.S_IWGRP | stat.S_IWOTH
_MOST = 4 * 2**20  # bytes of a secret
MOST_OF_DOCUMENT = 2**30  # bytes, as of a snapshot
_CHUNK = 2**20
TRUSTED_OWNERS = "WATCHER_TRUSTED_OWNERS"  # user ids, separated by commas
_ALL_USERS = "4294967295"  # the number of users in the map of the first user namespace


def read_operator_file(path: Path, *, most: int = _MOST) -> tuple[bytes, os.stat_result]:
    """Return the bytes and the status of a regular file; never wait for the writer of a pipe.

    Raises ConfigError for anything else and for more than `most` bytes, OSError if it cannot be opened.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{path}: is not a file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(most + 1)
    finally:
        os.close(descriptor)
    if len(data) > most:
        raise ConfigError(f"{path}: is larger than {most // 2**20} MiB")
    return data, status


def open_regular_file(path: Path) -> BufferedReader:
    """Open a regular file for reading; never wait for the writer of a pipe. Raises OSError for anything else."""
    return open(path, "rb", opener=_open_descriptor)


def _open_descriptor(path: str, flags: int) -> int:
    descriptor = os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise OSError(errno.EINVAL, "is not a file", str(path))


def read_regular_file(path: Path) -> bytes:
    """Return the bytes of a regular file, as `open_regular_file` opens it."""
    with open_regular_file(path) as file:
        return file.read()


def read_document_file(path: Path) -> bytes:
    """Return the bytes of a file or a pipe, at most 1 GiB: /dev/zero has no end.

    Raises OSError, with EFBIG for more.
    """
    with path.open("rb") as file:
        return read_document_stream(file, path)


def read_document_stream(file: BinaryIO, path: Path | str) -> bytes:
    """Return the rest of an open file, as `read_document_file` does; `path` is its name in the error."""
    data = bytearray()
    while chunk := file.read(_CHUNK):  # a limit of 1 GiB for one call would reserve as much memory
        data += chunk
        if len(data) > MOST_OF_DOCUMENT:
            raise OSError(errno.EFBIG, f"is larger than {MOST_OF_DOCUMENT // 2**20} MiB", str(path))
    return bytes(data)


def require_regular_file(path: Path | str) -> None:
    """Raise ConfigError if a path is there and not a file: opening a pipe waits for a writer."""
    if Path(path).exists() and not Path(path).is_file():
        raise ConfigError(f"{path}: is not a file")


def require_private(path: Path, status: os.stat_result) -> None:
    """Raise ConfigError if other users can read or change a file."""
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigError(f"{path}: can be read or written by others; chmod 600 {path}")
    _require_own(path, status)


def require_unchangeable(path: Path, status: os.stat_result) -> None:
    """Raise ConfigError if other users can change a file, or replace it because they can write to its folder."""
    if status.st_mode & _WRITABLE:
        raise ConfigError(f"{path}: can be written by others; chmod go-w {path}")
    _require_own(path, status)
    for folder in dict.fromkeys((path.absolute().parent, path.resolve().parent)):
        folder_status = folder.stat()
        if folder_status.st_mode & _WRITABLE and not folder_status.st_mode & stat.S_ISVTX:
            raise ConfigError(f"{path}: can be replaced by others, who can write to its folder; chmod go-w {folder}")
        _require_own(folder, folder_status)


def _require_own(path: Path, status: os.stat_result) -> None:
    """Raise ConfigError for a file of another user, as ssh, sudo and git do.

    A configuration names programs that run and secrets that are sent, so whoever can change it has the rights of the
    user who runs the watcher. Accepted are root, owners in WATCHER_TRUSTED_OWNERS, and in a container an owner whom its
    user namespace does not map: nobody inside is that user, and whoever started the container chose the file.
    """
    if not hasattr(os, "geteuid") or status.st_uid in (0, os.geteuid()):
        return
    owner = str(status.st_uid)
    if owner in os.environ.get(TRUSTED_OWNERS, "").split(",") or _is_unmapped(owner):
        return
    raise ConfigError(
        f"{path}: belongs to user {owner}, who could run programs as user {os.geteuid()} by changing it; "
        f"chown {os.geteuid()} {path}, or set {TRUSTED_OWNERS}={owner} in the environment if you trust that user"
    )


def _is_unmapped(owner: str) -> bool:
    """Return whether a user id stands for all users whom the user namespace of this process does not map."""
    try:
        maps = Path("/proc/self/uid_map").read_text().split()
        return maps[2] != _ALL_USERS and owner == Path("/proc/sys/kernel/overflowuid").read_text().strip()
    except (OSError, IndexError):
        return False
