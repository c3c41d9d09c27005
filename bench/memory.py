"""How much memory the watcher takes: a check that finds a new release, and the daemon that waits for the next one."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from bench.measuring import ROOT, WATCHER, Part, Target, cost, megabytes, memory_of, table
from bench.series import after
from tests.support.index_server import IndexServer, serve_index

_PATH = "/service-names-port-numbers.xml"
_CONFIG = """[fetch]
allow_private = true
min_interval = 0
[daemon]
jitter = "0s"
[[source]]
name = "ports"
url = "{url}"
"""
_PATIENCE = 60.0
_IDLE = 5.0  # seconds between two looks at a daemon that has nothing to do
_LOOKS = 4


def measure(files: Sequence[Path], store: Path, folder: Path) -> Part:
    """Check a release that follows the newest of `store`, by a command and by the daemon. Loopback, no network."""
    newest, releases = files[-1], len(files)
    tree = IndexServer()
    tree.pages[_PATH] = newest.read_bytes()
    with serve_index(tree):
        place, other = (_copy(store, folder / name, tree) for name in ("checked", "daemon"))
        unchanged = cost([*WATCHER, "check"], place)
        day = date.fromisoformat(newest.stem) + timedelta(days=1)
        tree.pages[_PATH] = after(newest.read_bytes(), day.isoformat())
        changed = cost([*WATCHER, "check"], place)
        _must_be(place, "changed")
        # A store in which nothing was looked at yet: it is due at once.
        with _daemon(other) as process:
            first = _first_check(other, process)
            idle, most = [], 0.0
            for _ in range(_LOOKS):
                time.sleep(_IDLE)
                now, most = memory_of(process.pid)
                idle.append(now)
        _must_be(other, "changed")
    lines: list[list[object]] = [
        ["`watcher check`: the release that is there, new from this server", unchanged.cpu, unchanged.wall,
         megabytes(unchanged.memory), None],
        ["`watcher check`: the next release", changed.cpu, changed.wall, megabytes(changed.memory), None],
        ["`watcher run`: its first check finds the next release; then idle", None, first, megabytes(most),
         megabytes(max(idle))],
    ]  # fmt: skip
    return Part(
        text=(
            f"A store of {releases} releases and a server on loopback. The idle daemon was looked at {_LOOKS} times, "
            f"{_IDLE:g} s apart, after its first check: the largest.\n\n"
            + table(["", "CPU s", "wall s", "peak MB", "idle MB"], lines)
        ),
        targets=[
            Target(
                what="peak memory of a check of the port registry that finds the next release",
                measured=changed.memory or None,
                limit=120,
                unit="MB",
            ),
            Target(what="memory of the idle daemon", measured=max(idle), limit=80, unit="MB"),
        ],
    )


def _copy(store: Path, place: Path, tree: IndexServer) -> Path:
    """A store of its own, and a configuration that asks the server on loopback."""
    shutil.copytree(store, place)
    (place / "config.toml").write_text(_CONFIG.format(url=f"{tree.url}{_PATH}"))
    (place / "config.toml").chmod(0o600)
    return place


@contextmanager
def _daemon(place: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon until the end, and tell it to stop as a service manager would."""
    with (place / "daemon.log").open("wb") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen([*WATCHER, "run"], cwd=place, stderr=log, stdout=log, env=environment)
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)


def _first_check(place: Path, process: subprocess.Popen[bytes]) -> float:
    """Seconds until the daemon has done its first check."""
    started = time.monotonic()
    while time.monotonic() < started + _PATIENCE and process.poll() is None:
        if _outcomes(place):
            return time.monotonic() - started
        time.sleep(0.05)
    raise SystemExit(f"the daemon did not check: {(place / 'daemon.log').read_text()[-2000:]}")


def _must_be(place: Path, outcome: str) -> None:
    if (found := _outcomes(place))[-1:] != [outcome]:
        raise SystemExit(f"a check that was to be {outcome!r} was not: {found}")


def _outcomes(place: Path) -> list[str]:
    database = sqlite3.connect(f"file:{place / 'history.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in database.execute("SELECT outcome FROM checks ORDER BY id")]
    finally:
        database.close()
