"""Rows of unassigned and reserved space, which a registry redraws around every assignment.

Such rows are no event: the event of the assignment explains them. Two questions are answered by numbers: which redrawn
rows hold the numbers of an event, and whether anything was assigned or released where a row is now reserved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from watcher.core.intervals import Interval, IntervalIndex, IntervalUnion
from watcher.core.model import Change, Item, Section
from watcher.registries.context import ChangeContext
from watcher.registries.shared.assignment import is_assigned

# A number is only comparable inside one registry and one notation: ("path/of/registry", "IPv4").
Space = tuple[str, str]
Place = tuple[Space, Interval]
# For each change. Where thousands of redrawn rows overlap, the later events name none of them.
_EXPLANATIONS = 50


class FreeSpaceChanges:
    """The free space of one change set. `locate` returns the places of an item's numbers."""

    def __init__(
        self,
        context: ChangeContext,
        is_bookkeeping: Callable[[Change, ChangeContext], bool],
        locate: Callable[[Item], Iterable[Place]],
    ) -> None:
        self._changes = context.changes
        self._locate = locate
        redrawn: dict[Space, list[tuple[Interval, int]]] = {}
        assigned: dict[Space, list[Interval]] = {}
        for position, change in enumerate(context.changes):
            if change.section is Section.ENTRY and is_bookkeeping(change, context):
                for space, interval in locate(change.item):
                    redrawn.setdefault(space, []).append((interval, position))
            for item in (change.before, change.after):
                if item is not None and is_assigned(item):
                    for space, interval in locate(item):
                        assigned.setdefault(space, []).append(interval)
        self._left = _EXPLANATIONS * (len(context.changes) + 1)
        self._redrawn = {space: IntervalIndex(placed) for space, placed in redrawn.items()}
        self._assigned = {space: IntervalUnion(intervals) for space, intervals in assigned.items()}

    def explained_by(self, places: Sequence[Place]) -> set[int]:
        """Return the positions of redrawn rows that hold these numbers, and of the rows that replaced such a row."""
        changes = [self._changes[position] for position in self._overlapping(places)]
        replaced = [place for change in changes if change.after is None for place in self._locate(change.item)]
        return {*self._overlapping([*places, *replaced])}

    def _overlapping(self, places: Iterable[Place]) -> Iterator[int]:
        for space, interval in places:
            if space in self._redrawn:
                for _, position in self._redrawn[space].overlapping(interval):
                    if self._left <= 0:
                        return
                    self._left -= 1
                    yield position

    def is_assigned_at(self, item: Item) -> bool:
        """Return whether the changes assigned or released any of an item's numbers."""
        return any(
            space in self._assigned and self._assigned[space].overlaps(interval)
            for space, interval in self._locate(item)
        )
