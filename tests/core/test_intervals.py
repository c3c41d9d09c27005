"""Unions and indexes of intervals give the same answers as a loop over all intervals."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watcher.core.intervals import Interval, IntervalIndex, IntervalUnion

number = st.integers(0, 40)
interval = st.tuples(number, number).map(lambda ends: (min(ends), max(ends)))
intervals = st.lists(interval, max_size=12)


def share_a_number(one: Interval, other: Interval) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


@given(intervals, interval)
def test_a_union_has_the_numbers_of_its_intervals(parts: list[Interval], wanted: Interval) -> None:
    union = IntervalUnion(parts)
    numbers = [number for low, high in union.intervals for number in range(low, high + 1)]
    assert numbers == sorted({number for low, high in parts for number in range(low, high + 1)})
    assert union.overlaps(wanted) is any(share_a_number(part, wanted) for part in parts)


@given(intervals, interval)
def test_an_index_yields_every_overlapping_interval(parts: list[Interval], wanted: Interval) -> None:
    index = IntervalIndex([(part, position) for position, part in enumerate(parts)])
    overlapping = [(part, position) for position, part in enumerate(parts) if share_a_number(part, wanted)]
    assert sorted(index.overlapping(wanted)) == sorted(overlapping)
