"""The order of releases does not depend on the order of ingest, and never contradicts what checks saw."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from watcher.core.release_order import Ending, Label, PlacedRelease
from watcher.monitor.ordering import in_order, place_last

DAYS = [(date(2024, 1, 28) + timedelta(days=number)).isoformat() for number in range(8)]
LYING = ["1970-01-01", "2099-12-31"]
DATES = st.one_of(st.none(), st.sampled_from(DAYS), st.sampled_from(LYING))
TIMES = st.builds("{}T{:02}:00:00Z".format, st.sampled_from(DAYS), st.integers(0, 23))


@st.composite
def labels(draw: st.DrawFn) -> list[Label]:
    made = []
    for number in range(draw(st.integers(0, 9))):
        live = draw(st.booleans())
        observed = draw(TIMES if live else st.none() | TIMES)
        named = draw(st.none() | TIMES)
        made.append(Label(digest=f"{number:064x}", published=draw(DATES), observed=observed, live=live, named=named))
    return made


def imported(digest: str, published: str | None, observed: str | None = None) -> Label:
    return Label(digest=digest, published=published, observed=observed, live=False)


def live(digest: str, published: str | None, observed: str) -> Label:
    return Label(digest=digest, published=published, observed=observed, live=True)


def named(digest: str, published: str, day: str) -> Label:
    return Label(digest=digest, published=published, observed=None, live=False, named=f"{day}T00:00:00Z")


def digests(*given: Label) -> list[str]:
    return [placed.digest for placed in in_order(given)]


@given(labels(), st.data())
def test_the_order_does_not_depend_on_the_order_they_are_handed_in(labelled: list[Label], data: st.DataObject) -> None:
    assert in_order(data.draw(st.permutations(labelled))) == in_order(labelled)


@given(labels())
def test_every_release_is_placed_once_and_the_days_never_go_back(labelled: list[Label]) -> None:
    placed = in_order(labelled)
    assert sorted(release.digest for release in placed) == [label.digest for label in labelled]
    assert [release.dated for release in placed] == sorted(release.dated for release in placed)


@given(labels())
def test_a_live_release_is_never_placed_before_one_that_we_saw_earlier(labelled: list[Label]) -> None:
    observed = {label.digest: label.observed or "" for label in labelled if label.live}
    seen = [observed[placed.digest] for placed in in_order(labelled) if placed.digest in observed]
    assert seen == sorted(seen)


@given(labels())
def test_no_release_counts_for_more_than_the_day_after_the_newest_that_anybody_saw(labelled: list[Label]) -> None:
    seen = [label for label in labelled if label.observed]
    if seen:
        newest = max(date.fromisoformat((label.observed or "")[:10]) for label in seen)
        days = {placed.digest: placed.dated for placed in in_order(labelled)}
        assert max(days[label.digest] for label in seen) <= (newest + timedelta(days=1)).isoformat()


@given(st.lists(st.sampled_from([*DAYS, *LYING]), max_size=8))
def test_releases_that_nobody_saw_stand_by_their_published_date(days: list[str]) -> None:
    labelled = [imported(f"{number:064x}", day) for number, day in enumerate(days)]
    assert [placed.dated for placed in in_order(labelled)] == sorted(days)


@given(labels(), st.sampled_from(DAYS))
def test_a_new_imported_release_leaves_the_order_of_the_others_alone(labelled: list[Label], day: str) -> None:
    added = imported("f" * 64, day)
    after = [placed for placed in in_order([*labelled, added]) if placed.digest != added.digest]
    assert after == in_order(labelled)


def test_no_release_is_no_order() -> None:
    assert in_order([]) == []


def test_an_imported_release_is_placed_between_live_ones_by_its_published_date() -> None:
    first, last = live("a", "2024-01-01", "2024-01-02T00:00:00Z"), live("b", "2024-03-01", "2024-03-02T00:00:00Z")
    assert digests(last, imported("c", "2024-02-01"), first) == ["a", "c", "b"]


@pytest.mark.fault(29)
def test_a_date_in_the_future_counts_as_the_day_after_it_was_seen() -> None:
    assert in_order([live("a", "2099-01-01", "2024-02-28T12:00:00Z")]) == [
        PlacedRelease(digest="a", dated="2024-02-29")
    ]
    assert in_order([imported("a", "2099-01-01", "2024-12-31T12:00:00Z")]) == [
        PlacedRelease(digest="a", dated="2025-01-01")
    ]


def test_tomorrows_date_is_accepted_because_the_registry_may_be_in_another_time_zone() -> None:
    assert in_order([live("a", "2024-03-01", "2024-02-29T23:00:00Z")]) == [
        PlacedRelease(digest="a", dated="2024-03-01")
    ]


def test_a_release_of_the_future_does_not_hold_up_the_ones_after_it() -> None:
    lying = live("a", "2099-01-01", "2024-01-01T00:00:00Z")
    assert in_order([lying, live("b", "2024-01-05", "2024-01-06T00:00:00Z")]) == [
        PlacedRelease(digest="a", dated="2024-01-02"),
        PlacedRelease(digest="b", dated="2024-01-05"),
    ]


def test_a_date_that_goes_back_does_not_move_a_live_release_back() -> None:
    first, second = live("b", "2024-02-02", "2024-02-03T00:00:00Z"), live("a", "2024-01-01", "2024-02-04T00:00:00Z")
    assert in_order([second, first]) == [
        PlacedRelease(digest="b", dated="2024-02-02"),
        PlacedRelease(digest="a", dated="2024-02-02"),
    ]


def test_an_imported_release_with_an_old_date_goes_back_though_it_was_seen_late() -> None:
    seen = live("a", "2024-02-02", "2024-02-03T00:00:00Z")
    assert digests(seen, imported("b", "2024-01-01", "2024-05-01T00:00:00Z")) == ["b", "a"]


def test_a_release_without_a_date_counts_for_the_day_it_was_seen() -> None:
    assert in_order([live("a", None, "2024-02-03T23:59:59Z")]) == [PlacedRelease(digest="a", dated="2024-02-03")]


def test_a_release_that_nobody_dated_or_saw_is_the_oldest() -> None:
    assert in_order([imported("a", "1970-01-01"), imported("b", None)])[0] == PlacedRelease(digest="b", dated="")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (live("b", "2024-02-02", "2024-02-03T01:00:00Z"), live("a", "2024-02-02", "2024-02-03T02:00:00Z")),
        (imported("b", "2024-02-02"), imported("a", "2024-02-02", "2024-02-03T02:00:00Z")),
        (imported("a", "2024-02-02"), imported("b", "2024-02-02")),
        (named("b", "2024-02-02", "2024-02-03"), named("a", "2024-02-02", "2024-02-10")),
        (named("b", "2024-02-02", "2024-02-03"), live("a", "2024-02-02", "2024-02-03T02:00:00Z")),
        (live("b", "2024-02-02", "2024-02-03T02:00:00Z"), named("a", "2024-02-02", "2024-02-04")),
    ],
    ids=[
        *("by the time they were seen", "the unseen before the seen", "by their content"),
        *("by the day of their folder", "the folder of the day before", "the folder of the day after"),
    ],
)
def test_releases_with_equal_dates_always_get_the_same_order(one: Label, other: Label) -> None:
    assert digests(one, other) == digests(other, one) == [one.digest, other.digest]


def test_four_releases_of_one_day_seen_one_after_the_other_stay_in_that_order() -> None:
    given = [live(digest, "2025-06-01", f"2025-06-01T0{hour}:00:00Z") for hour, digest in enumerate("dbca")]
    assert digests(*reversed(given)) == ["d", "b", "c", "a"]


def test_to_have_seen_a_release_ourselves_can_only_move_it_later() -> None:
    others = [live("a", "2024-02-02", "2024-02-03T00:00:00Z"), imported("c", "2024-01-15")]
    late_copy = imported("b", "2024-01-01", "2024-02-04T00:00:00Z")
    assert digests(*others, late_copy) == ["b", "c", "a"]
    assert digests(*others, replace(late_copy, live=True)) == ["c", "a", "b"]


def ending(given: list[Label]) -> Ending:
    """Return the end of an order by its definition."""
    placed = in_order(given)
    by_digest = {label.digest: label for label in given}
    return Ending(
        count=len(given),
        digest=placed[-1].digest,
        dated=placed[-1].dated,
        seen=by_digest[placed[-1].digest].seen,
        newest=max(label.observed or "" for label in given),
        live=max((release.dated for release in placed if by_digest[release.digest].live), default=""),
    )


@given(labels(), labels())
def test_a_release_place_last_is_where_the_whole_order_has_it_and_moves_no_other(
    labelled: list[Label], more: list[Label]
) -> None:
    for label in (replace(release, digest=f"{number:064x}") for number, release in enumerate(more, 100)):
        if labelled and (placed := place_last(label, ending(labelled))):
            assert in_order([*labelled, label]) == [*in_order(labelled), placed]


def test_the_next_release_is_placed_without_a_search_through_the_others() -> None:
    past = [imported("a", "2024-01-01"), live("b", "2024-01-02", "2024-01-02T10:00:00Z")]
    assert place_last(imported("c", "2024-01-03"), ending(past)) == PlacedRelease(digest="c", dated="2024-01-03")
    seen = live("d", "2024-01-01", "2024-01-02T10:00:01Z")
    assert place_last(seen, ending(past)) == PlacedRelease(digest="d", dated="2024-01-02")
    assert place_last(live("e", "2024-01-09", "2024-01-02T10:00:00Z"), ending(past)) is None  # in the same second
    assert place_last(imported("f", "2023-12-31"), ending(past)) is None
