"""The differences of two sequences are found, whatever they are."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from watcher.formats.unchanged_ranges import find_differences

_SEQUENCE = st.lists(st.integers(0, 40), max_size=80)


@given(_SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE)
@example(list(range(9000)), [], [], [-1])
def test_without_the_differences_both_sequences_are_the_same(
    one: list[int], same: list[int], other: list[int], end: list[int]
) -> None:
    for old, new in (([*one, *same, *end], [*other, *same]), ([*same, *one], [*end, *same, *one, *other])):
        removed, added = find_differences(old, new)
        assert Counter(old) - Counter(removed) == Counter(new) - Counter(added)
        assert Counter(old) - Counter(new) <= Counter(removed)
        assert Counter(new) - Counter(old) <= Counter(added)


def test_of_nearly_equal_sequences_only_the_differences_are_found() -> None:
    old = list(range(20_000))
    new = [-1, *old[:100], -2, *old[101:9000], *old[9100:], -3]
    removed, added = find_differences(old, new)
    assert (removed, added) == ([100, *range(9000, 9100)], [-1, -2, -3])
