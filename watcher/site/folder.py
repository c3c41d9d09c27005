"""The folder of a site: files that are written in one step each, in an order that is consistent at every instant.

All files are first written under temporary names. Then they get their own: new files first, so that every link leads
somewhere, then those that are replaced, and the indexes last. A file that is not needed any more stays for a while,
because somebody may still read a page or an index that leads to it. Files that the site did not write are never
touched. What the program has to remember is in the folder `.watcher-site`, which no server needs to serve.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from watcher.core.durable_files import sync_folder
from watcher.core.errors import UsageError
from watcher.core.times import from_text, to_text

_OWN, _STATE, _LOCK, _WRITING = ".watcher-site", "state.json", "lock", "writing"
_TEMPORARY = ".watcher-new"
_SCHEMA = 1
Files = Iterable[tuple[str, bytes]]


class SiteFolder(AbstractContextManager["SiteFolder"]):
    """One writing of a site into a folder: `write` every unit, then `finish`. Without `finish` nothing changes.

    A unit is a set of files with a stamp of all that their bytes depend on. One whose stamp is as before is not made
    again.
    """

    def __init__(self, root: Path, now: datetime, keep: timedelta) -> None:
        self._root = root
        self._own = root / _OWN
        self._now = now
        self._keep = keep
        self._units: dict[str, tuple[str, list[str]]] = {}
        self._new: list[str] = []
        self._replaced: list[str] = []
        self._last: list[str] = []
        self._added = 0
        self._folders: set[Path] = set()

    def __enter__(self) -> Self:
        """Lock the folder, and clear what an interrupted writing left. Raises UsageError."""
        try:
            self._own.mkdir(parents=True, exist_ok=True)
            self._lock = (self._own / _LOCK).open("w")
        except OSError as error:
            raise UsageError(f"{self._root}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise UsageError(f"{self._root}: another process is writing this site") from None
        state = self._read_state()
        self._old_units: dict[str, tuple[str, list[str]]] = {
            name: (unit[0], unit[1]) for name, unit in state["units"].items()
        }
        # Every file of ours, with the time since when no unit has it, or None.
        self._files: dict[str, str | None] = state["files"]
        if (self._own / _WRITING).exists():
            self._clear_temporaries()
        (self._own / _WRITING).touch()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def read(self, path: str) -> bytes | None:
        """Return a file of ours as it is now, or None."""
        return _read(self._root / path) if path in self._files else None

    def write(self, name: str, stamp: str, make: Callable[[], Files], *, last: bool = False) -> bool:
        """Write the files of a unit unless its stamp and its files are as before; return whether they were made.

        `last`: the files are indexes that lead to others. Raises UsageError for a file that is not ours.
        """
        old_stamp, old_paths = self._old_units.get(name, ("", []))
        if old_stamp == stamp and all((self._root / path).is_file() for path in old_paths):
            self._units[name] = (stamp, old_paths)
            return False
        paths = []
        for path, data in make():
            paths.append(path)
            self._put(path, data, last=last)
        self._units[name] = (stamp, paths)
        return True

    def keep_units(self, prefix: str, name: str, stamp: str) -> bool:
        """Keep all units whose names begin so if the unit `name` has this stamp, and all their files exist."""
        units = {old: unit for old, unit in self._old_units.items() if old.startswith(prefix)}
        if units.get(name, ("", []))[0] != stamp or not all(
            (self._root / path).is_file() for _, paths in units.values() for path in paths
        ):
            return False
        self._units |= units
        return True

    def _put(self, path: str, data: bytes, *, last: bool) -> None:
        target = self._root / path
        old = _read(target)
        if old == data:
            self._files.setdefault(path, None)
            return
        if old is not None and path not in self._files:
            raise UsageError(f"{target}: was not written by watcher site; choose another folder, or move it away")
        if target.parent not in self._folders:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._folders.add(target.parent)
        _temporary(target).write_bytes(data)
        self._added += old is None
        (self._last if last else self._new if old is None else self._replaced).append(path)

    def finish(self) -> Mapping[str, int]:
        """Give all files their names and remove what is not needed; return how many were added, changed and removed."""
        for path in (*self._new, *self._replaced, *self._last):
            _sync(_temporary(self._root / path))
        needed = {path for _, paths in self._units.values() for path in paths}
        self._files |= dict.fromkeys(needed)
        # Before any file gets its name, so that an interrupted writing never leaves one that nobody knows.
        self._write_state(self._old_units)
        for paths in (self._new, self._replaced, self._last):
            for path in paths:
                _temporary(self._root / path).replace(self._root / path)
        for folder in sorted(self._folders):
            sync_folder(folder)
        removed = self._remove_unneeded(needed)
        self._write_state(self._units)
        (self._own / _WRITING).unlink()
        written = len(self._new) + len(self._replaced) + len(self._last)
        return {"added": self._added, "changed": written - self._added, "removed": removed}

    def _remove_unneeded(self, needed: set[str]) -> int:
        now = to_text(self._now)
        for path in self._files:
            if path not in needed:
                self._files[path] = self._files[path] or now
        due = [path for path, since in self._files.items() if since and from_text(since) + self._keep <= self._now]
        for path in due:
            (self._root / path).unlink(missing_ok=True)
            del self._files[path]
            self._remove_empty((self._root / path).parent)
        return len(due)

    def _remove_empty(self, folder: Path) -> None:
        while folder != self._root and folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

    def _read_state(self) -> dict[str, Any]:
        data = _read(self._own / _STATE)
        if data is None:
            return {"units": {}, "files": {}}
        try:
            state = json.loads(data)
        except ValueError:
            state = {}
        if state.get("schema") != _SCHEMA:
            raise UsageError(f"{self._own / _STATE}: is not of this version of the program; write into another folder")
        return {name: state[name] for name in ("units", "files")}

    def _write_state(self, units: Mapping[str, tuple[str, list[str]]]) -> None:
        text = json.dumps({"schema": _SCHEMA, "units": units, "files": dict(sorted(self._files.items()))})
        target = self._own / _STATE
        _temporary(target).write_text(text)
        _sync(_temporary(target))
        _temporary(target).replace(target)
        sync_folder(self._own)

    def _clear_temporaries(self) -> None:
        for path in self._root.rglob(f"*{_TEMPORARY}"):
            path.unlink()


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + _TEMPORARY)


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
