"""How the watcher is: which sources it cannot read any more, whether it still looks at all. Pure.

Facts and a time go in; what to tell the operators, or a monitoring system, comes out. What was told already is a fact
too: an alarm is raised once and called off once (`store/troubles.py` remembers it).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from watcher.core.operations import NOTICES, WATCHER, CheckStreak, Notice, OpenAlarm
from watcher.core.times import from_text, to_text

UNHEALTHY, GONE, RECOVERED = "source-unhealthy", "source-gone", "source-recovered"
NOTHING_CHECKED, CHECKED_AGAIN, CLOCK_JUMPED = "nothing-checked", "checked-again", "clock-jumped"

_LATE = timedelta(minutes=15)  # beyond twice the interval: jitter, a sweep, a slow server
_MOST = 50  # sources that a notice lists
_NAMED = 3  # of them in its sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """When a source is unhealthy: after so many failed checks in a row, or when they go on for so long."""

    failures: int = 3
    failing_for: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceHealth:
    """How one configured source stands; of a collection, all its groups together.

    `run` is, of a collection, the newest attempt and success of any of its groups. `every` is the longest time that
    may lie between two looks. `failing` are the sources (groups) that an alarm was raised for or would be.
    """

    source: str
    run: CheckStreak
    every: timedelta
    failing: tuple[str, ...] = ()
    groups: int = 0

    @property
    def blind(self) -> bool:
        """Whether nothing of it can be read."""
        return len(self.failing) >= (self.groups or 1)


class Level(IntEnum):
    """How bad it is, by the exit codes that monitoring systems know."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthVerdict:
    """How the watcher is, and why, in sentences."""

    level: Level
    reasons: tuple[str, ...] = ()


def ailing(run: CheckStreak, limits: Limits) -> str | None:
    """Return the id of the notice that a source deserves by its last checks; None for a healthy one."""
    if not run.failures or run.last is None or run.failing_since is None:
        return None
    lasting = from_text(run.last) - from_text(run.failing_since) >= limits.failing_for
    if run.failures < limits.failures and not lasting:
        return None
    return GONE if run.gone >= limits.failures else UNHEALTHY


def of_source(run: CheckStreak, limits: Limits, told: Collection[str], at: str) -> Notice | None:
    """Return what is to be told of a source now; `told` are the ids of the alarms that stand for it."""
    if run.failures == 0:
        return _recovered(run, at) if told else None
    found = ailing(run, limits)
    if found is None or found in told or GONE in told:
        return None
    return _notice(
        found,
        run.source,
        run.failing_since or "",
        f"{_WORDS[found]}: {_times(run.failures)} in a row failed since {run.failing_since}, "
        f"the last with {run.reason}: {run.message}",
        {
            "failures": run.failures,
            "failing_since": run.failing_since,
            "last_success": run.success,
            "reason": run.reason,
            "message": run.message,
        },
        at,
    )


_WORDS = {
    UNHEALTHY: "cannot be read",
    GONE: "its server says that it is not there any more, or not for us; did it move?",
}


def _times(number: int) -> str:
    return "1 check" if number == 1 else f"{number} checks"


def _recovered(run: CheckStreak, at: str) -> Notice:
    return _notice(
        RECOVERED, run.source, at, f"can be read again since {run.success}", {"last_success": run.success}, at
    )


def together(collection: str, found: Iterable[Notice]) -> Iterator[Notice]:
    """Make one notice of each kind out of those about the groups of a collection: a network that fails is one event."""
    by_id: dict[str, list[Notice]] = {}
    for notice in found:
        by_id.setdefault(notice.id, []).append(notice)
    for identifier, same in by_id.items():
        if len(same) == 1:
            yield same[0]
            continue
        names = sorted(notice.source for notice in same)
        word = {RECOVERED: "can be read again"}.get(identifier, _WORDS.get(identifier, ""))
        reasons = sorted({str(notice.details["reason"]) for notice in same if notice.details.get("reason")})
        yield _notice(
            identifier,
            collection,
            " ".join(f"{notice.source}={notice.subject}" for notice in same),
            f"{len(names)} of its groups ({_named(names)}): {word}" + (f" ({', '.join(reasons)})" if reasons else ""),
            {"groups": names[:_MOST], "number": len(names), "reasons": reasons},
            same[0].at,
        )


def _named(names: Sequence[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def patience(every: timedelta) -> timedelta:
    """Return the longest time between two looks that is none too long."""
    return 2 * every + _LATE


def overdue(sight: SourceHealth, now: datetime, started: datetime | None = None) -> bool:
    """Whether a source was not looked at for too long; one that never was counts from the start of the daemon."""
    last = from_text(sight.run.last) if sight.run.last else started
    return last is not None and now - last > patience(sight.every)


def of_watcher(
    sights: Sequence[SourceHealth], told: OpenAlarm | None, now: datetime, started: datetime
) -> Notice | None:
    """Return what is to be told of the looking itself; `told` is the alarm about it that stands."""
    late = [sight for sight in sights if overdue(sight, now, started)]
    at = to_text(now)
    if not late:
        if told is None:
            return None
        return _notice(CHECKED_AGAIN, WATCHER, told.since, "everything is looked at in time again", {}, at)
    if told is not None:
        return None
    since = max((sight.run.last for sight in late if sight.run.last), default=to_text(started))
    names = [sight.source for sight in late]
    what = "nothing was looked at" if len(late) == len(sights) else f"not looked at in time: {_named(names)};"
    details = {"sources": names[:_MOST], "number": len(names), "since": since}
    return _notice(NOTHING_CHECKED, WATCHER, since, f"{what} since {since}", details, at)


def clock_jumped(seconds: float, at: str) -> Notice:
    """Return the notice that the wall clock was set by so many seconds, or is that far behind the record of checks."""
    way = "forward" if seconds > 0 else "back"
    return _notice(
        CLOCK_JUMPED,
        WATCHER,
        f"{at} {round(seconds)}",
        f"the clock jumped {way} by {abs(round(seconds))} s; the schedule is made anew",
        {"seconds": round(seconds)},
        at,
    )


def verdict(sights: Sequence[SourceHealth], now: datetime, started: datetime | None = None) -> HealthVerdict:
    """Return how the watcher is: critical where it does not look, or can read nothing at all."""
    if not sights:
        return HealthVerdict(level=Level.UNKNOWN, reasons=("no source is configured",))
    critical = [
        f"{sight.source} was not looked at since {sight.run.last or 'the start'}"
        for sight in sights
        if overdue(sight, now, started)
    ]
    if all(sight.blind for sight in sights):
        critical.append("no source can be read")
    if critical:
        return HealthVerdict(level=Level.CRITICAL, reasons=tuple(critical))
    warning = [_failing(sight) for sight in sights if sight.failing]
    if warning:
        return HealthVerdict(level=Level.WARNING, reasons=tuple(warning))
    never = [sight.source for sight in sights if sight.run.last is None]
    if never:
        return HealthVerdict(level=Level.UNKNOWN, reasons=tuple(f"{name} was never looked at" for name in never))
    return HealthVerdict(level=Level.OK)


def _failing(sight: SourceHealth) -> str:
    if sight.groups:
        return f"{len(sight.failing)} of {sight.groups} groups of {sight.source} cannot be read"
    return f"{sight.source} cannot be read since {sight.run.failing_since} ({sight.run.reason})"


def _notice(identifier: str, source: str, subject: str, summary: str, details: dict[str, object], at: str) -> Notice:
    return Notice(
        id=identifier,
        severity=NOTICES[identifier],
        source=source,
        subject=subject,
        summary=summary,
        details=details,
        at=at,
    )
