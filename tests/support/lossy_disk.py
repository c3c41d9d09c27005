"""A disk in memory that loses unsynced writes at a power cut: a VFS for SQLite through apsw.

Between two syncs a real disk keeps any part of the writes, in any order: at the cut each unsynced write is kept, lost,
or kept up to a sector; a deletion whose folder was not synced may be undone. Synced writes are kept.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

SECTOR = 512
_Change = Callable[[bytearray], None]


class PowerCut(Exception):  # noqa: N818 - it says what happened
    """The power is off; nothing is written."""


@dataclass
class DiskFile:
    """One file: its synced bytes, its current bytes, and the changes between them, each whole and torn."""

    durable: bytes | None = None
    seen: bytearray = field(default_factory=bytearray)
    unsynced: list[tuple[_Change, _Change]] = field(default_factory=list)

    def change(self, whole: _Change, torn: _Change) -> None:
        whole(self.seen)
        self.unsynced.append((whole, torn))

    def sync(self) -> None:
        self.durable = bytes(self.seen)
        self.unsynced.clear()

    def after_cut(self, chance: random.Random) -> bytes | None:
        if self.durable is None and chance.random() < 0.5:
            return None
        left = bytearray(self.durable or b"")
        for whole, torn in self.unsynced:
            match chance.randrange(3):
                case 0:
                    whole(left)
                case 1:
                    torn(left)
        return bytes(left)


@dataclass
class Disk:
    """The files by name. The power goes off at step `cut_at` (a write, a sync or a deletion)."""

    cut_at: int | None = None
    files: dict[str, DiskFile] = field(default_factory=dict)
    deleted: dict[str, DiskFile] = field(default_factory=dict)
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.dark:
            raise PowerCut

    @property
    def dark(self) -> bool:
        """Whether the power is off."""
        return self.cut_at is not None and self.steps >= self.cut_at

    def open(self, name: str) -> DiskFile:
        self.step()
        return self.files.setdefault(name, DiskFile())

    def delete(self, name: str, *, sync_folder: bool) -> None:
        self.step()
        file = self.files.pop(name)
        if not sync_folder:
            self.deleted[name] = file
        else:
            self.deleted.clear()

    def leave(self, folder: Path, chance: random.Random) -> None:
        """Write the files as they are after the cut into a folder."""
        undone = {name: kept for name, kept in self.deleted.items() if chance.random() < 0.5}
        for name, kept in {**undone, **self.files}.items():
            data = kept.after_cut(chance)
            if data is not None:
                (folder / Path(name).name).write_bytes(data)


class LossyVfs(apsw.VFS):
    """The VFS `lossy` over a disk; registered while the object lives."""

    def __init__(self, disk: Disk) -> None:
        super().__init__("lossy", base="")
        self.disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> OpenFile:  # noqa: N802 - SQLite's name
        flags[1] = flags[0]
        called = name.filename() if isinstance(name, apsw.URIFilename) else name
        return OpenFile(self.disk, self.disk.open(called) if called else DiskFile())

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.disk.delete(filename, sync_folder=syncdir)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802, ARG002
        return pathname in self.disk.files


class OpenFile:
    """One open file. Only one process uses the disk, so a lock is always granted."""

    def __init__(self, disk: Disk, kept: DiskFile) -> None:
        self.disk = disk
        self.kept = kept

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self.kept.seen[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self.disk.step()
        written = bytes(data)
        self.kept.change(_writing(written, offset), _writing(written[: len(written) // 2 // SECTOR * SECTOR], offset))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self.disk.step()

        def cut(held: bytearray) -> None:
            del held[size:]

        self.kept.change(cut, lambda _: None)

    def xSync(self, flags: int) -> None:  # noqa: N802, ARG002
        self.disk.step()
        self.kept.sync()

    def xFileSize(self) -> int:  # noqa: N802
        return len(self.kept.seen)

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802, ARG002
        return False

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xLock(self, level: int) -> None:  # noqa: N802
        """Granted."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Released."""

    def xClose(self) -> None:  # noqa: N802
        """Closing syncs nothing."""


def _writing(data: bytes, offset: int) -> _Change:
    def write(held: bytearray) -> None:
        if len(held) < offset:
            held.extend(bytes(offset - len(held)))
        held[offset : offset + len(data)] = data

    return write
