"""What the daemon does with a collection: one job, turns, a server's wish to be left alone, an end in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.index_server import INDEX, IndexServer, group_path, serve_index
from watcher.cli.context import load_settings
from watcher.core.clock import SystemClock
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor, create_rate_limiter

DAY = timedelta(days=1)


class FixedJitter(SystemClock):
    """The machine's clock, without chance."""

    def jitter(self) -> float:
        return 0.5


class Watch:
    """A daemon that is not running: its turns are called."""

    def __init__(self, place: CollectionEnvironment) -> None:
        self.place = place
        configured = load_settings(place.config)
        self.settings = place.settings
        pace = create_rate_limiter(configured)
        clock = FixedJitter()
        self.daemon = Daemon(configured, lambda current: Monitor(current, rate_limiter=pace), clock)

    def turn(self) -> list[dict[str, Any]]:
        with structlog.testing.capture_logs() as logs:
            self.daemon.jobs.check_collection(self.settings)
        return [dict(log) for log in logs]

    def next(self) -> datetime:
        return self.daemon.scheduler.times()["iana"]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Watch]:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        yield Watch(CollectionEnvironment(tree, tmp_path))


def test_a_turn_looks_at_the_index_and_at_every_group_that_is_due(env: Watch) -> None:
    logs = env.turn()
    assert [log["source"] for log in logs] == ["iana", *(f"iana.{group}" for group in GROUPS), "iana"]
    assert logs[-1] == {
        "event": "collection checked",
        "log_level": "info",
        "source": "iana",
        "left": 0,
        "refused": [],
        "baseline": len(GROUPS),
    }
    env.place.tree.take_requests()
    assert env.turn()[-1]["left"] == 0
    # None was due again: the index alone was asked for.
    assert [each.path for each in env.place.tree.take_requests()] == [INDEX]


def test_a_collection_is_one_job_that_follows_the_record_of_checks(env: Watch) -> None:
    before = datetime.now(UTC)
    env.daemon.schedule()
    assert before <= env.next() <= datetime.now(UTC)
    env.turn()
    again = Watch(env.place)
    again.daemon.schedule()
    assert abs(again.next() - datetime.now(UTC) - DAY) < timedelta(minutes=1)
    assert len(again.daemon.scheduler.times()) == 3


def test_what_an_interrupted_turn_left_is_due_soon_after_a_restart(env: Watch) -> None:
    env.place.tree.publish(*GROUPS[:4])
    env.turn()
    env.place.tree.publish(*GROUPS)
    with env.place.service() as service:
        service.check_index(env.settings)
    again = Watch(env.place)
    again.daemon.schedule()
    assert again.next() <= datetime.now(UTC) + timedelta(minutes=1)


def test_a_server_that_asks_for_time_is_asked_again_when_it_has_passed(env: Watch) -> None:
    env.daemon.schedule()
    env.place.tree.answers[group_path("group-03")] = (429, {"Retry-After": "3600"})
    logs = env.turn()
    assert logs[-1]["left"] == len(GROUPS) - 4
    assert abs(env.next() - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    env.place.tree.take_requests()
    env.turn()
    assert env.place.tree.take_requests() == []


def test_the_end_of_the_daemon_ends_a_turn_between_two_groups(env: Watch) -> None:
    env.daemon.stop()
    logs = env.turn()
    assert (logs[-1]["event"], logs[-1]["left"]) == ("collection checked", len(GROUPS))
    assert [each.path for each in env.place.tree.take_requests()] == [INDEX]


def test_a_defect_in_one_group_ends_that_group_only(env: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Monitor.check_without_alarm

    def broken(self: Monitor, source: Any) -> Any:
        if source.name == "iana.group-02":
            raise RuntimeError("a defect")
        return check(self, source)

    monkeypatch.setattr(Monitor, "check_without_alarm", broken)
    logs = env.turn()
    (defect,) = (log for log in logs if log["log_level"] == "error")
    assert (defect["event"], defect["source"]) == ("check not recorded", "iana.group-02")
    assert logs[-1]["baseline"] == len(GROUPS) - 1


def test_a_mirror_that_cannot_be_brought_here_is_no_look_at_its_groups(env: Watch, tmp_path: Path) -> None:
    text = env.place.config.read_text()
    text = "\n".join(line for line in text.splitlines() if "{group}" not in line)
    env.place.config.write_text(
        text.replace(f'index = "{env.place.tree.url}{INDEX}"', 'rsync = "rsync://127.0.0.1:9/x/"')
    )
    mirror = tmp_path / "snapshots.mirror" / "iana"
    mirror.mkdir(parents=True)
    (mirror / "a.xml").write_bytes(env.place.tree.pages[group_path("group-01")])
    logs = Watch(env.place).turn()
    assert [(log["source"], log["outcome"]) for log in logs] == [("iana", "failed")]
