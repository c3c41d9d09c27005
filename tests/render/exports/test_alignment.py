"""The steps between two lists: right for any lists, and as few as can be."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from watcher.render.exports.alignment import align_rows, find_longest_rise

LISTS = st.lists(st.integers(0, 9), unique=True, max_size=8)


@given(LISTS, LISTS)
def test_the_steps_make_the_new_list_of_the_old_one(old: list[int], new: list[int]) -> None:
    steps = list(align_rows(old, new))
    assert [old[step.old] for step in steps if step.old is not None] == old
    assert [new[step.new] for step in steps if step.new is not None] == new
    assert all(old[step.old] == new[step.new] for step in steps if step.old is not None and step.new is not None)


@given(LISTS)
def test_a_longest_rise_is_found(numbers: list[int]) -> None:
    positions = find_longest_rise(numbers)
    rise = [numbers[position] for position in positions]
    assert positions == sorted(positions)
    assert rise == sorted(rise)
    longer = combinations(numbers, len(rise) + 1)
    assert not any(list(other) == sorted(other) for other in longer)
