"""Times as text: UTC, ISO 8601, to the second (`2026-11-23T20:00:00Z`), so that they sort. Durations as `1h30m`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


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
    try:
        return timedelta(**{unit: int(number or 0) for unit, number in zip(_UNITS, match.groups(), strict=True)})
    except OverflowError:
        raise ValueError("a duration of more than a million years") from None
