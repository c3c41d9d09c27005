"""Which process holds a lock that this one waits for, and whether it works. Read from /proc, so on Linux only.

Elsewhere, and where another namespace hides the process, nobody is found: then a wait is short and names nobody.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

from watcher.core.clock import Clock, SystemClock
from watcher.core.texts import cut_text

LONGEST_WAIT = 300.0  # seconds, however much the other process works
_LEAST_WORK = 5  # clock ticks of CPU time, 50 ms: a process that only waits for something uses less
_PROC = Path("/proc")
_LONGEST_COMMAND = 80
# The bytes that SQLite locks: from PENDING_BYTE on in the database (https://sqlite.org/lockingv3.html), and
# WAL_WRITE_LOCK in the file beside it (https://sqlite.org/walformat.html section 2.3.1).
_PENDING, _WAL_WRITE = 0x40000000, 120


class LockHolder(Struct, frozen=True, kw_only=True):
    """A process that holds a lock. `command` is for people; `ticks` is the CPU time that it has used."""

    pid: int
    command: str
    ticks: int


class Lock(Struct, frozen=True, kw_only=True):
    """A lock: of a `folder` (flock), or of SQLite for those that `write` to a database or `read` it."""

    path: Path
    kind: Literal["folder", "write", "read"]

    def find_holders(self) -> list[LockHolder]:
        """Return the processes that hold it, this one last."""
        pids = {line.pid for line in _read_locks() if self._is_held_by(line)}
        holders = [holder for pid in sorted(pids) if (holder := _read_process(pid))]
        return sorted(holders, key=lambda holder: holder.pid == os.getpid())

    def describe_holder(self) -> str:
        """Return who holds it, as the subject of a sentence."""
        holder = next(iter(self.find_holders()), None)
        if holder is None:
            return "another process"
        if holder.pid == os.getpid():
            return "another task of this process"
        return f"process {holder.pid} ({holder.command})"

    def _is_held_by(self, line: _LockLine) -> bool:
        if self.kind == "folder":
            return line.type == "FLOCK" and line.inode == _read_inode(self.path)
        if line.type != "POSIX":
            return False
        if self.kind == "write" and line.inode == _read_inode(self.path.with_name(f"{self.path.name}-shm")):
            return line.is_write and line.begin <= _WAL_WRITE <= line.end
        return line.inode == _read_inode(self.path) and line.end >= _PENDING and line.is_write == (self.kind == "write")


class _LockLine(Struct, frozen=True, kw_only=True):
    """A line of /proc/locks; its device is left out, because file systems of several layers show another one."""

    type: str
    is_write: bool
    pid: int
    inode: int
    begin: int
    end: float


class LockWait:
    """One wait for a lock: for `idle` seconds, and longer while a process that holds the lock works."""

    def __init__(self, lock: Lock, *, idle: float, clock: Clock | None = None) -> None:
        self._lock = lock
        self._idle = idle
        self._clock = clock or SystemClock()
        self._begun = self._worked = self._clock.monotonic()
        self._ticks: dict[int, int] = {}  # by process, when one was last seen to have worked

    def should_go_on(self) -> bool:
        """Return whether to try again. Call it after each attempt that failed."""
        now = self._clock.monotonic()
        ticks = {holder.pid: holder.ticks for holder in self._lock.find_holders()} if self._idle else {}
        if any(used - self._ticks.get(pid, 0) >= _LEAST_WORK for pid, used in ticks.items()):
            self._ticks, self._worked = ticks, now
        return now - self._worked < self._idle and now - self._begun < LONGEST_WAIT


def _read_locks() -> Iterator[_LockLine]:
    try:
        lines = (_PROC / "locks").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        # `1: POSIX  ADVISORY  WRITE 1234 fe:00:2252860 1073741824 1073742335`; one that waits has `->` before its type.
        match line.split()[1:]:
            case [("POSIX" | "FLOCK") as kind, _, mode, pid, place, begin, end]:
                yield _LockLine(
                    type=kind,
                    is_write=mode == "WRITE",
                    pid=int(pid),
                    inode=int(place.rpartition(":")[2]),
                    begin=int(begin),
                    end=float("inf") if end == "EOF" else int(end),
                )


def _read_inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _read_process(pid: int) -> LockHolder | None:
    """Return a process, None if it ended or cannot be seen."""
    try:
        arguments = (_PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        # After the name in brackets, which can have spaces: fields 14 and 15 are the CPU time.
        fields = (_PROC / str(pid) / "stat").read_text(errors="replace").rpartition(")")[2].split()
        return LockHolder(pid=pid, command=_describe_command(arguments), ticks=int(fields[11]) + int(fields[12]))
    except (OSError, ValueError, IndexError):
        return None


def _describe_command(arguments: list[str]) -> str:
    """Return a command for people: of this program with its arguments, of another one only its name."""
    names = [Path(argument).name for argument in arguments]
    if names[0].startswith("python"):
        begin = 2 if names[1:2] == ["-m"] else 1
        if names[begin : begin + 1] == ["watcher"]:
            return cut_text(" ".join(["watcher", *filter(None, arguments[begin + 1 :])]), _LONGEST_COMMAND)
    return cut_text(names[0], _LONGEST_COMMAND) or "a process without a name"
