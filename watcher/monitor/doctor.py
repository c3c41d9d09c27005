"""Look at what the watcher stands on, change nothing: one finding for each thing looked at.

Knows the machine (versions, permissions, disk, clock, programs) and how the store and the sources stand. It opens the
history read-only, so that it can be asked while the daemon runs, of a damaged file, and before the first start.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from watcher import __version__
from watcher.alerts.channels import create_channel
from watcher.config.settings import Settings
from watcher.config.value_types import SecretRef
from watcher.core.errors import ConfigError, StoreError
from watcher.core.times import from_text
from watcher.store.database import journal_mode
from watcher.store.store import Store

_LITTLE, _TOO_LITTLE = 512 * 2**20, 64 * 2**20  # bytes free
_BORN = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right shows an earlier day
_AHEAD = timedelta(minutes=5)
_CONNECT_SECONDS = 10.0


class DiagnosisState(StrEnum):
    """How bad it is: `warning` works today, `problem` does not."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was looked at, how it stands, and where it is not well what to do."""

    area: str
    state: DiagnosisState
    message: str


def environment() -> Iterator[Diagnosis]:
    """The versions that this runs under, and what follows from them."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield _ok("python", f"registry-watcher {__version__} on Python {python}, {sys.platform}")
    mode = "WAL" if journal_mode() == "wal" else "a rollback journal (its WAL can lose a commit; 3.51.3 cannot)"
    yield _ok("sqlite", f"SQLite {sqlite3.sqlite_version}: {mode}, synchronous = EXTRA")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield _warning("user", "running as root: the watcher needs no rights but to its own folder")


def clock(now: datetime, last: str | None = None) -> Diagnosis:
    """Whether the time can be right: not before this program was made, nor before the last check."""
    if now < _BORN:
        return _problem("clock", f"it is {now:%Y-%m-%d} here: before this program was made; set the clock")
    if last and from_text(last) > now + _AHEAD:
        return _warning("clock", f"the last check was at {last}, which is still to come: the clock was or is wrong")
    return _ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}")


def examine(settings: Settings, now: datetime, *, network: bool = False) -> Iterator[Diagnosis]:
    """Everything that the configuration names. `network`: also whether the channels' servers can be reached."""
    yield from _secrets(settings)
    yield from _programs(settings)
    yield from _places(settings)
    yield from _history(settings, now)
    yield from _channels(settings, network=network)


def _secrets(settings: Settings) -> Iterator[Diagnosis]:
    refs: dict[str, SecretRef] = {}
    for channel in settings.channel:
        refs.update(create_channel(channel, settings).secrets())
    for name, ref in refs.items():
        if ref.startswith("credential:") and not os.environ.get("CREDENTIALS_DIRECTORY"):
            yield _ok("secrets", f"{name}: {ref} is read under systemd only; not looked at here")
            continue
        try:
            empty = not ref.read(settings.folder)
        except ConfigError as error:
            yield _problem("secrets", f"{name}: {error}")
        else:
            yield _problem("secrets", f"{name}: {ref} is empty") if empty else _ok("secrets", f"{name}: {ref}")


def _programs(settings: Settings) -> Iterator[Diagnosis]:
    needed = {"rsync": any(each.rsync for each in settings.collections), "git": False}
    for name, wanted in needed.items():
        path = shutil.which(name)
        use = "a collection is kept by it" if name == "rsync" else "`watcher import … git:REPO:PATH` needs it"
        if path:
            yield _ok("programs", f"{name}: {path}")
        else:
            yield (_problem if wanted else _ok)("programs", f"{name}: not installed; {use}")


def _places(settings: Settings) -> Iterator[Diagnosis]:
    store = settings.store
    for name, folder in (("history", store.path.parent), ("snapshots", store.snapshots)):
        there = _nearest(folder)
        mode = there.stat().st_mode
        if not os.access(there, os.W_OK | os.X_OK):
            yield _problem("store", f"{name}: {there} cannot be written to by this user")
        elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield _problem("store", f"{name}: {there} can be written to by everybody; chmod o-w {there}")
        else:
            yield _ok("store", f"{name}: {folder}")
        free = shutil.disk_usage(there).free
        said = f"{free // 2**20:,} MiB free for {name}"
        judge = _problem if free < _TOO_LITTLE else _warning if free < _LITTLE else _ok
        yield judge("disk", said if judge is _ok else f"{said}: checks fail, and change nothing, when there is none")
    left = [*store.snapshots.glob("*/*.tmp"), *store.path.parent.glob(f"{store.path.name}.*.tmp")]
    if left:
        yield _warning(
            "store", f"{len(left)} left-overs of interrupted writes, {left[0]}; `watcher verify` removes snapshots'"
        )


def _history(settings: Settings, now: datetime) -> Iterator[Diagnosis]:
    path = settings.store.path
    if not path.exists():
        yield _warning("history", f"{path}: there is none yet; `watcher check` begins it")
        yield clock(now)
        return
    mode = path.stat().st_mode
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        yield _problem("history", f"{path}: can be written by others; chmod go-w {path}")
    try:
        with Store(path, read_only=True) as store:
            store.check(thorough=True)
            size = path.stat().st_size // 2**20
            yield _ok("history", f"{path}: whole, {size:,} MiB, journal_mode = {store.journal_mode}")
            yield clock(now, store.checks.find_latest_time())
            yield from _sources(store, settings, now)
    except StoreError as error:
        yield _problem("history", str(error))


def _sources(store: Store, settings: Settings, now: datetime) -> Iterator[Diagnosis]:
    if not settings.source:
        yield _problem("sources", "the configuration names none: nothing is watched")
    for source in settings.source:
        if not source.enabled:
            yield _warning("sources", f"{source.name}: enabled = false")
            continue
        last = store.checks.find_last_check(source.name)
        if last is None:
            yield _warning("sources", f"{source.name}: never looked at")
        elif last["outcome"] == "failed":
            yield _warning("sources", f"{source.name}: the last check, {last['at']}, failed: {last['message']}")
        elif from_text(last["at"]) + 3 * source.every < now:
            yield _warning("sources", f"{source.name}: last looked at {last['at']}: is the daemon running?")
        else:
            yield _ok("sources", f"{source.name}: {last['outcome']} at {last['at']}")


def _channels(settings: Settings, *, network: bool) -> Iterator[Diagnosis]:
    enabled = [channel for channel in settings.channel if channel.enabled]
    if not enabled:
        yield _warning("channels", "none is enabled: nobody is told of anything")
    elif not any(channel.operator for channel in enabled):
        yield _warning("channels", "none has operator = true: nobody is told when a release is held or a source fails")
    for channel in enabled:
        server = create_channel(channel, settings).server()
        if server is None:
            yield _ok("channels", f"{channel.name}: {channel.type}, which needs no server")
            continue
        host, port = server
        if not network:
            yield _ok(
                "channels", f"{channel.name}: {channel.type} by {host}:{port}; --network looks whether it answers"
            )
            continue
        try:
            with socket.create_connection((host, port), _CONNECT_SECONDS):
                yield _ok("channels", f"{channel.name}: {host}:{port} answers; `watcher channel test` sends something")
        except OSError as error:
            yield _problem("channels", f"{channel.name}: {host}:{port} cannot be reached: {error}")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the one in which it would be made."""
    return next(each for each in (folder, *folder.absolute().parents) if each.is_dir())


def _ok(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.OK, message=message)


def _warning(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.WARNING, message=message)


def _problem(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.PROBLEM, message=message)
