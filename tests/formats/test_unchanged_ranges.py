"""What is alike in two documents is found whatever differs."""

from __future__ import annotations

from collections import Counter

from hypothesis import example, given
from hypothesis import strategies as st

from watcher.formats.unchanged_ranges import unlike

_SEQUENCE = st.lists(st.integers(0, 40), max_size=80)


@given(_SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE)
@example(list(range(9000)), [], [], [-1])
def test_what_differs_is_what_the_rest_is_not(
    one: list[int], same: list[int], other: list[int], end: list[int]
) -> None:
    for old, new in (([*one, *same, *end], [*other, *same]), ([*same, *one], [*end, *same, *one, *other])):
        gone, came = unlike(old, new)
        assert Counter(old) - Counter(gone) == Counter(new) - Counter(came)
        assert Counter(old) - Counter(new) <= Counter(gone)
        assert Counter(new) - Counter(old) <= Counter(came)


def test_of_what_is_nearly_the_same_only_what_differs_is_found() -> None:
    old = list(range(20_000))
    new = [-1, *old[:100], -2, *old[101:9000], *old[9100:], -3]
    gone, came = unlike(old, new)
    assert (gone, came) == ([100, *range(9000, 9100)], [-1, -2, -3])
