"""The daemon as a process of its own: it says when it is ready, looks, sends, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.factory import release, tcp
from tests.world import World, world
from watcher.cli.app import App
from watcher.cli.reading import settings
from watcher.daemon import Daemon
from watcher.demo import SOURCE
from watcher.service import Service


class Running:
    """A daemon under a service manager that listens: the test."""

    def __init__(self, process: subprocess.Popen[str], manager: socket.socket) -> None:
        self.process = process
        self._manager = manager

    def said(self) -> str:
        """The next word to the service manager."""
        return self._manager.recv(4096).decode()

    def logged(self, event: str) -> dict[str, Any]:
        """Read the log up to an event."""
        assert self.process.stderr is not None
        seen = []
        for line in self.process.stderr:
            seen.append(line)
            found: dict[str, Any] = json.loads(line)
            if found["event"] == event:
                return found
        pytest.fail(f"the daemon ended without {event!r}: {''.join(seen)}")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


@contextmanager
def daemon(here: World, watchdog: str | None = None) -> Iterator[Running]:
    address = here.stage.folder / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        environment = {**os.environ, "NOTIFY_SOCKET": str(address), **({"WATCHDOG_USEC": watchdog} if watchdog else {})}
        command = [sys.executable, "-m", "watcher", "--config", str(here.stage.config), "run"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield Running(process, manager)
            finally:
                process.kill()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.configure("[store]", '[log]\nformat = "json"\n\n[store]')
        yield made


def test_it_says_ready_looks_and_ends_cleanly(here: World) -> None:
    here.publish(release([tcp("a", "1")]))
    with daemon(here) as running:
        assert running.said().startswith("READY=1")
        checked = running.logged("checked")
        assert (checked["source"], checked["outcome"]) == (SOURCE, "baseline")
        assert running.stop() == 0
        assert running.said() == "STOPPING=1"
    assert len(here.rows("releases")["releases"]) == 1


def test_what_was_committed_before_it_started_is_delivered(here: World) -> None:
    here.check(release([tcp("a", "1")]))
    here.publish(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
    with here.service() as service:
        service.check(service.source(SOURCE))
    pending = {row["id"] for row in here.rows("outbox")["outbox"]}
    assert (len(pending), here.stage.webhooks) == (2, [])
    with daemon(here) as running:
        assert running.logged("delivered")["sent"] == 2
        assert running.stop() == 0
    (hook,), (mail,) = here.stage.webhooks, here.stage.mails
    assert {hook["id"], mail["Message-ID"].strip("<").partition("@")[0]} == pending


def test_a_restart_does_not_look_again_before_its_time(here: World) -> None:
    here.check(release([tcp("a", "1")]))
    asked = len(here.stage.requests)
    with daemon(here) as running:
        running.logged("watching")
        assert running.stop() == 0
    assert len(here.stage.requests) == asked


def test_the_watchdog_hears_of_it(here: World) -> None:
    here.publish(release([tcp("a", "1")]))
    with daemon(here, watchdog="600000") as running:
        assert running.said().startswith("READY=1")
        assert running.said() == "WATCHDOG=1"
        assert running.said() == "WATCHDOG=1"
        assert running.stop() == 0


def test_a_failed_check_is_logged_and_does_not_end_it(here: World) -> None:
    here.publish(b"<html>502</html>")
    with daemon(here) as running:
        checked = running.logged("checked")
        assert (checked["level"], checked["outcome"]) == ("warning", "failed")
        assert "web page" in checked["message"]
        assert running.process.poll() is None
        assert running.stop() == 0


@pytest.mark.fault(54)
def test_a_history_that_cannot_be_used_ends_it_before_ready(here: World) -> None:
    (here.stage.folder / "history.db").write_bytes(b"this is no database" * 100)
    with daemon(here) as running:
        assert running.process.wait(60) == 2
        assert running.process.stderr is not None
        said = running.process.stderr.read()
    assert said.startswith("watcher: error:")
    assert "history.db" in said
    assert said.count("\n") == 1


def test_the_schedule_follows_the_record_of_checks(here: World) -> None:
    here.now = datetime(2020, 1, 1, tzinfo=UTC)
    here.publish(release([tcp("a", "1")]))
    with here.service() as service:
        service.check(service.source(SOURCE))
    configured = settings(App(here.stage.config))
    made = Daemon(configured, lambda: Service(configured), jitter=lambda: 0.5)
    made._schedule()
    jobs = {job.id: job for job in made._scheduler.get_jobs()}
    assert set(jobs) == {SOURCE, " deliveries"}
    late = (jobs[SOURCE].next_run_time - datetime.now(UTC)).total_seconds()
    # Long overdue: once, soon, and not at the same moment as every other source.
    assert 0 < late <= configured.daemon.jitter.total_seconds()


def test_a_defect_in_one_piece_of_work_ends_that_piece_only(here: World) -> None:
    configured = settings(App(here.stage.config))

    def broken() -> Service:
        raise RuntimeError("a defect")

    made = Daemon(configured, broken)
    with structlog.testing.capture_logs() as logs:
        made._check(configured.source[0])
        made._send()
    assert [log["event"] for log in logs] == ["check not recorded", "deliveries not sent"]
    assert made._work.wait(0)
