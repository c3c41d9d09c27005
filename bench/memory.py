"""Measure the memory of a check that finds a new release, and of the idle daemon."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from bench.measuring import ROOT, WATCHER, Part, Target, cost, megabytes, memory_of, table
from bench.series import make_next
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
_PAUSE = 5.0  # seconds between two samples of the idle daemon
_SAMPLES = 4


def measure(files: Sequence[Path], store: Path, folder: Path, python: str) -> Part:
    """Check a release that follows the newest of `store`, with a command and with the daemon, over loopback.

    `python` is that of an environment as users have it (`environment.build_product`).
    """
    newest, releases = files[-1], len(files)
    tree = IndexServer()
    tree.pages[_PATH] = newest.read_bytes()
    with serve_index(tree):
        place, other = (_copy(store, folder / name, tree) for name in ("checked", "daemon"))
        unchanged = cost([*WATCHER, "check"], place)
        day = date.fromisoformat(newest.stem) + timedelta(days=1)
        tree.pages[_PATH] = make_next(newest.read_bytes(), day.isoformat())
        changed = cost([*WATCHER, "check"], place)
        _expect_outcome(place, "changed")
        # No check is recorded in this store, so the first is due at once.
        with run_daemon(other, python=python) as process:
            first = _first_check(other, process)
            idle, most = [], 0.0
            for _ in range(_SAMPLES):
                time.sleep(_PAUSE)
                now, most = memory_of(process.pid)
                idle.append(now)
        _expect_outcome(other, "changed")
    lines: list[list[object]] = [
        ["`watcher check`: the newest release, first request to this server", unchanged.cpu, unchanged.wall,
         megabytes(unchanged.memory), None],
        ["`watcher check`: the next release", changed.cpu, changed.wall, megabytes(changed.memory), None],
        ["`watcher run`: its first check finds the next release; then idle", None, first, megabytes(most),
         megabytes(max(idle))],
    ]  # fmt: skip
    return Part(
        text=(
            f"A store of {releases} releases and a server on loopback. Idle memory is the largest of {_SAMPLES} "
            f"samples, {_PAUSE:g} s apart, after the first check of the daemon, in an environment without the packages "
            "of the tests.\n\n" + table(["", "CPU s", "wall s", "peak MB", "idle MB"], lines)
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
    """Copy the store and configure it for the server on loopback."""
    shutil.copytree(store, place)
    (place / "config.toml").write_text(_CONFIG.format(url=f"{tree.url}{_PATH}"))
    (place / "config.toml").chmod(0o600)
    return place


@contextmanager
def run_daemon(place: Path, *command: str, python: str = sys.executable) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon or another command; stop it with SIGTERM at the end, as a service manager does."""
    with (place / f"{command[0] if command else 'daemon'}.log").open("wb") as log:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        process = subprocess.Popen(
            [python, *WATCHER[1:], *(command or ("run",))], cwd=place, stderr=log, stdout=log, env=environment
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)


def _first_check(place: Path, process: subprocess.Popen[bytes]) -> float:
    """Return the seconds until the first check of the daemon is recorded."""
    started = time.monotonic()
    while time.monotonic() < started + _PATIENCE and process.poll() is None:
        if _outcomes(place):
            return time.monotonic() - started
        time.sleep(0.05)
    raise SystemExit(f"the daemon did not check: {(place / 'daemon.log').read_text()[-2000:]}")


def _expect_outcome(place: Path, outcome: str) -> None:
    if (outcomes := _outcomes(place))[-1:] != [outcome]:
        raise SystemExit(f"the outcome of a check is not {outcome!r}: {outcomes}")


def _outcomes(place: Path) -> list[str]:
    database = sqlite3.connect(f"file:{place / 'history.db'}?mode=ro", uri=True)
    try:
        return [row[0] for row in database.execute("SELECT outcome FROM checks ORDER BY id")]
    finally:
        database.close()
