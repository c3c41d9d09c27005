"""Early allocations that expire: which subscribers are alerted, when, and only once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.group_releases import group, record, registry
from tests.support.settings import load_once
from watcher.monitor.candidate import Candidate
from watcher.monitor.deadlines import check_deadlines
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.store.deadlines import DeadlineMark

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
CONFIG = """
[store]
path = "history.db"
snapshots = "snapshots"

[[source]]
name = "toy"
registry = "iana"
url = "https://example.org/toy-parameters.xml"

[[source]]
name = "other"
registry = "iana"
url = "https://example.org/toy-parameters.xml"

[[channel]]
name = "all"
type = "webhook"
url = "https://example.org/hook"
secret = "env:HOOK"
"""


def row(value: str, until: str, *, since: str = "2025-02-01", name: str = "") -> str:
    return record(
        "draft-toy", value=value, name=f"{name or f'n{value}'} (TEMPORARY - registered {since}, expires {until})"
    )


class World:
    """One history and one clock; every call opens a monitor of its own, as a process does."""

    def __init__(self, folder: Path, config: str = CONFIG) -> None:
        self.path = folder / "config.toml"
        self.path.write_text(config)
        self.clock = FakeClock(START)
        self._day = 0

    def monitor(self) -> Monitor:
        return Monitor(load_once(self.path), clock=self.clock)

    def publish(self, *records: str, source: str = "toy", live: bool = True) -> CheckResult:
        self._day += 1
        data = group(registry("toys", *records, title="Toys"), updated=f"2025-01-{self._day:02}")
        observed = self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        with self.monitor() as monitor:
            ingest = monitor.ingest(monitor.source(source))
            return ingest.ingest(Candidate(data=data, origin="x", observed=observed, live=live))

    def check(self) -> list[dict[str, Any]]:
        """Compare with the calendar and return the events of all new messages."""
        with self.monitor() as monitor:
            return [
                event for delivery in check_deadlines(monitor) for event in json.loads(delivery.body)["data"]["events"]
            ]

    def days(self, number: int) -> list[tuple[str, str, str]]:
        """Let days pass with a check a day; return date, id and values of every event."""
        events = []
        for _ in range(number):
            self.clock.advance(timedelta(days=1))
            day = self.clock.now().date().isoformat()
            events += [(day, event["id"], ",".join(event["values"])) for event in self.check()]
        return events


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_each_mark_alerts_once_and_the_day_itself_still_counts(world: World) -> None:
    world.publish(row("1", "2026-06-01"), record("rfc1", value="2", name="kept"))
    assert world.check() == []
    assert world.days(200) == [
        ("2026-03-03", "temporary-expiring", "1"),
        ("2026-05-02", "temporary-expiring", "1"),
        ("2026-05-25", "temporary-expiring", "1"),
        ("2026-06-02", "temporary-expired", "1"),
    ]


def test_a_subscription_selects_a_deadline_by_what_its_entry_says(tmp_path: Path) -> None:
    wanted = '[[subscription]]\nname = "toys"\nchannels = ["all"]\n'
    for number, (filters, is_selected) in enumerate(
        [
            ('references = ["draft-toy"]', True),
            ('text = ["temporary toy"]', True),
            ('entries = ["foo*"]', True),
            ('references = ["draft-other"]', False),
            ('entries = ["bar*"]', False),
        ]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        world = World(folder, f"{CONFIG}{wanted}{filters}\n")
        world.publish(row("1", "2026-06-01", name="FOO"))
        world.check()
        assert len(world.days(117)) == (2 if is_selected else 0), filters


def test_the_message_names_the_thing_and_has_the_contract_of_a_release(world: World) -> None:
    world.publish(row("1", "2026-06-01", name="FOO"), row("2", "2026-06-01", name="BAR"))
    world.check()
    world.clock.advance(timedelta(days=117))
    with world.monitor() as monitor:
        (delivery,) = check_deadlines(monitor)
        (stored,) = monitor.store.outbox.list_pending()
    body = json.loads(delivery.body)
    (event,) = body["data"]["events"]
    assert event["summary"] == "Toys: 1 FOO, 2 BAR: temporary registration of 2025-02-01 expires 2026-06-01, in 30 days"
    assert event["facts"] == {"temporary": "yes", "temporary_since": "2025-02-01", "temporary_until": "2026-06-01"}
    assert (event["severity"], event["kind"], event["values"]) == ("notice", "modified", ["1", "2"])
    assert (body["type"], body["time"]) == ("org.registry-watcher.deadline", "2026-05-02T09:00:00Z")
    assert body["data"]["timed"] == "2026-05-02T09:00:00Z"
    assert body["data"]["changes"] == []
    assert (stored["id"], stored["source"], stored["created"]) == (delivery.id, "toy", "2026-05-02T09:00:00Z")


def test_a_first_baseline_and_a_migrated_history_send_nothing_about_the_past(world: World) -> None:
    world.publish(row("1", "2026-01-07"), row("2", "2025-06-01"), row("3", "2026-03-01"))
    assert world.check() == []
    assert world.days(30) == [
        ("2026-01-08", "temporary-expired", "1"),
        ("2026-01-30", "temporary-expiring", "3"),
    ]


def test_a_source_that_is_added_later_has_a_baseline_of_its_own(world: World) -> None:
    world.publish(row("1", "2027-01-07"))
    world.check()
    world.clock.advance(timedelta(days=60))
    world.publish(row("1", "2026-03-01"), source="other")
    assert world.check() == []
    assert world.days(10) == []


def test_an_import_sends_nothing_about_the_past(world: World) -> None:
    world.publish(row("1", "2027-01-07"))
    world.check()
    world.clock.advance(timedelta(days=60))
    world.check()
    assert world.publish(row("1", "2027-01-07"), row("2", "2026-03-01"), live=False).outcome is Outcome.CHANGED
    assert world.days(3) == []


def test_a_row_that_a_check_sees_after_its_mark_has_passed_is_news(world: World) -> None:
    world.publish(row("1", "2027-01-07"))
    world.check()
    world.clock.advance(timedelta(days=60))
    world.check()
    world.publish(row("1", "2027-01-07"), row("2", "2026-03-01"))
    assert world.days(3) == [("2026-03-07", "temporary-expired", "2")]


def test_an_extension_starts_over_and_a_permanent_entry_ends_it(world: World) -> None:
    world.publish(row("1", "2026-01-20"), row("2", "2026-01-20"))
    world.check()
    assert world.days(10) == [("2026-01-13", "temporary-expiring", "1,2")]
    world.publish(row("1", "2027-01-20"), record("rfc9999", value="2", name="n2"))
    assert [day for day, _, _ in world.days(300)] == ["2026-10-22"]


def test_after_a_downtime_only_the_last_mark_is_sent(world: World) -> None:
    world.publish(row("1", "2026-06-01"))
    world.check()
    world.clock.advance(timedelta(days=145))
    assert [event["id"] for event in world.check()] == ["temporary-expiring"]
    world.clock.advance(timedelta(days=30))
    assert [event["id"] for event in world.check()] == ["temporary-expired"]
    assert world.days(30) == []


@pytest.mark.parametrize("jump", [400, -400])
def test_a_clock_that_jumps_and_returns_sends_nothing_twice(world: World, jump: int) -> None:
    world.publish(row("1", "2026-06-01"))
    world.check()
    early = world.days(60)
    now = world.clock.now()
    world.clock.set(now + timedelta(days=jump))
    during = [event["id"] for event in world.check()]
    world.clock.set(now)
    later = world.days(300)
    sent = [identifier for _, identifier, _ in early] + during + [identifier for _, identifier, _ in later]
    assert sent.count("temporary-expired") == 1
    assert len(sent) == (4 if jump < 0 else 2)
    with world.monitor() as monitor:
        assert len(monitor.store.outbox.list_pending()) == len(sent)


def test_a_row_that_is_seen_after_the_clock_was_ahead_is_news(world: World) -> None:
    world.publish(row("1", "2026-06-01"))
    world.check()
    now = world.clock.now()
    world.clock.set(now + timedelta(days=400))
    world.check()
    world.clock.set(now)
    world.publish(row("1", "2026-06-01"), row("2", "2025-12-31"))
    assert world.days(2) == [("2026-01-06", "temporary-expired", "2")]


def test_two_processes_send_one_message(world: World) -> None:
    world.publish(row("1", "2026-01-12"))
    world.check()
    world.clock.advance(timedelta(days=8))
    with world.monitor() as one, world.monitor() as other:
        list_marks = other.store.deadlines.list_marks

        def read_and_lose() -> set[DeadlineMark]:
            marks = list_marks()
            assert len(check_deadlines(one)) == 1  # after the other has read and before its transaction
            return marks

        other.store.deadlines.list_marks = read_and_lose  # type: ignore[method-assign]
        assert check_deadlines(other) == []
        assert len(one.store.outbox.list_pending()) == 1


def test_nothing_is_recorded_if_the_process_dies_before_the_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.publish(row("1", "2026-01-12"))
    world.check()
    world.clock.advance(timedelta(days=8))
    with world.monitor() as monitor:
        monkeypatch.setattr(monitor.store.outbox, "add_deliveries", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            check_deadlines(monitor)
    assert [event["id"] for event in world.check()] == ["temporary-expired"]


@pytest.mark.parametrize(
    ("settings", "number"),
    [
        ('events = ["temporary-expired"]', 0),
        ('events = ["temporary-*"]', 1),
        ('severity = "warning"', 0),
        ('sources = ["other*"]', 0),
        ('sources = ["to*"]', 1),
    ],
)
def test_the_filters_of_a_channel_apply(tmp_path: Path, settings: str, number: int) -> None:
    world = World(tmp_path, f"{CONFIG}{settings}\n")
    world.publish(row("1", "2026-01-12"))
    world.check()
    world.clock.advance(timedelta(days=5))
    assert len(world.check()) == 0  # passed before the baseline
    world.publish(row("1", "2026-01-18"))
    world.clock.advance(timedelta(days=1))
    assert len(world.check()) == number


def test_a_users_severity_and_a_silence_apply(tmp_path: Path) -> None:
    silence = '[severity]\ntemporary-expired = "warning"\n[[silence]]\nfrom = 2026-01-10T00:00:00Z\n'
    world = World(tmp_path, f"{CONFIG}{silence}until = 2026-01-20T00:00:00Z\n")
    world.publish(row("1", "2026-01-12"))
    world.check()
    world.clock.advance(timedelta(days=8))
    with world.monitor() as monitor:
        (delivery,) = check_deadlines(monitor)
    assert delivery.state == "silenced"
    assert json.loads(delivery.body)["data"]["events"][0]["severity"] == "warning"


def test_a_disabled_source_is_not_compared(tmp_path: Path) -> None:
    world = World(tmp_path, CONFIG.replace('name = "toy"', 'name = "toy"\nenabled = false'))
    world.publish(row("1", "2026-01-12"))
    assert world.days(20) == []


def test_a_free_row_and_one_without_a_date_have_no_deadline(world: World) -> None:
    remark = "(TEMPORARY - registered 2025-02-01, document sent to IESG Evaluation 2025-12-01)"
    world.publish(
        record(value="1", name="Unassigned (TEMPORARY - registered 2025-02-01, expires 2026-01-10)"),
        record("draft-toy", value="2", name=f"n2 {remark}"),
    )
    world.check()
    assert world.days(30) == []
