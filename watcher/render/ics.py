"""Dates as an iCalendar document (RFC 5545): one all-day event each, for a calendar that subscribes to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from msgspec import Struct

from watcher.render.safe_text import visible

_LONGEST_LINE = 75  # octets, without the line break (RFC 5545 section 3.1)


class CalendarDay(Struct, frozen=True, kw_only=True):
    """One all-day event. `identity` names what it is about: the same identity gives the same UID."""

    identity: tuple[str, ...]
    day: date
    summary: str
    description: str
    category: str


def render_calendar(days: Iterable[CalendarDay], *, name: str, stamp: str) -> str:
    """Return the document; `stamp` is the UTC time (`2026-01-05T09:00:00Z`) at which it is made."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//registry-watcher//deadlines//EN",
        "CALSCALE:GREGORIAN",
        f"X-WR-CALNAME:{_escape(name)}",
    ]
    for day in days:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{_uid(day.identity)}",
            f"DTSTAMP:{stamp.replace('-', '').replace(':', '')}",
            f"DTSTART;VALUE=DATE:{day.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{day.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_escape(day.summary)}",
            f"DESCRIPTION:{_escape(day.description)}",
            f"CATEGORIES:{_escape(day.category)}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(f"{part}\r\n" for line in lines for part in _fold(line))


def _uid(identity: Iterable[str]) -> str:
    digest = hashlib.sha256("\n".join(identity).encode("utf-8", "surrogatepass")).hexdigest()
    return f"{digest[:32]}@registry-watcher"


def _escape(text: str) -> str:
    """Return a TEXT value (RFC 5545 section 3.3.11); control characters become visible."""
    text = visible(text, lines=True).replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\n", "\\n")


def _fold(line: str) -> Iterator[str]:
    """Yield a content line in parts of at most 75 octets; the second and later ones begin with a space."""
    part, size = "", 0
    for char in line:
        octets = len(char.encode("utf-8"))
        if size + octets > _LONGEST_LINE:
            yield part
            part, size = " ", 1
        part += char
        size += octets
    yield part
