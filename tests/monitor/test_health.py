"""Alarms and verdicts, decided from facts alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from watcher.core.check_results import CheckStreak, OpenAlarm
from watcher.core.times import to_text
from watcher.monitor import health
from watcher.monitor.health import Level, Limits, SourceHealth

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LIMITS = Limits(failures=3, failing_for=timedelta(hours=24))


def ago(**span: float) -> str:
    return to_text(NOW - timedelta(**span))


def run(failures: int, *, hours: float = 1, gone: int = 0) -> CheckStreak:
    return CheckStreak(
        source="ports",
        last=ago(),
        success=ago(hours=hours + 1),
        failures=failures,
        gone=gone,
        failing_since=ago(hours=hours) if failures else None,
        reason="timeout" if failures else None,
        message="no answer" if failures else None,
    )


def health_of(name: str = "ports", *, last: str | None = None, failing: bool = False) -> SourceHealth:
    shown = replace(run(3 if failing else 0), source=name, last=last or ago(hours=1))
    return SourceHealth(source=name, streak=shown, every=timedelta(hours=6), failing=(name,) if failing else ())


@pytest.mark.parametrize(
    ("failures", "hours", "gone", "notice"),
    [
        (0, 0, 0, None),
        (2, 23, 0, None),
        (3, 1, 0, "source-unhealthy"),
        (1, 24, 0, "source-unhealthy"),  # few checks, but a long time
        (3, 1, 2, "source-unhealthy"),  # gone twice only
        (3, 1, 3, "source-gone"),
    ],
)
def test_a_source_is_unhealthy_after_so_many_failures_or_so_long(
    failures: int, hours: float, gone: int, notice: str | None
) -> None:
    assert health.find_alarm(run(failures, hours=hours, gone=gone), LIMITS) == notice


def test_an_open_alarm_is_not_repeated_but_a_source_that_does_not_exist_is_a_new_one() -> None:
    failing, gone = run(3), run(6, gone=3)
    notice = health.find_source_notice(failing, LIMITS, (), ago())
    assert notice is not None
    assert (notice.id, notice.details["reason"]) == ("source-unhealthy", "timeout")
    assert "no answer" in notice.summary
    assert health.find_source_notice(failing, LIMITS, {"source-unhealthy"}, ago()) is None
    more = health.find_source_notice(gone, LIMITS, {"source-unhealthy"}, ago())
    assert more is not None
    assert more.id == "source-gone"
    assert health.find_source_notice(failing, LIMITS, {"source-gone"}, ago()) is None


def test_only_an_open_alarm_is_cleared() -> None:
    assert health.find_source_notice(run(0), LIMITS, (), ago()) is None
    recovered = health.find_source_notice(run(0), LIMITS, {"source-gone"}, ago())
    assert recovered is not None
    assert recovered.id == "source-recovered"


def test_a_tree_that_fails_is_one_notice() -> None:
    candidates = [
        health.find_source_notice(replace(run(3), source=f"iana.g{number:03}"), LIMITS, (), ago())
        for number in range(640)
    ]
    (notice,) = health.merge_notices("iana", [notice_or_none for notice_or_none in candidates if notice_or_none])
    assert (notice.source, notice.id, notice.details["number"]) == ("iana", "source-unhealthy", 640)
    assert "iana.g000, iana.g001, iana.g002 and 637 more" in notice.summary
    assert len(notice.details["groups"]) == 20
    assert notice.details["reasons"] == ["timeout"]


@pytest.mark.fault(68)
def test_the_alarm_that_no_check_runs_is_raised_once_and_cleared_once() -> None:
    quiet, late = [health_of()], [health_of(last=ago(hours=13))]
    assert health.find_watcher_notice(quiet, None, NOW, NOW) is None
    notice = health.find_watcher_notice(late, None, NOW, NOW)
    assert notice is not None
    assert (notice.id, notice.details["since"]) == ("nothing-checked", ago(hours=13))
    open_alarm = OpenAlarm(source="watcher", notice="nothing-checked", since=ago(hours=1))
    assert health.find_watcher_notice(late, open_alarm, NOW, NOW) is None
    again = health.find_watcher_notice(quiet, open_alarm, NOW, NOW)
    assert again is not None
    assert again.id == "checked-again"


def test_a_source_that_was_never_checked_is_overdue_from_the_start_of_the_daemon() -> None:
    never = SourceHealth(source="ports", streak=CheckStreak(source="ports"), every=timedelta(hours=1))
    assert not health.is_overdue(never, NOW)
    assert not health.is_overdue(never, NOW, NOW - timedelta(hours=2))
    assert health.is_overdue(never, NOW, NOW - timedelta(hours=3))


@pytest.mark.parametrize(
    ("sources", "level"),
    [
        ([], Level.UNKNOWN),
        ([health_of()], Level.OK),
        ([health_of(), health_of("tls", failing=True)], Level.WARNING),
        ([health_of(failing=True)], Level.CRITICAL),  # nothing at all can be read
        ([health_of(), health_of("tls", last=ago(hours=13))], Level.CRITICAL),
        (
            [health_of(), SourceHealth(source="tls", streak=CheckStreak(source="tls"), every=timedelta(hours=1))],
            Level.UNKNOWN,
        ),
    ],
)
def test_how_bad_it_is(sources: list[SourceHealth], level: Level) -> None:
    verdict = health.assess(sources, NOW)
    assert verdict.level is level
    assert bool(verdict.reasons) is (level is not Level.OK)


def test_a_source_that_was_never_read_is_named_beside_worse_ones() -> None:
    failed = replace(run(1), source="tls", success=None)
    unread = SourceHealth(source="tls", streak=failed, every=timedelta(hours=6), unread=("tls",))
    verdict = health.assess([health_of(), unread], NOW)
    assert (verdict.level, verdict.reasons) == (
        Level.WARNING,
        ("tls was never read; the last check failed (timeout)",),
    )
    new = SourceHealth(source="dns", streak=CheckStreak(source="dns"), every=timedelta(hours=1), unread=("dns",))
    verdict = health.assess([health_of(last=ago(hours=13)), unread, new], NOW)
    assert verdict.level is Level.CRITICAL
    assert [reason.split()[0] for reason in verdict.reasons] == ["ports", "tls", "dns"]
    failing = replace(unread, failing=("tls",))
    assert health.assess([health_of(), failing], NOW).reasons == (
        f"tls has been failing since {ago(hours=1)} (timeout)",
    )
    tree = SourceHealth(source="iana", streak=run(0), every=timedelta(hours=24), unread=("iana.a",), groups=2)
    assert health.assess([tree], NOW).reasons == ("1 of 2 groups of iana were never read: a",)


def test_a_collection_fails_by_its_groups() -> None:
    tree = SourceHealth(source="iana", streak=run(0), every=timedelta(hours=24), failing=("iana.a",), groups=2)
    assert health.assess([tree], NOW).reasons == ("1 of 2 groups of iana fail",)
    assert health.assess([replace(tree, groups=1)], NOW).level is Level.CRITICAL


@pytest.mark.parametrize(("seconds", "way"), [(-3600.2, "back by 3600 s"), (86400.0, "forward by 86400 s")])
def test_a_clock_that_jumped_says_which_way(seconds: float, way: str) -> None:
    notice = health.describe_clock_jump(seconds, ago())
    assert way in notice.summary
