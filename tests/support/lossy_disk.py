"""A disk that forgets, at a power cut, whatever was not synced: a VFS for SQLite by way of apsw, in memory.

Between two syncs a real disk keeps any part of what was written, in any order: so at the cut each unsynced write stays,
goes, or stays up to a sector; a deletion whose folder was not synced may be undone. What a sync acknowledged stays.
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
    """Nothing is written any more."""


@dataclass
class Kept:
    """One file: what is on the disk, what is seen, and what lies between, each with a torn form of itself."""

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
    """The files by name. At the step `cut_at` (a write, a sync, a deletion) the power goes."""

    cut_at: int | None = None
    files: dict[str, Kept] = field(default_factory=dict)
    deleted: dict[str, Kept] = field(default_factory=dict)
    steps: int = 0

    def step(self) -> None:
        self.steps += 1
        if self.dark:
            raise PowerCut

    @property
    def dark(self) -> bool:
        """Whether the power is gone."""
        return self.cut_at is not None and self.steps >= self.cut_at

    def open(self, name: str) -> Kept:
        self.step()
        return self.files.setdefault(name, Kept())

    def delete(self, name: str, *, sync_folder: bool) -> None:
        self.step()
        gone = self.files.pop(name)
        if not sync_folder:
            self.deleted[name] = gone
        else:
            self.deleted.clear()

    def leave(self, folder: Path, chance: random.Random) -> None:
        """Write what is found after the cut into a folder."""
        undone = {name: kept for name, kept in self.deleted.items() if chance.random() < 0.5}
        for name, kept in {**undone, **self.files}.items():
            data = kept.after_cut(chance)
            if data is not None:
                (folder / Path(name).name).write_bytes(data)


class LossyVfs(apsw.VFS):
    """The VFS `lossy` over a disk; it is there for as long as the object is."""

    def __init__(self, disk: Disk) -> None:
        super().__init__("lossy", base="")
        self.disk = disk

    def xOpen(self, name: Any, flags: list[int]) -> OpenFile:  # noqa: N802 - SQLite's name
        flags[1] = flags[0]
        called = name.filename() if isinstance(name, apsw.URIFilename) else name
        return OpenFile(self.disk, self.disk.open(called) if called else Kept())

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self.disk.delete(filename, sync_folder=syncdir)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802, ARG002
        return pathname in self.disk.files


class OpenFile:
    """One open file; there is one process, so that locks are always had."""

    def __init__(self, disk: Disk, kept: Kept) -> None:
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
        """Had."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Given back."""

    def xClose(self) -> None:  # noqa: N802
        """Closing syncs nothing."""


def _writing(data: bytes, offset: int) -> _Change:
    def write(held: bytearray) -> None:
        if len(held) < offset:
            held.extend(bytes(offset - len(held)))
        held[offset : offset + len(data)] = data

    return write
