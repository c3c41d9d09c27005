"""The daemon as a process: it reports READY, checks, delivers, and ends cleanly."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.environment import Environment, open_environment
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, reply
from tests.support.fork_server import ForkedProcess, ForkServer
from tests.support.port_releases import release, tcp
from watcher.cli.context import load_settings
from watcher.cli.demo_servers import SOURCE
from watcher.config.settings import Settings
from watcher.daemon.daemon import Daemon
from watcher.daemon.sd_notify import notify
from watcher.monitor.monitor import Monitor


class RunningDaemon:
    """A daemon process; the test is its service manager."""

    def __init__(self, process: subprocess.Popen[str] | ForkedProcess, manager: socket.socket) -> None:
        self.process = process
        self._manager = manager

    def next_message(self) -> str:
        """Return the next message to the service manager."""
        return self._manager.recv(4096).decode()

    def next_but_keepalives(self) -> str:
        """Return the next message to the service manager that is no keep-alive."""
        return next(word for word in iter(self.next_message, "") if word != "WATCHDOG=1")

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
def run_daemon(env: Environment, forks: ForkServer | None, watchdog: str | None = None) -> Iterator[RunningDaemon]:
    """Run a daemon, forked from a process that has everything imported or, without one, as its users start it."""
    address = env.servers.folder / "notify"
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(60)
        environment = {"NOTIFY_SOCKET": str(address), **({"WATCHDOG_USEC": watchdog} if watchdog else {})}
        arguments = ["--config", str(env.servers.config), "run"]
        with (
            forks.start(*arguments, environment=environment)
            if forks
            else subprocess.Popen(
                [sys.executable, "-m", "watcher", *arguments],
                env={**os.environ, **environment},
                stderr=subprocess.PIPE,
                text=True,
            )
        ) as process:
            try:
                yield RunningDaemon(process, manager)
            finally:
                process.kill()


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure("[store]", '[log]\nformat = "json"\n\n[store]')
        yield made


def test_it_reports_ready_checks_and_ends_cleanly(env: Environment) -> None:
    env.publish(release([tcp("a", "1")]))
    with run_daemon(env, None) as running:
        assert running.next_message().startswith("READY=1")
        checked = running.logged("checked")
        assert (checked["source"], checked["outcome"]) == (SOURCE, "baseline")
        assert running.stop() == 0
        assert running.next_message().startswith("STOPPING=1")
    assert len(env.rows("releases")["releases"]) == 1


def test_it_sends_a_heartbeat_again_and_again_while_sources_are_checked_in_time(env: Environment) -> None:
    env.publish(release([tcp("a", "1")]))
    with FaultServer(reply(b"OK")) as server:
        env.configure("[store]", f'[heartbeat]\nurl = "{server.url()}"\nevery = "1s"\n\n[store]')
        with run_daemon(env, None) as running:
            running.logged("checked")
            env.wait(lambda: len(server.requests) > 1)
            assert running.stop() == 0


@pytest.mark.fault(39)
def test_messages_committed_before_the_start_are_delivered(env: Environment, killing: ForkServer) -> None:
    env.check(release([tcp("a", "1")]))
    env.publish(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
    with env.service() as service:
        service.check(service.source(SOURCE))
    pending = {row["id"] for row in env.rows("outbox")["outbox"]}
    assert (len(pending), env.servers.webhooks) == (2, [])
    with run_daemon(env, killing) as running:
        delivered = [running.logged("delivered") for _ in range(2)]
        assert {(record["channel"], record["sent"]) for record in delivered} == {("hook", 1), ("mail", 1)}
        assert running.stop() == 0
    (hook,), (mail,) = env.servers.webhooks, env.servers.mails
    assert {hook["id"], mail["Message-ID"].strip("<").partition("@")[0]} == pending


def test_a_restart_does_not_check_before_a_source_is_due(env: Environment, killing: ForkServer) -> None:
    env.check(release([tcp("a", "1")]))
    asked = len(env.servers.requests)
    with run_daemon(env, killing) as running:
        running.logged("watching")
        assert running.stop() == 0
    assert len(env.servers.requests) == asked


def test_keepalives_are_sent_to_the_watchdog(env: Environment, killing: ForkServer) -> None:
    env.publish(release([tcp("a", "1")]))
    with run_daemon(env, killing, watchdog="600000") as running:
        assert running.next_message().startswith("READY=1")
        assert running.next_message() == "WATCHDOG=1"
        assert running.next_message() == "WATCHDOG=1"
        assert running.stop() == 0


def test_a_failed_check_is_logged_and_does_not_end_the_daemon(env: Environment, killing: ForkServer) -> None:
    env.publish(b"<html>502</html>")
    with run_daemon(env, killing) as running:
        checked = running.logged("checked")
        assert (checked["level"], checked["outcome"]) == ("warning", "failed")
        assert "web page" in checked["message"]
        assert running.process.poll() is None
        assert running.stop() == 0


@pytest.mark.fault(54)
def test_an_unusable_history_ends_the_daemon_before_ready(env: Environment, killing: ForkServer) -> None:
    (env.servers.folder / "history.db").write_bytes(b"this is no database" * 100)
    with run_daemon(env, killing) as running:
        assert running.process.wait(60) == 2
        assert running.process.stderr is not None
        error = running.process.stderr.read()
    assert error.startswith("watcher: error:")
    assert "history.db" in error
    assert error.count("\n") == 1


def test_the_schedule_follows_the_record_of_checks(env: Environment) -> None:
    env.now = datetime(2020, 1, 1, tzinfo=UTC)
    env.publish(release([tcp("a", "1")]))
    with env.service() as service:
        service.check(service.source(SOURCE))
    configured = load_settings(env.servers.config)
    daemon = Daemon(configured, Monitor, FakeClock(datetime.now(UTC), jitter=0.5))
    daemon.schedule()
    times = daemon.scheduler.times()
    assert set(times) == {SOURCE, " deliveries", " deadlines", " health"}
    late = (times[SOURCE] - datetime.now(UTC)).total_seconds()
    # Long overdue: once, soon, and not at the same moment as every other source.
    assert 0 < late <= configured.daemon.jitter.total_seconds()


def test_a_defect_in_one_task_ends_only_that_task(env: Environment) -> None:
    configured = load_settings(env.servers.config)

    def broken(_: Settings) -> Monitor:
        raise RuntimeError("a defect")

    daemon = Daemon(configured, broken)
    with structlog.testing.capture_logs() as logs:
        daemon.jobs.check_source(configured.registries[0])
        daemon.jobs.send_due()
    assert [log["event"] for log in logs] == ["check not recorded", "deliveries not sent"]
    assert daemon.jobs.watchdog.wait_until_idle(0)


@pytest.mark.fault(61, 66)
def test_a_hangup_applies_a_valid_configuration_and_keeps_the_old_one_where_the_new_is_broken(
    env: Environment, killing: ForkServer
) -> None:
    env.publish(release([tcp("a", "1")]))
    with run_daemon(env, killing) as running:
        assert running.next_message().startswith("READY=1\nSTATUS=watching 1 source")
        running.logged("checked")
        good = env.servers.config.read_text()
        for text, status, event in (
            (good.replace("[smtp]", "[smpt]"), "refused: ", "configuration refused; the old one stays in force"),
            (
                good.replace('"history.db"', '"other.db"'),
                "restart it",
                "configuration refused; the old one stays in force",
            ),
            (
                good.replace("[fetch]", f'[fetch]\nca_file = "{"x" * 300}"'),
                "File name too long",
                "configuration refused; the old one stays in force",
            ),
            (good.replace('name = "ports"', 'name = "again"'), "watching 1 source", "configuration reloaded"),
        ):
            env.servers.config.write_text(text)
            running.process.send_signal(signal.SIGHUP)
            begun = running.next_but_keepalives()
            assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=")
            assert begun.rpartition("=")[2].isdecimal()
            ended = running.next_but_keepalives()
            assert ended.startswith("READY=1\nSTATUS=")
            assert status in ended
            assert ended.count("\n") == 1
            running.logged(event)
        assert running.logged("checked")["source"] == "again"
        assert running.stop() == 0


@pytest.mark.fault(61)
def test_a_reload_that_fails_in_an_unforeseen_way_keeps_the_old_configuration(env: Environment) -> None:
    def broken() -> Settings:
        raise RuntimeError("a defect")

    configured = load_settings(env.servers.config)
    daemon = Daemon(configured, Monitor, load=broken)
    daemon.schedule()
    times = daemon.scheduler.times().keys()
    with structlog.testing.capture_logs() as logs:
        daemon.reload()
    (refused,) = logs
    assert refused["event"] == "configuration refused; the old one stays in force"
    assert "RuntimeError: a defect" in refused["problems"][0]
    assert "Traceback" in refused["details"]
    assert daemon.jobs.settings is configured
    assert daemon.scheduler.times().keys() == times


@pytest.mark.fault(66)
def test_the_pages_follow_a_reload_and_say_what_needs_a_restart(env: Environment, killing: ForkServer) -> None:
    token, good = env.servers.folder / "token", env.servers.config.read_text()
    token.write_text("the first token")
    token.chmod(0o600)

    def ask(host: str, secret: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/ports", headers={"Host": host, "Authorization": f"Bearer {secret}"})
        status = connection.getresponse().status
        connection.close()
        return status

    env.publish(release([tcp("a", "1")]))
    env.servers.config.write_text(f'{good}\n[web]\nlisten = "127.0.0.1:0"\ntoken = "file:token"\n')
    with run_daemon(env, killing) as running:
        port = running.logged("serving pages")["port"]
        running.logged("checked")
        assert (ask("localhost", "the first token"), ask("localhost", "another token")) == (200, 401)
        assert ask("watch.example.org", "the first token") == 403
        token.write_text("another token")
        web = '[web]\nlisten = "127.0.0.1:9999"\ntoken = "file:token"\nhosts = ["watch.example.org"]\n'
        env.servers.config.write_text(f"{good}\n{web}")
        running.process.send_signal(signal.SIGHUP)
        assert running.logged("web.listen changes when the daemon is restarted")["then"] == "127.0.0.1:9999"
        running.logged("configuration reloaded")
        assert (ask("localhost", "the first token"), ask("watch.example.org", "another token")) == (401, 200)
        token.unlink()
        running.process.send_signal(signal.SIGHUP)
        running.logged("configuration refused; the old one stays in force")
        assert ask("localhost", "another token") == 200
        assert running.stop() == 0


@pytest.mark.fault(66)
def test_a_signal_received_before_ready_takes_effect(env: Environment, killing: ForkServer) -> None:
    with env.service() as service:
        service.store.history.list_sources()
    lock = sqlite3.connect(env.servers.folder / "history.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    with run_daemon(env, killing) as running:
        assert running.process.stderr is not None
        status = Path(f"/proc/{running.process.pid}/status")
        while not _caught(status, signal.SIGTERM):
            assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)
        lock.close()
        assert running.process.wait(60) == 0
        assert running.next_message().startswith("READY=1")
        assert running.next_message().startswith("STOPPING=1")


def _caught(status: Path, number: int) -> bool:
    (mask,) = (line.split()[1] for line in status.read_text().splitlines() if line.startswith("SigCgt:"))
    return bool(int(mask, 16) >> (number - 1) & 1)


@pytest.mark.fault(67)
@pytest.mark.parametrize("address", ["", "nonsense", "/nobody/listens/here", "@nobody-listens-here"])
def test_without_a_service_manager_nothing_is_sent(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")


@pytest.mark.fault(67)
def test_keepalives_stop_while_a_task_hangs_and_resume_when_it_goes_on(env: Environment) -> None:
    clock = FakeClock()
    configured = load_settings(env.servers.config)
    daemon = Daemon(configured, Monitor, clock)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, pytest.MonkeyPatch.context() as patch:
        manager.bind(str(env.servers.folder / "manager"))
        manager.setblocking(False)
        patch.setenv("NOTIFY_SOCKET", str(env.servers.folder / "manager"))

        def next_message() -> list[str]:
            daemon.watch_tasks()
            with suppress(BlockingIOError):
                return [manager.recv(4096).decode()]
            return []

        budget = daemon.jobs.budget(configured.source[0])
        assert budget == configured.fetch.deadline + configured.daemon.hung_after.total_seconds()
        with daemon.jobs.run("", budget, source="ports"):  # a failure in this block would be logged, and nothing else
            messages = [next_message()]
            clock.advance(timedelta(seconds=budget + 1))
            daemon.jobs.watchdog._last_progress = clock.monotonic()  # deliveries run meanwhile
            messages += [next_message(), next_message()]
            daemon.jobs.watchdog.report_progress()
            messages += [next_message(), next_message()]
        hangs, works = ["STATUS=hung: ports"], ["WATCHDOG=1\nSTATUS=watching 1 source"]
        assert messages == [["WATCHDOG=1"], hangs, [], works, ["WATCHDOG=1"]]
        # A scheduler that begins nothing any more is no sign of life either.
        clock.advance(configured.daemon.hung_after + timedelta(seconds=11))
        assert next_message() == ["STATUS=hung: the scheduler"]
