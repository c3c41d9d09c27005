"""Files that survive a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replace_file(path: Path) -> Iterator[Path]:
    """Yield the path of a temporary file to write; rename it to `path` at the end, or delete it after an error."""
    temporary = temporary_path(path)
    try:
        yield temporary
        _sync(temporary)
        temporary.rename(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def temporary_path(path: Path) -> Path:
    """Return where the bytes of a file wait until it gets its name: beside it, in a file of this process."""
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


def replace_files(paths: Iterable[Path]) -> None:
    """Give files that were written to their `temporary_path` their names in order, after all bytes are synced."""
    paths = tuple(paths)
    for path in paths:
        _sync(temporary_path(path))
    for path in paths:
        temporary_path(path).rename(path)
    for folder in dict.fromkeys(path.parent for path in paths):
        sync_folder(folder)


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Sync a folder, so that created, renamed and deleted names in it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
