"""Times as this project writes them: UTC, ISO 8601, to the second, `2026-11-23T20:00:00Z`; durations as `1h30m`.

Times sort as text.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = ("weeks", "days", "hours", "minutes", "seconds")


def to_text(when: datetime) -> str:
    """Write an aware time. Raises ValueError for a naive one."""
    if when.tzinfo is None:
        raise ValueError("a time without a zone says nothing")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def parse_duration(text: str) -> timedelta:
    """Read a duration. Raises ValueError for what is none."""
    found = _DURATION.fullmatch(text.strip())
    if not text.strip() or not found:
        raise ValueError("write a duration as 30s, 15m, 6h, 2d, 1w or a combination, 1h30m")
    try:
        return timedelta(**{unit: int(number or 0) for unit, number in zip(_UNITS, found.groups(), strict=True)})
    except OverflowError:
        raise ValueError("a duration of more than a million years") from None
