"""Times as this project writes them: UTC, ISO 8601, to the second, `2026-11-23T20:00:00Z`. They sort as text."""

from __future__ import annotations

from datetime import UTC, datetime


def to_text(when: datetime) -> str:
    """Write an aware time. Raises ValueError for a naive one."""
    if when.tzinfo is None:
        raise ValueError("a time without a zone says nothing")
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def from_text(text: str) -> datetime:
    """Read what `to_text` wrote."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
