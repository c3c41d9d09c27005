"""Ranges of numbers, both ends included: whether they meet, asked of many at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from operator import itemgetter
from typing import Generic, TypeVar

Span = tuple[int, int]
Thing = TypeVar("Thing")


class Reach:
    """Some ranges together; `spans` are the same numbers in ranges that share none."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._low: list[int] = []
        self._high: list[int] = []
        for low, high in sorted(spans):
            if self._high and low <= self._high[-1]:
                self._high[-1] = max(self._high[-1], high)
            else:
                self._low.append(low)
                self._high.append(high)

    @property
    def spans(self) -> list[Span]:
        return list(zip(self._low, self._high, strict=True))

    def meets(self, span: Span) -> bool:
        """Whether one of the ranges shares a number with a range."""
        last = bisect_right(self._low, span[1]) - 1
        return last >= 0 and self._high[last] >= span[0]


class PlacedInterval(Generic[Thing]):
    """Things that each have a range."""

    def __init__(self, things: Iterable[tuple[Span, Thing]]) -> None:
        self._things = sorted(things, key=itemgetter(0))
        self._low = [span[0] for span, _ in self._things]
        self._reached = list(accumulate((span[1] for span, _ in self._things), max))

    def meeting(self, span: Span) -> Iterator[tuple[Span, Thing]]:
        """Yield the things whose range shares a number with a range."""
        last = bisect_right(self._low, span[1])
        while last and self._reached[last - 1] >= span[0]:
            last -= 1
            if self._things[last][0][1] >= span[0]:
                yield self._things[last]
