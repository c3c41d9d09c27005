"""Diagnose the installation without changing anything: one result for each thing examined.

It examines the machine (versions, permissions, disk, clock, programs), the store, the sources and the channels. The
history is opened read-only, so that this works while the daemon runs, on a damaged file, and before the first start.
"""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import stat
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path

from msgspec import Struct

from watcher import __version__
from watcher.alerts.channels import create_channel
from watcher.config.channel_settings import CommandSettings
from watcher.config.secret_quality import judge_password, judge_url, judge_webhook_secret
from watcher.config.settings import AnySource, Settings
from watcher.config.value_types import HiddenUrl, SecretRef, split_webhook_secrets
from watcher.core.errors import ConfigError, StoreError
from watcher.core.model import RULES_VERSION
from watcher.core.operations import HEARTBEAT_ALARM
from watcher.core.times import from_text
from watcher.store.check_log import SourceSummary
from watcher.store.completeness import ADVICE, find_missing_history
from watcher.store.database import find_old_sqlite, journal_mode
from watcher.store.location import history_exists
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

_WARNING_FREE, _PROBLEM_FREE = 512 * 2**20, 64 * 2**20  # bytes of disk space
_WRITTEN = datetime(2026, 1, 1, tzinfo=UTC)  # when this program was written: a clock before that is wrong
_CLOCK_TOLERANCE = timedelta(minutes=5)
_CONNECT_SECONDS = 10.0
_NAMED_SOURCES = 100  # in one state; the others are counted
_LATE_WORK = 600.0  # seconds for which a check is due and no worker does it


class DiagnosisState(StrEnum):
    """`warning`: it works today; `problem`: it does not work."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Diagnosis(Struct, frozen=True, kw_only=True):
    """One result: the area that was examined, its state, and what to do if it is not ok."""

    area: str
    state: DiagnosisState
    message: str


def diagnose_environment() -> Iterator[Diagnosis]:
    """Yield the versions of Python and SQLite, and the user."""
    python = ".".join(map(str, sys.version_info[:3]))
    yield _ok("python", f"registry-watcher {__version__} on Python {python}, {sys.platform}")
    mode = "WAL" if journal_mode() == "wal" else "a rollback journal (its WAL can lose a commit; 3.51.3 cannot)"
    if (too_old := find_old_sqlite()) is not None:
        yield _problem("sqlite", too_old)
    else:
        yield _ok("sqlite", f"SQLite {sqlite3.sqlite_version}: {mode}, synchronous = EXTRA")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        yield _warning("user", "running as root; the watcher only needs access to its own folder")


def diagnose_clock(now: datetime, last: str | None = None) -> Diagnosis:
    """Return whether the clock can be right: not before this program was written, nor before the `last` check."""
    if now < _WRITTEN:
        return _problem("clock", f"the clock shows {now:%Y-%m-%d}, before this program was written; set it")
    if last and from_text(last) > now + _CLOCK_TOLERANCE:
        return _warning("clock", f"the last check was at {last}, in the future: the clock was or is wrong")
    return _ok("clock", f"{now:%Y-%m-%dT%H:%M:%SZ}")


def diagnose(settings: Settings, now: datetime, *, network: bool = False) -> Iterator[Diagnosis]:
    """Yield the state of everything that is configured. `network`: also connect to the channels' servers."""
    yield from _secrets(settings)
    yield from _programs(settings)
    yield from _folders(settings)
    yield from _objects(settings)
    yield from _history(settings, now)
    yield from _channels(settings, network=network)


def _secrets(settings: Settings) -> Iterator[Diagnosis]:
    refs: dict[str, SecretRef | HiddenUrl] = dict(settings.secret_urls())
    for channel in settings.channel:
        refs.update(create_channel(channel, settings).secrets())
    for name, ref in refs.items():
        if ref.startswith("credential:") and not os.environ.get("CREDENTIALS_DIRECTORY"):
            yield _ok("secrets", f"{name}: {ref:s} can only be read under systemd; not examined")
            continue
        try:
            wrong = _judge_secret(name, ref, ref.read(settings.folder))
        except ConfigError as error:
            yield _problem("secrets", f"{name}: {error}")
        else:
            yield _problem("secrets", f"{name}: {ref:s} is {wrong}") if wrong else _ok("secrets", f"{name}: {ref:s}")


def _judge_secret(name: str, ref: SecretRef | HiddenUrl, value: str) -> str | None:
    """Return what is wrong with the value of a secret; only those of webhooks are named after their channel."""
    if isinstance(ref, HiddenUrl):
        return judge_url(value)
    if not name.startswith("channel "):
        return judge_password(value)
    try:
        return next(filter(None, map(judge_webhook_secret, split_webhook_secrets(value))), None)
    except ValueError as error:
        return f"not usable: {error}"


