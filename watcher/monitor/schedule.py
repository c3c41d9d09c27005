"""Decide when a group of a collection is due. Pure: times are arguments.

IANA changes some groups every few days and leaves most alone for years. A group that changed lately is checked in
every sweep, one that did not for longer in every second or fourth. So a change in any group is found within `LONGEST`
sweeps.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

_STEPS = ((timedelta(days=30), 1), (timedelta(days=365), 2))  # unchanged for less than → checked every nth sweep
LONGEST = 4
# Share of the time between sweeps by which a group may be checked early: it comes earlier in one sweep than in another.
_EARLY = 0.5
_CLOCK_TOLERANCE = timedelta(minutes=1)  # by which a clock that is kept right may be set back
_GRACE = timedelta(minutes=15)  # beyond twice the interval: jitter, a long sweep, a slow server


def interval(every: timedelta, unchanged_for: timedelta) -> timedelta:
    """Return the time between two checks of a group: one to `LONGEST` times `every`."""
    return every * next((sweeps for limit, sweeps in _STEPS if unchanged_for < limit), LONGEST)


def due(every: timedelta, last: datetime | None, changed: str | None, now: datetime) -> datetime:
    """Return when a group is to be checked next; `now` if it never was.

    `changed` is the day of its last change (`YYYY-MM-DD`), None if it is not known yet. A `last` in the future is that
    of a clock that was ahead; nobody knows how long ago it was.
    """
    if last is None or last > now + _CLOCK_TOLERANCE:
        return now
    last = min(last, now)
    if changed is None:
        return last + every
    return last + interval(every, now - datetime.combine(date.fromisoformat(changed), time(tzinfo=UTC)))


def is_due_this_sweep(every: timedelta, when: datetime, now: datetime) -> bool:
    """Return whether what is due at a time belongs to the sweep that starts now: the one nearest to that time."""
    return when <= now + every * _EARLY


def longest_gap(every: timedelta) -> timedelta:
    """Return the time between two checks after which a source is overdue."""
    return 2 * every + _GRACE
