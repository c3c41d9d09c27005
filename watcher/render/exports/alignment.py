"""The steps from one sorted list of rows to another: which are kept, removed and added, in order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterator, Sequence
from typing import NamedTuple


class RowStep(NamedTuple):
    """Positions of a row in the old and the new list; None where it is in the other list alone."""

    old: int | None
    new: int | None


def align_rows(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[RowStep]:
    """Yield the steps that make the new list of the old one. Identities must be unique in each list.

    As many rows as possible are kept; one that stands elsewhere among those is removed and added. The time is linear
    times a logarithm.
    """
    place = {identity: position for position, identity in enumerate(new)}
    pairs = [(position, place[identity]) for position, identity in enumerate(old) if identity in place]
    kept = [pairs[index] for index in find_longest_rise([target for _, target in pairs])]
    at_old = at_new = 0
    for position, target in [*kept, (len(old), len(new))]:
        yield from (RowStep(number, None) for number in range(at_old, position))
        yield from (RowStep(None, number) for number in range(at_new, target))
        if position < len(old):
            yield RowStep(position, target)
        at_old, at_new = position + 1, target + 1


def find_longest_rise(numbers: Sequence[int]) -> list[int]:
    """Return the positions of a longest subsequence that rises; the numbers must differ."""
    ends: list[int] = []  # the smallest number that ends a rise of each length, by length
    positions: list[int] = []  # and its position
    previous: list[int] = []
    for position, number in enumerate(numbers):
        length = bisect_left(ends, number)
        previous.append(positions[length - 1] if length else -1)
        ends[length : length + 1] = [number]
        positions[length : length + 1] = [position]
    rise = []
    position = positions[-1] if positions else -1
    while position >= 0:
        rise.append(position)
        position = previous[position]
    return rise[::-1]
