"""When the next turn is: the trigger that the scheduler asks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger


class CatchUpOnceTrigger(BaseTrigger):  # type: ignore[misc] # apscheduler ships no types
    """One turn an interval, and one for all that were missed.

    The scheduler's own interval trigger lists every turn that was missed before they are made one: after a clock was
    set ahead by ten years, sixty million of what is done every five seconds.
    """

    __slots__ = ("_every", "_late")

    def __init__(self, every: timedelta, late: Callable[[], timedelta] = timedelta) -> None:
        """`late` gives by how much each turn comes later than it should: chance."""
        self._every = every
        self._late = late

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        """Return the next turn after `previous`; those that are past by now are left out."""
        if previous is None:
            return now
        then = previous + self._every
        return (then if then > now else now + self._every) + self._late()
