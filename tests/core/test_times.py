"""Dates in questions."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from watcher.core.times import is_day, parse_day

NOW = datetime(2024, 3, 1, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-02-29", "2024-02-29", "2024-02-29"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-12", "2023-12-01", "2023-12-31"),
        ("today", "2024-03-01", "2024-03-01"),
        ("yesterday", "2024-02-29", "2024-02-29"),
        ("7d", "2024-02-23", "2024-02-23"),
        ("2w", "2024-02-16", "2024-02-16"),
        ("latest", "latest", "latest"),
    ],
)
def test_a_date_in_a_question_names_a_day(text: str, first: str, last: str) -> None:
    assert (parse_day(text, NOW), parse_day(text, NOW, last=True)) == (first, last)


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13-01", "2024-13", "2023-02-29", "0000-01-01", "999999999d"])
def test_a_day_that_does_not_exist_is_refused(text: str) -> None:
    assert is_day(text)
    with pytest.raises(ValueError, match=f"'{text}' is not a date: there is no such day"):
        parse_day(text, NOW)


@pytest.mark.parametrize("text", ["", "2024", "2024-2-3", "7h", "tomorrow", "2024-02-29 ", "-7d", "٢d"])
def test_anything_else_is_refused_with_the_forms_that_are_understood(text: str) -> None:
    assert not is_day(text)
    with pytest.raises(ValueError, match="is not a date; write YYYY-MM-DD, YYYY-MM, today"):
        parse_day(text, NOW)


def test_today_is_the_day_in_utc() -> None:
    assert parse_day("today", NOW.astimezone(timezone(timedelta(hours=-8)))) == "2024-03-01"
