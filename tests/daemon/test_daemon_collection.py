"""A collection in the daemon: one job, groups that are due, a server that asks to wait, a stop in the middle."""

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
from watcher.monitor.collection import Collection
from watcher.monitor.monitor import Monitor, create_rate_limiter

DAY = timedelta(days=1)


class FixedJitter(SystemClock):
    """The machine's clock, without chance."""

    def jitter(self) -> float:
        return 0.5


class CollectionDaemon:
    """A daemon that is not running; the test calls its jobs."""

    def __init__(self, place: CollectionEnvironment) -> None:
        self.place = place
        configured = load_settings(place.config)
        self.settings = place.settings
        pace = create_rate_limiter(configured)
        clock = FixedJitter()
        self.daemon = Daemon(configured, lambda current: Monitor(current, rate_limiter=pace), clock)

    def check(self) -> list[dict[str, Any]]:
        with structlog.testing.capture_logs() as logs:
            self.daemon.jobs.check_collection(self.settings)
        return [dict(log) for log in logs]

    def next_time(self) -> datetime:
        return self.daemon.scheduler.times()["iana"]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CollectionDaemon]:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        yield CollectionDaemon(CollectionEnvironment(tree, tmp_path))


def test_the_index_and_every_group_that_is_due_are_checked(env: CollectionDaemon) -> None:
    logs = env.check()
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
    assert env.check()[-1]["left"] == 0
    # None was due again: the index alone was asked for.
    assert [request.path for request in env.place.tree.take_requests()] == [INDEX]


def test_a_collection_is_one_job_that_follows_the_record_of_checks(env: CollectionDaemon) -> None:
    before = datetime.now(UTC)
    env.daemon.schedule()
    assert before <= env.next_time() <= datetime.now(UTC)
    env.check()
    again = CollectionDaemon(env.place)
    again.daemon.schedule()
    assert abs(again.next_time() - datetime.now(UTC) - DAY) < timedelta(minutes=1)
    assert len(again.daemon.scheduler.times()) == 4


def test_groups_left_by_an_interrupted_check_are_due_soon_after_a_restart(env: CollectionDaemon) -> None:
    env.place.tree.publish(*GROUPS[:4])
    env.check()
    env.place.tree.publish(*GROUPS)
    with env.place.service() as service:
        service.check_index(env.settings)
    again = CollectionDaemon(env.place)
    again.daemon.schedule()
    assert again.next_time() <= datetime.now(UTC) + timedelta(minutes=1)


def test_a_server_that_asks_to_wait_is_asked_again_after_that_time(env: CollectionDaemon) -> None:
    env.daemon.schedule()
    env.place.tree.answers[group_path("group-03")] = (429, {"Retry-After": "3600"})
    logs = env.check()
    assert logs[-1]["left"] == len(GROUPS) - 4
    assert abs(env.next_time() - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    env.place.tree.take_requests()
    env.check()
    assert env.place.tree.take_requests() == []


def test_a_stop_ends_the_check_between_two_groups(env: CollectionDaemon) -> None:
    env.daemon.stop()
    logs = env.check()
    assert (logs[-1]["event"], logs[-1]["left"]) == ("collection checked", len(GROUPS))
    assert [request.path for request in env.place.tree.take_requests()] == [INDEX]


def test_a_defect_in_one_group_ends_only_the_check_of_that_group(
    env: CollectionDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Monitor.check_without_alarm

    def broken(self: Monitor, source: Any, *arguments: Any, **options: Any) -> Any:
        if source.name == "iana.group-02":
            raise RuntimeError("a defect")
        return check(self, source, *arguments, **options)

    monkeypatch.setattr(Monitor, "check_without_alarm", broken)
    logs = env.check()
    (defect,) = (log for log in logs if log["log_level"] == "error")
    assert (defect["event"], defect["source"]) == ("check not recorded", "iana.group-02")
    assert logs[-1]["baseline"] == len(GROUPS) - 1


@pytest.mark.fault(72)
def test_groups_that_cannot_be_listed_are_a_failed_check_of_the_collection(
    env: CollectionDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Collection, now: Any) -> Any:
        raise RuntimeError("a defect")

    with monkeypatch.context() as patch:
        patch.setattr(Collection, "groups_due", broken)
        logs = env.check()
    assert [log["outcome"] for log in logs if log["log_level"] == "error"] == ["failed"]
    with env.place.service() as monitor:
        last = monitor.store.checks.find_last_check("iana")
    assert last is not None
    assert (last["outcome"], last["reason"]) == ("failed", "internal")
    assert env.check()[-1]["baseline"] == len(GROUPS)


def test_no_group_is_checked_when_the_mirror_cannot_be_updated(env: CollectionDaemon, tmp_path: Path) -> None:
    text = env.place.config.read_text()
    text = "\n".join(line for line in text.splitlines() if "{group}" not in line)
    env.place.config.write_text(
        text.replace(f'index = "{env.place.tree.url}{INDEX}"', 'rsync = "rsync://127.0.0.1:9/x/"')
    )
    mirror = tmp_path / "snapshots.mirror" / "iana"
    mirror.mkdir(parents=True)
    (mirror / "a.xml").write_bytes(env.place.tree.pages[group_path("group-01")])
    logs = CollectionDaemon(env.place).check()
    assert [(log["source"], log["outcome"]) for log in logs] == [("iana", "failed")]
