"""A disk that is full, read-only or broken, and a process without file descriptors: the check fails, nothing else does.

The turns are the daemon's own, in this process, so that what recovers is shown to recover without a restart. The small
disk is a real one (tmpfs): that needs root. fsync that fails is put in place of the system's; everything else is real.
"""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.environment import DERIVED, Environment, open_environment
from tests.support.port_releases import Row, release, tcp
from tests.support.raw_sql import connection
from watcher.cli.context import load_settings
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor
from watcher.store.store import Store

MIB = 2**20


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        yield made


@pytest.fixture
def disk(env: Environment) -> Iterator[Path]:
    """A disk of 3 MiB that holds history and snapshots."""
    folder = env.servers.folder / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={3 * MIB}", "tmpfs", str(folder)]
    root = os.geteuid() == 0
    made = subprocess.run(mount, capture_output=True, text=True, check=False) if root else None
    if made is None or made.returncode:
        pytest.skip(f"a small disk needs root and mount: {made.stderr.strip() if made else 'this is not root'}")
    env.configure('"history.db"', f'"{folder}/history.db"')
    env.configure('"snapshots"', f'"{folder}/snapshots"')
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


class Turns:
    """The daemon's turns, one at a time, in this thread."""

    def __init__(self, env: Environment) -> None:
        configured = load_settings(env.servers.config)
        self.path = configured.store.path
        self._source = configured.registries[0]
        self._jobs = Daemon(configured, Monitor).jobs
        self._jobs._senders.start = self._jobs.deliver  # type: ignore[method-assign]  # in this thread, too

    def take(self) -> list[dict[str, Any]]:
        """Return the log of a check and a delivery."""
        with structlog.testing.capture_logs() as logs:
            self._jobs.check_source(self._source)
            self._jobs.send_due()
        return [dict(log) for log in logs]

    def outcomes(self) -> list[str]:
        return [log["outcome"] for log in self.take() if log["event"] == "checked"]

    def fails_cleanly(self, *words: str) -> None:
        """A turn ends in one clear line: no defect, no traceback, nothing changed."""
        before = self.rows()
        logs = self.take()
        failed = [log for log in logs if log["event"] == "check not recorded" or log.get("outcome") == "failed"]
        assert failed, logs
        assert not {"exc_info", "traceback"} & failed[0].keys(), failed
        assert any(word in failed[0].get("error", failed[0].get("message")) for word in words), failed
        assert self.rows() == before

    def rows(self) -> dict[str, list[Any]]:
        with Store(self.path, create=False) as store:
            store.verify(thorough=True)
            return {table: list(connection(store).query(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in DERIVED}  # noqa: S608


def large(number: int, updated: str) -> bytes:
    """A release that takes room: text that does not compress away."""
    rows: list[Row] = [tcp(f"s{index}", str(index + 1), description=os.urandom(40).hex()) for index in range(number)]
    return release(rows, updated)


def fill(path: Path, *, leave: int) -> None:
    """Take all the room of a disk but some."""
    with path.open("wb", buffering=0) as file:
        free = os.statvfs(path).f_bavail * os.statvfs(path).f_frsize
        file.write(bytes(max(free - leave, 0)))


@pytest.mark.fault(52)
@pytest.mark.parametrize("leave", [0, 40 * 1024, 300 * 1024], ids=["nothing", "a-little", "some"])
def test_a_full_disk_fails_the_check_and_is_forgotten_when_there_is_room(
    env: Environment, disk: Path, leave: int
) -> None:
    env.publish(large(20, "2020-01-01"))
    turns = Turns(env)
    assert turns.outcomes() == ["baseline"]
    fill(disk / "filler", leave=leave)
    env.publish(large(1500, "2020-01-02"))
    for _ in range(2):
        turns.fails_cleanly("full", "No space left")
    assert list(disk.rglob("*.tmp")) == []
    (disk / "filler").unlink()
    assert turns.outcomes() == ["changed"]
    assert len(turns.rows()["releases"]) == 2
    assert len(env.servers.mails) == 1


@pytest.mark.fault(52)
def test_a_disk_that_turned_read_only_fails_the_check_until_it_can_be_written(env: Environment, disk: Path) -> None:
    env.publish(release([tcp("a", "1")]))
    turns = Turns(env)
    assert turns.outcomes() == ["baseline"]
    env.publish(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    logs = turns.take()
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
    assert next(log["outcome"] for log in logs if log["log_level"] == "error") == "failed"
    assert not any({"exc_info", "traceback"} & log.keys() for log in logs)
    assert turns.outcomes() == ["changed"]
    assert len(env.servers.mails) == 1


@contextmanager
def no_files_larger() -> Iterator[None]:
    """No write beyond the first page of a file: what a broken disk does to SQLite is an I/O error too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def no_descriptors() -> Iterator[None]:
    """No file or socket can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def fsync_fails() -> Iterator[None]:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        yield


@pytest.mark.fault(52)
@pytest.mark.parametrize("breaks", [no_files_larger, no_descriptors, fsync_fails])
def test_what_the_system_refuses_fails_the_check_and_is_forgotten(env: Environment, breaks: Callable[[], Any]) -> None:
    env.publish(release([tcp("a", "1")]))
    turns = Turns(env)
    assert turns.outcomes() == ["baseline"]
    before = turns.rows()
    env.publish(large(300, "2020-01-02"))
    with breaks():
        logs = turns.take()
    assert "changed" not in [log.get("outcome") for log in logs]
    assert not any({"exc_info", "traceback"} & log.keys() for log in logs), logs
    assert any(log["event"] == "check not recorded" or log.get("outcome") == "failed" for log in logs)
    assert turns.rows() == before
    assert list(env.servers.folder.rglob("*.tmp")) == []
    assert turns.outcomes() == ["changed"]
    assert len(env.servers.mails) == 1