def _programs(settings: Settings) -> Iterator[Diagnosis]:
    needed = {"rsync": any(collection.rsync for collection in settings.collections), "git": False}
    for name, is_needed in needed.items():
        path = shutil.which(name)
        use = "a collection is fetched with it" if name == "rsync" else "`watcher import … git:REPO:PATH` needs it"
        if path:
            yield _ok("programs", f"{name}: {path}")
        else:
            yield (_problem if is_needed else _ok)("programs", f"{name}: not installed; {use}")
    for channel in settings.channel:
        for problem in create_channel(channel, settings).find_problems():
            yield _problem("programs", f"channel {channel.name}: {problem}")
        if isinstance(channel, CommandSettings) and not channel.find_program_problem(settings.folder):
            yield _ok("programs", f"channel {channel.name}: {settings.folder / channel.command[0]}")


def _folders(settings: Settings) -> Iterator[Diagnosis]:
    store = settings.store
    folders = {"snapshots": store.snapshots}
    if isinstance(store.location, Path):
        folders = {"history": store.path.parent, **folders}
    for name, folder in folders.items():
        existing = _nearest_existing(folder)
        mode = existing.stat().st_mode
        if not os.access(existing, os.W_OK | os.X_OK):
            yield _problem("store", f"{name}: {existing}: this user cannot write to it")
        elif mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            yield _problem("store", f"{name}: {existing}: everybody can write to it; chmod o-w {existing}")
        else:
            yield _ok("store", f"{name}: {folder}")
        free = shutil.disk_usage(existing).free
        message = f"{free // 2**20:,} MiB free for {name}"
        state = _problem if free < _PROBLEM_FREE else _warning if free < _WARNING_FREE else _ok
        yield state("disk", message if state is _ok else f"{message}: on a full disk checks fail and change nothing")
    leftovers = [*store.snapshots.glob("*/*.tmp"), *store.path.parent.glob(f"{store.path.name}.*.tmp")]
    if leftovers:
        yield _warning(
            "store",
            f"{len(leftovers)} leftovers of interrupted writes, {leftovers[0]}; "
            "`watcher verify` removes those of snapshots",
        )


def _objects(settings: Settings) -> Iterator[Diagnosis]:
    """Yield whether the object storage answers, if there is one."""
    location = settings.store.archive
    if not isinstance(location, Path):
        try:
            number = len(SnapshotArchive(location).list_sources())
        except (ConfigError, StoreError) as error:
            yield _problem("objects", str(error))
        else:
            yield _ok("objects", f"{location.url}: answers, has snapshots of {number} source{'s' * (number != 1)}")


def _history(settings: Settings, now: datetime) -> Iterator[Diagnosis]:
    location = settings.store.location
    archive = SnapshotArchive(settings.store.archive)
    try:
        if (missing := find_missing_history(location, archive)) is not None:
            yield _problem("history", missing)
            yield diagnose_clock(now)
            return
        if not history_exists(location):
            yield _warning("history", f"{location}: there is no history yet; `watcher check` creates it")
            yield diagnose_clock(now)
            return
        if isinstance(location, Path) and location.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            yield _problem("history", f"{location}: others can write to it; chmod go-w {location}")
        with Store(location, read_only=True) as store:
            store.verify(thorough=True)
            yield _ok("history", f"{location}: complete, {store.describe()}")
            yield from _missing(store, archive)
            yield from _rules(store)
            yield from _refused(settings)
            yield diagnose_clock(now, store.checks.find_newest_time())
            yield from _sources(store, settings, now)
            yield from _heartbeat(store, settings)
            yield from _workers(store)
    except (StoreError, OSError) as error:
        yield _problem("history", str(error))


def _missing(store: Store, archive: SnapshotArchive) -> Iterator[Diagnosis]:
    if missing := store.list_missing_snapshots(archive):
        yield _problem("snapshots", f"{len(missing)} that the history names are missing, as {missing[0]}; {ADVICE}")
    for sentence in store.find_lost_sources(archive):
        yield _problem("history", sentence)


def _rules(store: Store) -> Iterator[Diagnosis]:
    if outdated := store.history.list_judged_before(RULES_VERSION):
        names = outdated[0] if len(outdated) == 1 else f"{outdated[0]} and {len(outdated) - 1} more sources"
        yield _warning("history", f"{names}: events were judged by older rules; run `watcher rebuild --events`")


