"""Decide whether sources are healthy and whether checks still run. Pure.

Facts and a time go in, notices for the operators or a verdict for a monitoring system come out. The open alarms are
among the facts, so that each is raised once and cleared once (`alarms` keeps them).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import IntEnum

from msgspec import Struct

from watcher.core.check_results import CheckStreak, OpenAlarm
from watcher.core.operations import WATCHER, Notice
from watcher.core.times import from_text, to_text
from watcher.monitor.schedule import longest_gap

UNHEALTHY, GONE, RECOVERED = "source-unhealthy", "source-gone", "source-recovered"
NOTHING_CHECKED, CHECKED_AGAIN, CLOCK_JUMPED = "nothing-checked", "checked-again", "clock-jumped"

URGENT_REASONS = ("internal", "settings")

_LISTED = 20  # sources in a notice's details
_NAMED = 3  # sources in its sentence


class Limits(Struct, frozen=True, kw_only=True):
    """A source is unhealthy after `failures` failed checks in a row, or when they have failed `failing_for` long."""

    failures: int = 3
    failing_for: timedelta = timedelta(days=1)


class SourceHealth(Struct, frozen=True, kw_only=True):
    """The recent checks of one configured source; of a collection, those of all its groups together.

    `streak` has the newest check and success of any group. `every` is the longest time allowed between two checks.
    `failing` are the names of the unhealthy sources, itself or groups; `unread` those that no check ever read.
    """

    source: str
    streak: CheckStreak
    every: timedelta
    failing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    groups: int = 0

    @property
    def fails_completely(self) -> bool:
        """Whether it is unhealthy, or all its groups are."""
        return len(self.failing) >= (self.groups or 1)


class Level(IntEnum):
    """The state of the watcher, as the exit codes of monitoring plugins (Nagios)."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


class HealthVerdict(Struct, frozen=True, kw_only=True):
    """The state of the watcher, and the reasons in sentences."""

    level: Level
    reasons: tuple[str, ...] = ()


def find_alarm(streak: CheckStreak, limits: Limits) -> str | None:
    """Return the id of the alarm that the last checks of a source call for; None if it is healthy.

    One of URGENT_REASONS, which do not go away by waiting, raises it at the first failure.
    """
    if not streak.failures or streak.last is None or streak.failing_since is None:
        return None
    if streak.reason in URGENT_REASONS:
        return UNHEALTHY
    fails_long = from_text(streak.last) - from_text(streak.failing_since) >= limits.failing_for
    if streak.failures < limits.failures and not fails_long:
        return None
    return GONE if streak.gone >= limits.failures else UNHEALTHY


def find_source_notice(streak: CheckStreak, limits: Limits, open_alarms: Collection[str], at: str) -> Notice | None:
    """Return the notice that is due about a source now; `open_alarms` are the ids of those raised for it."""
    if streak.failures == 0:
        return _describe_recovery(streak, at) if open_alarms else None
    alarm = find_alarm(streak, limits)
    if alarm is None or alarm in open_alarms or GONE in open_alarms:
        return None
    checks = "1 check" if streak.failures == 1 else f"{streak.failures} checks"
    return Notice(
        id=alarm,
        source=streak.source,
        subject=streak.failing_since or "",
        summary=f"{_SUMMARIES[alarm]}: {checks} in a row failed since {streak.failing_since}, "
        f"the last with {streak.reason}: {streak.message}",
        details={
            "failures": streak.failures,
            "failing_since": streak.failing_since,
            "last_success": streak.success,
            "reason": streak.reason,
            "message": streak.message,
        },
        at=at,
    )


_SUMMARIES = {
    UNHEALTHY: "checks fail",
    GONE: "the server says that the document does not exist or that access is denied; did it move?",
    RECOVERED: "checks succeed again",
}


def _describe_recovery(streak: CheckStreak, at: str) -> Notice:
    summary = f"{_SUMMARIES[RECOVERED]} since {streak.success}"
    details = {"last_success": streak.success}
    return Notice(id=RECOVERED, source=streak.source, subject=at, summary=summary, details=details, at=at)


