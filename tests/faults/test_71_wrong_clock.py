"""A clock that is wrong, once or often: releases are in the order in which they were seen, and nothing is put off."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.support.environment import content_of, rows
from tests.support.fake_clock import START, FakeClock
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from tests.support.table_source import table
from watcher.alerts.channels.base import Channel
from watcher.alerts.delivery import deliver_due
from watcher.cli.context import load_settings
from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.daemon.daemon import Daemon
from watcher.monitor.deliver import channels_due
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult

HOUR, YEARS = timedelta(hours=1), timedelta(days=3653)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC) - START
WRONG = (HOUR, -HOUR, YEARS, -YEARS, EPOCH)
SOURCES = ("ports", "table")
CONFIG = """
[fetch]
allow_files = true
[[channel]]
name = "noc"
type = "email"
to = ["noc@example.org"]
[[source]]
name = "ports"
url = "{folder}/ports"
registry = "ports"
[[source]]
name = "table"
url = "{folder}/table"
registry = "iana"
format = "csv"
key = ["id"]
"""


def document(source: str, number: int, day: str) -> bytes:
    """Return a release that brings the name `NAME-NUMBER`; the table has no date."""
    name = f"{source}-{number}"
    if source == "table":
        return table("id,name", "1,first", f"2,{name}")
    return release([tcp("first", "1"), tcp("second", "2", description=name)], day)


def name_in(body: str) -> str:
    """Return the newest name in a message: a change also has the one before."""
    return max(re.findall(r"(?:ports|table)-\d+", body), key=lambda name: int(name.partition("-")[2]))


@dataclass
class Mails:
    """A channel that refuses some messages for now and keeps the names in the others."""

    channel: Channel
    draw: random.Random
    refused: float = 0.0
    names: list[str] = field(default_factory=list)

    def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
        if self.draw.random() < self.refused:
            raise DeliveryError("not now", permanent=False)
        self.names.append(name_in(delivery.body))


class World:
    """Two sources and a channel. The true time passes; the clock differs from it by what a test sets."""

    def __init__(self, folder: Path, seed: int = 1) -> None:
        self.folder = folder
        self.clock = FakeClock()
        self.true = START
        self.draw = random.Random(seed)  # noqa: S311 - a test that can be repeated
        self._number = dict.fromkeys(SOURCES, 0)
        config = folder / "config.toml"
        config.write_text(CONFIG.format(folder=folder.as_uri()))
        config.chmod(0o600)
        self.settings = load_settings(config)
        with self.monitor() as monitor:
            self.mails = Mails(monitor.channels["noc"], self.draw)

    @contextmanager
    def monitor(self) -> Iterator[Monitor]:
        with Monitor(self.settings, clock=self.clock) as monitor:
            yield monitor

    def set_clock(self, wrong_by: timedelta = timedelta()) -> None:
        self.clock.set(self.true + wrong_by)

    def pass_time(self, step: timedelta) -> None:
        self.true += step
        self.clock.advance(step)

    def publish(self, source: str) -> str:
        """Serve the next release of a source and return the name that it brings."""
        self._number[source] += 1
        number = self._number[source]
        (self.folder / source).write_bytes(document(source, number, self.true.date().isoformat()))
        return f"{source}-{number}"

    def check(self, monitor: Monitor, source: str) -> CheckResult:
        result = monitor.check(monitor.source(source))  # type: ignore[arg-type] - no collection
        self.deliver(monitor)
        return result

    def deliver(self, monitor: Monitor) -> None:
        for name in channels_due(monitor):
            deliver_due(monitor.store, {name: self.mails}, self.clock, monitor.alerts, only=name)  # type: ignore[dict-item]

    def list_alerted(self, source: str) -> list[str]:
        """Return the names in the alerts of a source, as they were put into the outbox."""
        with self.monitor() as monitor:
            query = connection(monitor.store).query
            return [
                name_in(row["body"]) for row in query("SELECT * FROM outbox WHERE source = ? ORDER BY rowid", [source])
            ]

    def history(self) -> list[object]:
        return content_of(rows(self.folder / "history.db"))

    def rebuild(self) -> list[object]:
        with self.monitor() as monitor:
            for source in SOURCES:
                monitor.ingest(monitor.source(source)).rebuild()
        return self.history()


@pytest.mark.fault(71)
def test_a_clock_that_jumps_at_random_loses_delays_and_reorders_nothing(tmp_path: Path) -> None:
    world = World(tmp_path)
    expected: dict[str, list[str]] = {source: [] for source in SOURCES}
    checks, outcomes = 0, []
    world.mails.refused = 0.3
    while checks < 500:
        with world.monitor() as monitor:  # and start again
            for _ in range(world.draw.randrange(10, 60)):
                if world.draw.random() < 0.1:
                    world.set_clock(world.draw.choice(WRONG) if world.draw.random() < 0.5 else timedelta())
                world.pass_time(timedelta(seconds=world.draw.choice((0, 1, 1800))))
                source = world.draw.choice(SOURCES)
                if is_new := world.draw.random() < 0.6 or not expected[source]:
                    expected[source].append(world.publish(source))
                outcomes.append((is_new, str(world.check(monitor, source).outcome)))
                checks += 1
    assert sorted(set(outcomes)) == [(False, "unchanged"), (True, "baseline"), (True, "changed")]
    for source in SOURCES:
        assert world.list_alerted(source) == expected[source][1:], "each once, in the order in which they were seen"
    # The clock is right again. Each message is sent within its schedule, of which the longest wait is a day.
    world.mails.refused = 0.0
    world.set_clock()
    with world.monitor() as monitor:
        for _ in range(28):
            world.deliver(monitor)
            world.pass_time(HOUR)
        assert monitor.store.outbox.count_by_state() == {}
    assert sorted(world.mails.names) == sorted([*expected["ports"][1:], *expected["table"][1:]])
    assert world.rebuild() == world.history()
    with world.monitor() as monitor:
        for source in SOURCES:
            for _ in range(12):  # more than were seen by a wrong clock in a row
                world.publish(source)
                world.check(monitor, source)
            newest = monitor.store.history.list_releases(source)[-1]
            assert newest.dated == world.true.date().isoformat(), "the times that do not fit count as the one before"


@pytest.mark.fault(71)
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("wrong_by", WRONG, ids=str)
def test_after_one_check_with_a_wrong_clock_every_release_is_alerted_in_order(
    tmp_path: Path, source: str, wrong_by: timedelta
) -> None:
    world = World(tmp_path)
    expected = []
    for wrong in (timedelta(), wrong_by, timedelta(), timedelta(), timedelta()):
        world.pass_time(timedelta(minutes=10))
        world.set_clock(wrong)
        with world.monitor() as monitor:
            expected.append(world.publish(source))
            world.check(monitor, source)
            assert world.check(monitor, source).outcome == "unchanged"
    assert world.list_alerted(source) == world.mails.names == expected[1:]
    with world.monitor() as monitor:
        days = [stored.dated for stored in monitor.store.history.list_releases(source)]
    assert days == [world.true.date().isoformat()] * 5
    before = world.history()
    assert world.rebuild() == before


@pytest.mark.fault(71)
def test_releases_and_returns_of_one_second_are_in_the_order_in_which_they_were_seen(tmp_path: Path) -> None:
    world = World(tmp_path)
    with world.monitor() as monitor:
        served = [world.publish("table")]
        world.check(monitor, "table")
        first = (tmp_path / "table").read_bytes()
        outcomes = []
        for _ in range(2):
            for _ in range(4):
                served.append(world.publish("table"))
                outcomes.append(str(world.check(monitor, "table").outcome))
            (tmp_path / "table").write_bytes(first)
            outcomes += [str(world.check(monitor, "table").outcome) for _ in range(3)]
    assert outcomes == 2 * [*["changed"] * 4, "stale", "stale", "changed"]
    names = [match for match in world.list_alerted("table") if match != "table-1"]
    assert [name for name in names if name in served] == names
    before = world.history()
    assert world.rebuild() == before


@pytest.mark.fault(71)
@pytest.mark.parametrize("wrong_by", [YEARS, HOUR], ids=str)
@pytest.mark.parametrize("more", ["", 'digest = "30m"\n', "most_per_hour = 1\n"], ids=["claim", "digest", "limit"])
def test_what_waits_by_a_clock_that_is_ahead_is_sent_in_time(tmp_path: Path, wrong_by: timedelta, more: str) -> None:
    world = World(tmp_path)
    config = tmp_path / "config.toml"
    config.write_text(config.read_text().replace('type = "email"\n', f'type = "email"\n{more}'))
    world.settings = load_settings(config)
    with world.monitor() as monitor:
        world.publish("table")
        world.check(monitor, "table")
        world.set_clock(wrong_by)
        for _ in range(2):
            world.publish("table")
            monitor.check(monitor.source("table"))  # type: ignore[arg-type] - no collection
        if not more:  # killed while it sends
            now = world.clock.now()
            for delivery in monitor.store.outbox.list_due(to_text(now)):
                until = to_text(now + timedelta(minutes=10))
                assert monitor.store.outbox.claim_delivery(delivery.id, now=to_text(now), until=until)
        elif "most" in more:
            world.deliver(monitor)
    world.set_clock()
    with world.monitor() as monitor:
        for _ in range(5):
            world.deliver(monitor)
            world.pass_time(timedelta(minutes=13))
        world.deliver(monitor)
        assert monitor.store.outbox.count_by_state() == {}


def _check_once_in_the_future(folder: Path) -> World:
    """Return a world whose sources were each checked once with a clock that was years ahead; it is right again."""
    world = World(folder)
    world.set_clock(YEARS)
    with world.monitor() as monitor:
        for source in SOURCES:
            world.publish(source)
            world.check(monitor, source)
    world.set_clock()
    return world


@pytest.mark.fault(71)
def test_a_check_in_the_future_puts_off_no_check_of_a_daemon_that_starts_again_and_again(tmp_path: Path) -> None:
    world = _check_once_in_the_future(tmp_path)
    daemon = Daemon(world.settings, lambda settings: Monitor(settings, clock=world.clock), world.clock)
    daemon.schedule()
    times = daemon.scheduler.times()
    assert [times[source] for source in SOURCES] == [world.clock.now()] * 2


@pytest.mark.fault(71)
def test_checks_that_stop_after_one_in_the_future_are_noticed(tmp_path: Path) -> None:
    world = _check_once_in_the_future(tmp_path)
    with world.monitor() as monitor:
        started = world.clock.now()
        monitor.alarms.check_schedule(started, started)
        assert not monitor.store.alarms.list_alarms()
        monitor.alarms.check_schedule(started + timedelta(days=3), started)
        (alarm,) = monitor.store.alarms.list_alarms()
        assert alarm.notice == "nothing-checked"