def _refused(settings: Settings) -> Iterator[Diagnosis]:
    for info in SnapshotArchive(settings.store.archive).list_snapshots():
        if info.accepted and info.refused:
            yield _warning(
                "snapshots",
                f"{info.source}: snapshot {info.sha256[:12]} is no release: {info.refused}; `watcher rebuild` tries it "
                f"again, `watcher reject {info.source} {info.sha256[:12]}` ends that",
            )


def _sources(store: Store, settings: Settings, now: datetime) -> Iterator[Diagnosis]:
    if not settings.source:
        yield _problem("sources", "no source is configured")
    last = store.checks.read_summaries(source.name for source in settings.source if source.enabled)
    counts: Counter[DiagnosisState] = Counter()
    for source in settings.source:
        diagnosis = _source(source, last.get(source.name), now)
        counts[diagnosis.state] += 1
        if counts[diagnosis.state] <= _NAMED_SOURCES:
            yield diagnosis
    for state, number in counts.items():
        if more := max(number - _NAMED_SOURCES, 0):
            sources = "1 more source" if more == 1 else f"{more:,} more sources"
            outcome = "checked in time" if state is DiagnosisState.OK else "with a warning; `watcher status` lists all"
            yield Diagnosis(area="sources", state=state, message=f"{sources} {outcome}")


def _source(source: AnySource, last: SourceSummary | None, now: datetime) -> Diagnosis:
    if last is None:
        return _warning("sources", f"{source.name}: enabled = false")
    if last.at is None:
        return _warning("sources", f"{source.name}: never checked")
    if last.outcome == "failed":
        return _warning("sources", f"{source.name}: the last check, {last.at}, failed: {last.message}")
    if from_text(last.at) + 3 * source.every < now:
        return _warning("sources", f"{source.name}: last checked at {last.at}; is the daemon running?")
    return _ok("sources", f"{source.name}: {last.outcome} at {last.at}")


def _heartbeat(store: Store, settings: Settings) -> Iterator[Diagnosis]:
    if settings.heartbeat is not None:
        for alarm in store.alarms.list_alarms_of(HEARTBEAT_ALARM):
            message = f"since {alarm.since} its server answers and does not count it; is the URL of [heartbeat] right?"
            yield _warning("heartbeat", message)


def _workers(store: Store) -> Iterator[Diagnosis]:
    work = store.find_work()
    if work is None:
        return
    alive = [worker for worker in work.list_workers() if worker.alive]
    load = work.read_load()
    if not alive:
        yield _problem("workers", f"no worker runs and {load.due} checks are due; start `watcher worker` on a host")
        return
    hosts = ", ".join(sorted({worker.host for worker in alive}))
    scheduler = next((worker for worker in alive if worker.schedules), None)
    yield _ok("workers", f"{len(alive)} on {hosts}; {load.due} checks due, {load.running} running")
    if scheduler is None:
        yield _warning("workers", "none is the scheduler; one is elected within seconds")
    if versions := {worker.version for worker in alive} - {__version__}:
        yield _warning("workers", f"other versions are running: {', '.join(sorted(versions))}; upgrade all hosts")
    if load.late > _LATE_WORK:
        yield _warning(
            "workers", f"a check has been due for {load.late:.0f} s; start more workers, or raise [worker] jobs"
        )


def _channels(settings: Settings, *, network: bool) -> Iterator[Diagnosis]:
    enabled = [channel for channel in settings.channel if channel.enabled]
    if not enabled:
        yield _warning("channels", "no channel is enabled: nobody is alerted")
    elif not any(channel.operator for channel in enabled):
        yield _warning(
            "channels", "no channel has operator = true: nobody is notified of held releases and failing sources"
        )
    for channel in enabled:
        server = create_channel(channel, settings).server()
        if server is None:
            yield _ok("channels", f"{channel.name}: {channel.type} needs no server")
            continue
        host, port = server
        if not network:
            yield _ok("channels", f"{channel.name}: {channel.type} to {host}:{port}; --network connects to it")
            continue
        try:
            with socket.create_connection((host, port), _CONNECT_SECONDS):
                yield _ok(
                    "channels",
                    f"{channel.name}: {host}:{port} accepts connections; `watcher channel test` sends a message",
                )
        except OSError as error:
            yield _problem("channels", f"{channel.name}: {host}:{port} cannot be reached: {error}")


def _nearest_existing(folder: Path) -> Path:
    """Return the folder, or the parent in which it would be created."""
    return next(path for path in (folder, *folder.absolute().parents) if path.is_dir())


def _ok(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.OK, message=message)


def _warning(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.WARNING, message=message)


def _problem(area: str, message: str) -> Diagnosis:
    return Diagnosis(area=area, state=DiagnosisState.PROBLEM, message=message)
