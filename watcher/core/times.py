"""Times as text: UTC, ISO 8601, to the second (`2026-11-23T20:00:00Z`), so that they sort. Durations as `1h30m`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from watcher.core.patterns import regex

_DATE = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DURATION = regex(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")
_DAY_FORMS = regex(r"(\d{4})-(\d{2})(?:-(\d{2}))?|today|yesterday|latest|(\d+)([dw])", re.ASCII)
LONGEST_DURATION = timedelta(days=36_525)  # a time plus this can be computed as long as this program is used
_MOST_DIGITS = 12
LATEST = "latest"
UNDATED = "1970-01-01"  # the day of what has none, in a format that requires one
DATE_FORMS = "YYYY-MM-DD, YYYY-MM, today, yesterday, 7d, 2w or latest"


def to_text(when: datetime) -> str:
    """Return an aware time as text. Raises ValueError for a naive one."""
    if when.tzinfo is None:
        raise ValueError("a time without a time zone is ambiguous")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """Parse a time that `to_text` returned."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """Parse a duration (`30s`, `1h30m`). Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or not match:
        raise ValueError("write a duration as 30s, 15m, 6h, 2d, 1w or a combination, 1h30m")
    numbers = match.groups("0")
    if max(map(len, numbers)) <= _MOST_DIGITS:
        try:
            duration = timedelta(**{unit: int(number) for unit, number in zip(_UNITS, numbers, strict=True)})
        except OverflowError:
            duration = timedelta.max
        if duration <= LONGEST_DURATION:
            return duration
    raise ValueError("a duration of more than a hundred years")


def is_date(text: str) -> bool:
    """Return whether a text is `YYYY-MM-DD` and such a day exists."""
    try:
        return _DATE.fullmatch(text) is not None and date.fromisoformat(text) is not None
    except ValueError:
        return False


def is_day(text: str) -> bool:
    """Return whether a text has one of the forms of a date in a question; such a date may not exist."""
    return _DAY_FORMS.fullmatch(text) is not None


def parse_day(text: str, now: datetime, *, last: bool = False) -> str:
    """Return the day (`YYYY-MM-DD`, UTC) that a date in a question names; `latest` stays a word.

    `7d` is seven days before today, `2w` two weeks. A month (`2024-06`) is its first day, or its `last`. Raises
    ValueError for anything else and for a day that does not exist.
    """
    match = _DAY_FORMS.fullmatch(text)
    if not match:
        raise ValueError(f"{text!r} is not a date; write {DATE_FORMS}")
    if text == LATEST:
        return text
    year, month, day, number, unit = match.groups()
    try:
        if year:
            first = date(int(year), int(month), int(day or 1))
            # From the 1st, 31 days later is in the next month.
            end = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last and not day else first
            return end.isoformat()
        days = {"today": 0, "yesterday": 1}.get(text) if number is None else int(number) * (7 if unit == "w" else 1)
        return (now.astimezone(UTC).date() - timedelta(days=days or 0)).isoformat()
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a date: there is no such day") from None
