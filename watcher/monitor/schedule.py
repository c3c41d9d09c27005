"""How often a group of a collection is looked at. Pure: times are arguments.

IANA changes some groups every few days and leaves most alone for years. What changed lately is looked at in every
turn, what has rested longer in every second or fourth: a registry that rested for a year is told of within
`LONGEST` turns, so a whole sweep of the tree never takes longer than that.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

_STEPS = ((timedelta(days=30), 1), (timedelta(days=365), 2))  # rested for less than → turns
LONGEST = 4
_EARLY = 0.5  # of a turn: a sweep takes time, and a group comes sooner in one than it did in the last


def interval(every: timedelta, rested: timedelta) -> timedelta:
    """Return the time between two looks at a group that last changed so long ago: one to `LONGEST` turns of `every`."""
    return every * next((turns for limit, turns in _STEPS if rested < limit), LONGEST)


def due(every: timedelta, last: datetime | None, changed: str | None, now: datetime) -> datetime:
    """Return when a group is to be looked at again; `now` where it never was.

    `changed` is the day of its last change (`YYYY-MM-DD`), None where nothing is known of it yet. A `last` in the
    future, of a clock that was wrong, counts as now.
    """
    if last is None:
        return now
    if changed is None:
        return min(last, now) + every
    return min(last, now) + interval(every, now - datetime.combine(date.fromisoformat(changed), time(tzinfo=UTC)))


def in_turn(every: timedelta, when: datetime, now: datetime) -> bool:
    """Whether what is due at a time belongs to a turn that begins now: the turn nearest to it."""
    return when <= now + every * _EARLY
