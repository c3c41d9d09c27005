"""Which releases are accepted at once, which need another check, and which need the operator."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from msgspec.structs import replace

from tests.support.port_releases import content, tcp
from watcher.core.model import Content, Fields, Item, Key, Section
from watcher.core.operations import Hold, HoldState, Reason
from watcher.monitor.plausibility import (
    Bounds,
    Newest,
    as_returned,
    count_serving,
    is_confirmed,
    reasons_to_hold,
    should_notify,
    stale_reason,
)

TODAY = date(2020, 6, 15)
BOUNDS = Bounds()


def made(entries: int, published: str | None = "2020-06-01", registries: int = 0, **header: str) -> Content:
    items: dict[tuple[Section, Key], Item] = {}
    nothing: Fields = {}
    for number in range(entries):
        key = Key(("value",), (str(number),))
        items[Section.ENTRY, key] = Item(section=Section.ENTRY, key=key, fields=nothing)
    for path in ("", *(f"sub-{number}" for number in range(registries))):
        key = Key(("registry",), (path,))
        items[Section.REGISTRY, key] = Item(section=Section.REGISTRY, key=key, fields=header if not path else nothing)
    return Content(published=published, digest=f"{entries}-{published}", items=items, entries=entries)


def codes(
    new: Content, old: Content | None, *, dated: str | None = None, bounds: Bounds = BOUNDS, today: date = TODAY
) -> list[str]:
    newest = Newest(content=old, dated=dated or old.published or "2020-06-01") if old else None
    return [reason.code for reason in reasons_to_hold(new, newest, bounds, today=today)]


def test_an_ordinary_release_is_accepted() -> None:
    assert codes(made(100, "2020-06-02"), made(99)) == []
    assert codes(made(100), made(99)) == [], "a second edit of the day"
    assert codes(made(3), None) == [], "a first release"


@pytest.mark.parametrize(
    ("published", "newest", "dated", "expected"),
    [
        ("2016-01-18", "2016-12-12", "2016-12-12", ["goes_back"]),  # the year was mistyped
        ("2016-02-03", "2016-01-18", "2016-12-12", []),  # and nobody mended it
        ("2019-05-30", "2019-09-25", "2019-03-27", []),  # the newest bears a date that lay half a year ahead
        ("2019-03-26", "2019-09-25", "2019-03-27", []),
        ("2019-03-20", "2019-09-25", "2019-03-27", ["goes_back"]),
        ("2020-06-01", "2021-01-01", "2021-01-01", []),  # imported, and ahead even of today
        ("2099-01-01", "2020-06-01", "2020-06-01", []),  # a date in the future says nothing about the next
        (None, "2020-06-01", "2020-06-01", []),
        ("2020-06-01", None, "2020-06-10", []),
    ],
)
def test_a_date_that_goes_back(published: str | None, newest: str | None, dated: str, expected: list[str]) -> None:
    assert codes(made(9, published), made(9, newest), dated=dated) == expected


@pytest.mark.parametrize(
    ("had", "has", "published", "expected"),
    [
        (100, 79, "2020-06-01", ["mass_removal"]),
        (100, 80, "2020-06-01", []),
        (100, 79, None, ["mass_removal"]),
        (100, 79, "2020-05-01", ["goes_back", "mass_removal"]),
        (5000, 4499, "2020-06-01", ["mass_removal"]),
        (5000, 4500, "2020-06-01", []),
        (12, 2, "2020-06-01", []),  # few enough to go at any time
        (12, 1, "2020-06-01", ["mass_removal"]),
        (2323, 137, "2020-06-02", []),  # as-numbers, 2019-05-16: ranges were merged
        (421, 208, "2020-06-02", []),  # message-headers, 2021-10-05: half of it became another registry
        (1000, 49, "2020-06-02", ["mass_removal"]),
        (1000, 50, "2020-06-02", []),
        (50, 5000, "2020-06-01", []),
    ],
)
def test_removed_entries(had: int, has: int, published: str | None, expected: list[str]) -> None:
    assert codes(made(has, published), made(had)) == expected


@pytest.mark.parametrize(
    ("had", "has", "expected"),
    [(20, 9, ["sub_registries_gone"]), (20, 10, []), (2, 0, []), (3, 0, ["sub_registries_gone"]), (0, 0, [])],
)
def test_removed_sub_registries(had: int, has: int, expected: list[str]) -> None:
    assert codes(made(5, "2020-06-02", has), made(5, registries=had)) == expected


def test_another_document_is_another_registry() -> None:
    assert codes(made(5, id="tls-parameters"), made(5, id="dns-parameters")) == ["other_registry"]
    ports = content([tcp("a", "1")])
    assert codes(ports, made(1, "2020-01-01", id="dns-parameters")) == ["other_registry"]
    assert codes(ports, ports) == []


def test_a_redirect_says_itself_that_everything_went_elsewhere() -> None:
    assert codes(made(0, None, moved_to="idna-tables-12.0.0"), made(500, registries=9)) == []


def test_the_operators_bounds_hold_for_a_first_release_too() -> None:
    bounds = Bounds(min_entries=10, max_entries=20)
    assert [codes(made(entries), None, bounds=bounds) for entries in (9, 10, 20, 21)] == [
        ["too_few_entries"],
        [],
        [],
        ["too_many_entries"],
    ]


@pytest.mark.parametrize("code", ["goes_back", "mass_removal", "sub_registries_gone"])
def test_what_a_second_serving_settles(code: str) -> None:
    assert [is_confirmed(hold(code, in_a_row=times), BOUNDS) for times in (1, 2)] == [False, True]
    assert is_confirmed(hold(code), Bounds(confirm_after=1))


@pytest.mark.parametrize("code", ["too_few_entries", "too_many_entries", "other_registry", "formats_disagree"])
def test_what_no_number_of_servings_settles(code: str) -> None:
    assert not is_confirmed(hold(code, in_a_row=99), BOUNDS)
    assert not is_confirmed(hold(code, "goes_back", in_a_row=99), BOUNDS)


def test_a_release_that_comes_back_has_to_be_served_once_more() -> None:
    confirmed = [is_confirmed(hold("stale_server", in_a_row=times), BOUNDS) for times in (1, 2, 3)]
    assert confirmed == [False, False, True]


def test_a_hold_without_a_reason_is_confirmed_unless_it_was_rejected() -> None:
    assert is_confirmed(hold(), BOUNDS)
    assert not is_confirmed(hold(state=HoldState.REJECTED), BOUNDS)
    assert not is_confirmed(hold("goes_back", in_a_row=9, state=HoldState.REJECTED), BOUNDS)


def test_servings_are_counted_and_the_reasons_are_the_last_ones() -> None:
    again = count_serving(hold("mass_removal"), hold("goes_back", last_seen="2020-06-16T00:00:00Z"))
    assert (again.times, again.in_a_row, again.first_seen) == (2, 2, hold().first_seen)
    assert (again.last_seen, again.reasons[0].code) == ("2020-06-16T00:00:00Z", "goes_back")
    assert count_serving(hold("goes_back"), hold()).reasons == ()
    assert count_serving(None, hold()) == hold()


def test_a_rejected_hold_stays_rejected_and_a_superseded_one_starts_over() -> None:
    rejected = hold("goes_back", state=HoldState.REJECTED)
    assert count_serving(rejected, hold()) == replace(rejected, times=2, in_a_row=2)
    old = hold("goes_back", state=HoldState.SUPERSEDED, in_a_row=7, times=7, by="newer", decided="x")
    new = hold("mass_removal", first_seen="2020-07-01T00:00:00Z")
    assert count_serving(old, new) == replace(new, times=8)


def test_the_operator_hears_of_everything_but_of_a_lagging_server_only_when_it_goes_on() -> None:
    assert should_notify(hold("goes_back"), BOUNDS)
    assert [should_notify(hold("stale_server", in_a_row=times), BOUNDS) for times in (1, 2)] == [False, True]
    assert not should_notify(hold("goes_back", state=HoldState.REJECTED), BOUNDS)


def test_a_release_that_came_back_is_another_release_of_the_same_content() -> None:
    first = made(3)
    one, other = as_returned(first, "2020-06-15T00:00:00Z"), as_returned(first, "2020-06-16T00:00:00Z")
    assert len({first.digest, one.digest, other.digest}) == 3
    assert one.items is first.items
    assert [problem.code for problem in one.problems] == ["rollback"]
    assert as_returned(first, "2020-06-15T00:00:00Z") == one


def test_a_reason_says_it_in_words_and_in_numbers() -> None:
    reason = stale_reason("2020-03-27", "2020-03-31")
    assert reason.sentence == "the release of 2020-03-27 was served again, older than 2020-03-31"
    assert dict(reason.numbers) == {"served": "2020-03-27", "newest": "2020-03-31"}
    (gone,) = reasons_to_hold(made(50), Newest(content=made(100), dated="2020-06-01"), BOUNDS, today=TODAY)
    assert gone.sentence == "50 of 100 entries are removed, and its date is not later"
    assert dict(gone.numbers) == {"gone": 50, "entries": 100}


def hold(*reasons: str, **more: Any) -> Hold:
    values: Mapping[str, Any] = {
        "source": "ports",
        "digest": "a" * 64,
        "sha256": "b" * 64,
        "published": "2020-06-01",
        "entries": 3,
        "reasons": tuple(Reason(code=code, sentence=code) for code in reasons),
        "first_seen": "2020-06-15T00:00:00Z",
        "last_seen": "2020-06-15T00:00:00Z",
        **more,
    }
    return Hold(**values)
