"""The clock is set, the machine sleeps, a week is missed, a check takes longer than its interval: one turn, soon."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog
import time_machine
from apscheduler.events import EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, JobEvent
from click.testing import CliRunner

from tests.support.environment import rows
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import release, tcp
from watcher.cli import watcher
from watcher.cli.context import load_settings
from watcher.core.clock import SystemClock
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor

START = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # an hour before summer time begins in Europe
HOUR = timedelta(hours=1)
CONFIG = """
[fetch]
attempts = 1
allow_private = true
min_interval = 0
[[source]]
name = "ports"
url = "{url}"
[[channel]]
name = "hook"
type = "webhook"
url = "http://127.0.0.1:9/"
secret = "env:NONE"
operator = true
"""


class WallClock(SystemClock):
    """The wall clock moves as the test sets it; monotonic time does not pass."""

    def __init__(self, *jitter: float) -> None:
        self._jitter = itertools.cycle(jitter)

    def monotonic(self) -> float:
        return 0.0

    def jitter(self) -> float:
        return next(self._jitter)


class Watch:
    """A daemon whose main thread is the test: scheduler and workers are real."""

    def __init__(self, folder: Path, url: str) -> None:
        self.history = folder / "history.db"
        config = folder / "config.toml"
        config.write_text(CONFIG.format(url=url))
        config.chmod(0o600)
        self.settings = load_settings(config)
        self.daemon = Daemon(self.settings, Monitor, WallClock(0.5))
        self.scheduler = self.daemon.scheduler.apscheduler

    @contextmanager
    def running(self) -> Iterator[None]:
        self.daemon.schedule()
        self.scheduler.start()
        try:
            yield
        finally:
            self.daemon.stop()
            self.scheduler.shutdown()

    @contextmanager
    def event(self, code: int) -> Iterator[None]:
        """Wait, at the end, for something to happen to the source in the scheduler."""
        happened = threading.Event()

        def listen(event: JobEvent) -> None:
            if event.job_id == "ports":
                happened.set()

        self.scheduler.add_listener(listen, code)
        yield
        assert happened.wait(30)
        self.scheduler.remove_listener(listen)

    def next(self) -> datetime:
        found: datetime = self.scheduler.get_job("ports").next_run_time
        return found

    def checks(self) -> int:
        return len(rows(self.history, "checks")["checks"])


@pytest.fixture
def clock() -> Iterator[time_machine.Coordinates]:
    with time_machine.travel(START, tick=False) as made:
        yield made


@pytest.fixture
def watch(clock: time_machine.Coordinates, tmp_path: Path) -> Iterator[Watch]:
    with FaultServer(reply(release([tcp("a", "1")]))) as server:
        made = Watch(tmp_path, server.url())
        with Monitor(made.settings) as service:
            service.check(made.settings.registries[0])
        yield made


@pytest.mark.fault(58)
def test_a_clock_set_back_moves_the_checks_with_it(clock: time_machine.Coordinates, watch: Watch) -> None:
    with watch.running():
        distance = watch.next() - datetime.now(UTC)
        clock.shift(-HOUR)
        with structlog.testing.capture_logs() as logs:
            watch.daemon.watch_clocks()
            watch.daemon.watch_clocks()
        assert [log["seconds"] for log in logs] == [-3600], "a jump is reported once"
        assert watch.next() - datetime.now(UTC) == distance
    assert watch.checks() == 1


@pytest.mark.fault(58)
@pytest.mark.parametrize("ahead", [8 * HOUR, timedelta(days=7), timedelta(days=3653)], ids=str)
def test_after_a_clock_set_ahead_or_a_sleep_each_source_is_checked_once(
    clock: time_machine.Coordinates, watch: Watch, ahead: timedelta
) -> None:
    with watch.running():
        watch.scheduler.pause()  # else it may be faster than we, and the turn have been
        clock.shift(ahead)
        watch.daemon.watch_clocks()
        due = watch.next()
        assert timedelta() < due - datetime.now(UTC) <= watch.settings.daemon.jitter, "soon, and not all at once"
        with watch.event(EVENT_JOB_EXECUTED):
            clock.move_to(due)
            watch.scheduler.wakeup()
        assert watch.checks() == 2
        assert watch.next() - datetime.now(UTC) >= watch.settings.registries[0].every
        # And back again, when the clock is mended: nothing is put off for years.
        clock.shift(-ahead)
        watch.daemon.watch_clocks()
        assert watch.next() - datetime.now(UTC) <= 2 * watch.settings.registries[0].every
    assert watch.checks() == 2


@pytest.mark.fault(58)
def test_the_operators_are_notified_that_the_clock_was_set(clock: time_machine.Coordinates, watch: Watch) -> None:
    with watch.running():
        watch.scheduler.pause()
        clock.shift(-HOUR)
        watch.daemon.watch_clocks()
    with Monitor(watch.settings) as service:
        watch.daemon.jobs.store_notices(service)
    (row,) = rows(watch.history, "outbox")["outbox"]
    assert row["source"] == "watcher"
    assert '"clock-jumped"' in row["body"]
    assert "back by 3600 s" in row["body"]


@pytest.mark.fault(58)
def test_small_steps_of_a_clock_are_no_jump(clock: time_machine.Coordinates, watch: Watch) -> None:
    with watch.running():
        before = watch.next()
        clock.shift(5)
        with structlog.testing.capture_logs() as logs:
            watch.daemon.watch_clocks()
        assert (logs, watch.next()) == ([], before)


@pytest.mark.fault(59)
def test_after_a_week_of_downtime_each_source_is_checked_once_at_a_time_of_its_own(
    clock: time_machine.Coordinates, watch: Watch
) -> None:
    clock.shift(timedelta(days=7))
    more = watch.settings.registries[0].model_copy(update={"name": "more"})
    with Monitor(watch.settings) as service:
        service.check(more)
    clock.shift(timedelta(days=7))
    both = watch.settings.model_copy(update={"source": (*watch.settings.source, more)})
    daemon = Daemon(both, Monitor, WallClock(0.1, 0.9))
    daemon.schedule()
    late = {name: due - datetime.now(UTC) for name, due in daemon.scheduler.times().items()}
    assert (late["ports"], late["more"]) == (timedelta(seconds=3), timedelta(seconds=27))
    for source in both.source:
        assert len(daemon.scheduler.apscheduler.get_job(source.name)._get_run_times(datetime.now(UTC) + HOUR)) == 1


@pytest.mark.fault(57, 60)
def test_a_check_that_is_due_while_the_previous_one_runs_is_skipped_counted_and_reported(tmp_path: Path) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def slow(sock: socket.socket, stopped: threading.Event) -> bool:
        asked.set()
        return not go_on.wait(30)

    with FaultServer(slow) as server:
        watch = Watch(tmp_path, server.url())
        with watch.running(), watch.event(EVENT_JOB_EXECUTED):
            assert asked.wait(30)
            with watch.event(EVENT_JOB_MAX_INSTANCES):
                watch.scheduler.modify_job("ports", next_run_time=datetime.now(UTC))
            assert watch.next() > datetime.now(UTC), "the turn after it comes as ever"
            watch.daemon.jobs.send_due()
            # The connection breaks: at its end the check has failed, and is tried no more.
            watch.daemon.stop()
            go_on.set()
    status = CliRunner().invoke(watcher, ["--config", str(tmp_path / "config.toml"), "status"])
    assert "ports: 1 checks skipped because the previous check was still running\n" in status.output
    (delivery,) = rows(watch.history, "outbox")["outbox"]
    assert "the previous check is still running" in delivery["body"]
    assert len(server.requests) == 1