def merge_notices(collection: str, notices: Iterable[Notice]) -> Iterator[Notice]:
    """Merge notices of one kind about groups of a collection into one: a failing network is one event."""
    by_id: dict[str, list[Notice]] = {}
    for notice in notices:
        by_id.setdefault(notice.id, []).append(notice)
    for identifier, same in by_id.items():
        if len(same) == 1:
            yield same[0]
            continue
        names = sorted(notice.source for notice in same)
        reasons = sorted({str(notice.details["reason"]) for notice in same if notice.details.get("reason")})
        summary = f"{len(names)} of its groups ({_name_some(names)}): {_SUMMARIES[identifier]}"
        yield Notice(
            id=identifier,
            source=collection,
            subject=" ".join(f"{notice.source}={notice.subject}" for notice in same),
            summary=summary + (f" ({', '.join(reasons)})" if reasons else ""),
            details={"groups": names[:_LISTED], "number": len(names), "reasons": reasons},
            at=same[0].at,
        )


def _name_some(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def is_overdue(health: SourceHealth, now: datetime, started: datetime | None = None) -> bool:
    """Return whether a source was not checked for too long; without any check, since the daemon `started`.

    The time of a check in the future says nothing: the clock was ahead.
    """
    last, longest = from_text(health.streak.last) if health.streak.last else started, longest_gap(health.every)
    if last is not None and started is not None and last > now:
        last = started
    return last is not None and abs(now - last) > longest


def find_watcher_notice(
    sources: Sequence[SourceHealth], open_alarm: OpenAlarm | None, now: datetime, started: datetime
) -> Notice | None:
    """Return the notice that is due about whether checks run; `open_alarm` is the one raised about that."""
    late = [health for health in sources if is_overdue(health, now, started)]
    at = to_text(now)
    if not late:
        if open_alarm is None:
            return None
        summary = "all sources are checked on time again"
        return Notice(id=CHECKED_AGAIN, source=WATCHER, subject=open_alarm.since, summary=summary, details={}, at=at)
    if open_alarm is not None:
        return None
    since = max((health.streak.last for health in late if health.streak.last), default=to_text(started))
    names = [health.source for health in late]
    summary = f"no source was checked since {since}"
    if len(late) < len(sources):
        summary = f"overdue: {_name_some(names)}; not checked since {since}"
    details = {"sources": names[:_LISTED], "number": len(names), "since": since}
    return Notice(id=NOTHING_CHECKED, source=WATCHER, subject=since, summary=summary, details=details, at=at)


def describe_clock_jump(seconds: float, at: str) -> Notice:
    """Return the notice that the wall clock was set, or is behind the record of checks, by so many seconds."""
    direction = "forward" if seconds > 0 else "back"
    return Notice(
        id=CLOCK_JUMPED,
        source=WATCHER,
        subject=f"{at} {round(seconds)}",
        summary=f"the clock jumped {direction} by {abs(round(seconds))} s; all checks were rescheduled",
        details={"seconds": round(seconds)},
        at=at,
    )


def assess(sources: Sequence[SourceHealth], now: datetime, started: datetime | None = None) -> HealthVerdict:
    """Return the state of the watcher: critical if checks do not run, or if all of them fail.

    It is not OK while a source was never read. The reasons of the highest level come first.
    """
    if not sources:
        return HealthVerdict(level=Level.UNKNOWN, reasons=("no source is configured",))
    critical = [
        f"{health.source} is overdue: not checked since {health.streak.last or 'the start'}"
        for health in sources
        if is_overdue(health, now, started)
    ]
    if all(health.fails_completely for health in sources):
        critical.append("the checks of all sources fail")
    warnings = [_describe_failure(health) for health in sources if health.failing]
    warnings += [
        _describe_unread(health) for health in sources if health.streak.last and {*health.unread} - {*health.failing}
    ]
    unchecked = [f"{health.source} was never checked" for health in sources if health.streak.last is None]
    levels = ((Level.CRITICAL, critical), (Level.WARNING, warnings), (Level.UNKNOWN, unchecked))
    level = next((level for level, reasons in levels if reasons), Level.OK)
    return HealthVerdict(level=level, reasons=(*critical, *warnings, *unchecked))


def _describe_unread(health: SourceHealth) -> str:
    if health.groups:
        names = [name.removeprefix(f"{health.source}.") for name in health.unread]
        return f"{len(names)} of {health.groups} groups of {health.source} were never read: {_name_some(names)}"
    return f"{health.source} was never read; the last check failed ({health.streak.reason})"


def _describe_failure(health: SourceHealth) -> str:
    if health.groups:
        return f"{len(health.failing)} of {health.groups} groups of {health.source} fail"
    return f"{health.source} has been failing since {health.streak.failing_since} ({health.streak.reason})"
