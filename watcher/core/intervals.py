"""Ranges of whole numbers, both ends included, and a search for those that overlap a given one."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import Generic, TypeVar

Interval = tuple[int, int]
_MOST_DIGITS = 18
Value = TypeVar("Value")


def bounded_number(digits: str) -> int:
    """Return decimal digits as a number; one that no 64 bits hold is 10^18. A registry may write 5,000 digits."""
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS


class IntervalUnion:
    """The numbers of several intervals; `intervals` are the same numbers in order and without overlap."""

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self._lows: list[int] = []
        self._highs: list[int] = []
        for low, high in sorted(intervals):
            if self._highs and low <= self._highs[-1]:
                self._highs[-1] = max(self._highs[-1], high)
            else:
                self._lows.append(low)
                self._highs.append(high)

    @property
    def intervals(self) -> list[Interval]:
        return list(zip(self._lows, self._highs, strict=True))

    def overlaps(self, interval: Interval) -> bool:
        last = bisect_right(self._lows, interval[1]) - 1
        return last >= 0 and self._highs[last] >= interval[0]


class IntervalIndex(Generic[Value]):
    """Values by their interval, for repeated queries. Immutable."""

    def __init__(self, placed: Iterable[tuple[Interval, Value]]) -> None:
        self._placed = sorted(placed, key=itemgetter(0))
        self._lows = [interval[0] for interval, _ in self._placed]
        # The ends; then the greatest of each two, and so on up to the greatest of all.
        self._levels = [[interval[1] for interval, _ in self._placed]]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            self._levels.append([max(below[place : place + 2]) for place in range(0, len(below), 2)])

    def overlapping(self, interval: Interval) -> Iterator[tuple[Interval, Value]]:
        """Yield the intervals that share a number with the given one, with their values, the highest first."""
        end = bisect_right(self._lows, interval[1])
        nodes = [(len(self._levels) - 1, 0)]
        while nodes and end:
            level, node = nodes.pop()
            if node << level >= end or self._levels[level][node] < interval[0]:
                continue
            if level == 0:
                yield self._placed[node]
            else:
                halves = (2 * node, 2 * node + 1)
                nodes += [(level - 1, half) for half in halves if half < len(self._levels[level - 1])]
