"""What the daemon does with a collection: one job, turns, a server's wish to be left alone, an end in the middle."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.monitor.test_collection import GROUPS, Place
from tests.support.index_server import INDEX, Tree, path, served
from watcher.cli.context import load_settings
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor
from watcher.monitor.parts import create_rate_limiter

DAY = timedelta(days=1)


class Watch:
    """A daemon that is not running: its turns are called."""

    def __init__(self, place: Place) -> None:
        self.place = place
        configured = load_settings(place.config)
        self.settings = place.settings
        pace = create_rate_limiter(configured)
        self.daemon = Daemon(configured, lambda current: Monitor(current, rate_limiter=pace), jitter=lambda: 0.5)

    def turn(self) -> list[dict[str, Any]]:
        with structlog.testing.capture_logs() as logs:
            self.daemon._check_collection(self.settings)
        return [dict(log) for log in logs]

    def next(self) -> datetime:
        (job,) = (job for job in self.daemon._scheduler.get_jobs() if job.id == "iana")
        found: datetime = job.next_run_time
        return found


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Watch]:
    with served(Tree()) as tree:
        tree.publish(*GROUPS)
        yield Watch(Place(tree, tmp_path))


def test_a_turn_looks_at_the_index_and_at_every_group_that_is_due(here: Watch) -> None:
    logs = here.turn()
    assert [log["source"] for log in logs] == ["iana", *(f"iana.{group}" for group in GROUPS), "iana"]
    assert logs[-1] == {
        "event": "collection checked",
        "log_level": "info",
        "source": "iana",
        "left": 0,
        "refused": [],
        "baseline": len(GROUPS),
    }
    here.place.tree.take()
    assert here.turn()[-1]["left"] == 0
    # None was due again: the index alone was asked for.
    assert [each.path for each in here.place.tree.take()] == [INDEX]


def test_a_collection_is_one_job_that_follows_the_record_of_checks(here: Watch) -> None:
    before = datetime.now(UTC)
    here.daemon._schedule()
    assert before <= here.next() <= datetime.now(UTC)
    here.turn()
    again = Watch(here.place)
    again.daemon._schedule()
    assert abs(again.next() - datetime.now(UTC) - DAY) < timedelta(minutes=1)
    assert len(again.daemon._scheduler.get_jobs()) == 3


def test_what_an_interrupted_turn_left_is_due_soon_after_a_restart(here: Watch) -> None:
    here.place.tree.publish(*GROUPS[:4])
    here.turn()
    here.place.tree.publish(*GROUPS)
    with here.place.service() as service:
        service.check_index(here.settings)
    again = Watch(here.place)
    again.daemon._schedule()
    assert again.next() <= datetime.now(UTC) + timedelta(minutes=1)


def test_a_server_that_asks_for_time_is_asked_again_when_it_has_passed(here: Watch) -> None:
    here.daemon._schedule()
    here.place.tree.answers[path("group-03")] = (429, {"Retry-After": "3600"})
    logs = here.turn()
    assert logs[-1]["left"] == len(GROUPS) - 4
    assert abs(here.next() - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    here.place.tree.take()
    here.turn()
    assert here.place.tree.take() == []


def test_the_end_of_the_daemon_ends_a_turn_between_two_groups(here: Watch) -> None:
    here.daemon.stop()
    logs = here.turn()
    assert (logs[-1]["event"], logs[-1]["left"]) == ("collection checked", len(GROUPS))
    assert [each.path for each in here.place.tree.take()] == [INDEX]


def test_a_defect_in_one_group_ends_that_group_only(here: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Monitor.check_without_alarm

    def broken(self: Monitor, source: Any) -> Any:
        if source.name == "iana.group-02":
            raise RuntimeError("a defect")
        return check(self, source)

    monkeypatch.setattr(Monitor, "check_without_alarm", broken)
    logs = here.turn()
    (defect,) = (log for log in logs if log["log_level"] == "error")
    assert (defect["event"], defect["source"]) == ("check not recorded", "iana.group-02")
    assert logs[-1]["baseline"] == len(GROUPS) - 1


def test_a_mirror_that_cannot_be_brought_here_is_no_look_at_its_groups(here: Watch, tmp_path: Path) -> None:
    text = here.place.config.read_text()
    text = "\n".join(line for line in text.splitlines() if "{group}" not in line)
    here.place.config.write_text(
        text.replace(f'index = "{here.place.tree.url}{INDEX}"', 'rsync = "rsync://127.0.0.1:9/x/"')
    )
    mirror = tmp_path / "snapshots.mirror" / "iana"
    mirror.mkdir(parents=True)
    (mirror / "a.xml").write_bytes(here.place.tree.pages[path("group-01")])
    logs = Watch(here.place).turn()
    assert [(log["source"], log["outcome"]) for log in logs] == [("iana", "failed")]
