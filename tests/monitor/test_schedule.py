"""How often a group is checked depends on how long it did not change, within a promised limit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.monitor.schedule import LONGEST, due, interval, is_due_this_sweep

DAY = timedelta(days=1)
NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rested", "turns"),
    [(-400, 1), (0, 1), (29, 1), (30, 2), (364, 2), (365, 4), (5000, 4)],
)
def test_a_group_that_changed_lately_is_checked_more_often(rested: int, turns: int) -> None:
    assert interval(DAY, timedelta(days=rested)) == turns * DAY


def test_a_group_that_was_never_checked_is_due() -> None:
    assert due(DAY, None, None, NOW) == NOW
    assert due(DAY, None, "1999-01-01", NOW) == NOW


def test_a_group_without_a_known_change_is_checked_in_every_sweep() -> None:
    assert due(DAY, NOW, None, NOW) == NOW + DAY


def test_the_day_of_the_last_change_counts() -> None:
    assert due(DAY, NOW, "2024-06-01", NOW) == NOW + DAY
    assert due(DAY, NOW, "2024-01-01", NOW) == NOW + 2 * DAY
    assert due(DAY, NOW, "2019-01-01", NOW) == NOW + 4 * DAY
    assert due(DAY, NOW, "2124-01-01", NOW) == NOW + DAY


def test_a_clock_that_was_wrong_puts_nothing_off_for_years() -> None:
    assert due(DAY, NOW + 3650 * DAY, "2019-01-01", NOW) == NOW
    assert due(DAY, NOW + timedelta(hours=1), None, NOW) == NOW
    assert due(DAY, NOW + timedelta(seconds=30), None, NOW) == NOW + DAY


def test_the_last_group_of_a_long_sweep_is_due_in_the_next_one() -> None:
    looked = NOW + timedelta(hours=9)  # the sweep that began at NOW took nine hours
    assert is_due_this_sweep(DAY, due(DAY, looked, None, NOW + DAY), NOW + DAY)
    assert not is_due_this_sweep(DAY, due(DAY, looked, "2019-01-01", NOW + DAY), NOW + DAY)


@given(
    changed=st.none() | st.dates().map(lambda day: day.isoformat()),
    minutes=st.integers(1, 60 * 24 * 14),
    lateness=st.floats(0, 0.49),
)
def test_a_whole_sweep_takes_no_longer_than_is_promised(changed: str | None, minutes: int, lateness: float) -> None:
    every = timedelta(minutes=minutes)
    looked = NOW + every * lateness
    assert any(
        is_due_this_sweep(every, due(every, looked, changed, turn), turn)
        for turn in (NOW + every * number for number in range(1, LONGEST + 1))
    )
