"""The calendar, read by another implementation of RFC 5545."""

from __future__ import annotations

from datetime import date

import icalendar
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.render.ics import CalendarDay, render_calendar
from watcher.render.safe_text import visible

STAMP = "2026-01-05T09:00:00Z"


def day(summary: str, description: str = "x", *, identity: tuple[str, ...] = ("jwt", "claims", "cnf")) -> CalendarDay:
    return CalendarDay(
        identity=identity, day=date(2024, 3, 23), summary=summary, description=description, category="early allocation"
    )


def read(text: str) -> list[icalendar.Event]:
    calendar = icalendar.Calendar.from_ical(text)
    assert isinstance(calendar, icalendar.Calendar)
    assert calendar.errors == []
    events = [event for event in calendar.walk("VEVENT") if isinstance(event, icalendar.Event)]
    assert all(event.errors == [] for event in events)
    return events


def test_a_day_is_an_all_day_event_with_a_stamp_and_a_uid() -> None:
    text = render_calendar([day("cnf; a, b \\\\ c", "one\ntwo")], name="Early, allocations", stamp=STAMP)
    assert r"SUMMARY:cnf\; a\, b \\\\ c" in text.split("\r\n")
    assert r"DESCRIPTION:one\ntwo" in text.split("\r\n")
    (event,) = read(text)
    assert str(event["summary"]) == "cnf; a, b \\\\ c"
    assert str(event["description"]) == "one\ntwo"
    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2024, 3, 23), date(2024, 3, 24))
    assert event["dtstamp"].dt.isoformat() == "2026-01-05T09:00:00+00:00"
    assert str(event["uid"]).endswith("@registry-watcher")


def test_a_uid_depends_on_the_identity_alone() -> None:
    texts = [
        render_calendar([event], name="x", stamp=stamp)
        for event, stamp in (
            (day("a"), STAMP),
            (day("b"), "2027-01-01T00:00:00Z"),
            (day("a", identity=("jwt",)), STAMP),
        )
    ]
    first, second, other = (str(read(text)[0]["uid"]) for text in texts)
    assert first == second != other


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_comes_back_and_no_line_is_too_long(summary: str, description: str) -> None:
    text = render_calendar([day(summary, description)], name="x", stamp=STAMP)
    lines = text.encode("utf-8").split(b"\r\n")
    assert lines[-1] == b""
    assert max(map(len, lines)) <= 75
    assert all(b"\n" not in line and b"\r" not in line for line in lines)
    (event,) = read(text)
    assert str(event["summary"]) == visible(summary, lines=True)
    assert str(event["description"]) == visible(description, lines=True)
