"""When digests are sent, by the clocks of a time zone: over both changes of daylight saving time, at any moment."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.core.digest_schedule import WEEKDAYS, DigestPeriod, DigestSchedule

BERLIN = ZoneInfo("Europe/Berlin")


def daily(at: str, zone: ZoneInfo = BERLIN) -> DigestSchedule:
    return DigestSchedule(period=DigestPeriod.DAILY, at=time.fromisoformat(at), zone=zone)


def following(schedule: DigestSchedule, start: str, number: int) -> list[str]:
    """Return the next times after a UTC time, each with what the clocks of the zone show."""
    now, shown = datetime.fromisoformat(f"{start}+00:00"), []
    for _ in range(number):
        now = schedule.find_next(now)
        shown.append(f"{now:%m-%dT%H:%MZ} {now.astimezone(schedule.zone):%H:%M}")
    return shown


@pytest.mark.parametrize(
    ("at", "start", "times"),
    [
        # Clocks go from 02:00 to 03:00 on 2026-03-29: the day has 23 hours, and a daily digest comes after 23.
        ("08:00", "2026-03-28T05:00", ["03-28T07:00Z 08:00", "03-29T06:00Z 08:00", "03-30T06:00Z 08:00"]),
        # 02:30 does not exist that day.
        ("02:30", "2026-03-28T00:00", ["03-28T01:30Z 02:30", "03-29T01:30Z 03:30", "03-30T00:30Z 02:30"]),
        # Clocks go back from 03:00 to 02:00 on 2026-10-25: the day has 25 hours.
        ("08:00", "2026-10-24T05:00", ["10-24T06:00Z 08:00", "10-25T07:00Z 08:00", "10-26T07:00Z 08:00"]),
        # 02:30 is there twice: the digest is sent once.
        ("02:30", "2026-10-24T00:00", ["10-24T00:30Z 02:30", "10-25T00:30Z 02:30", "10-26T01:30Z 02:30"]),
    ],
)
def test_a_daily_digest_keeps_its_time_on_the_clock_over_both_changes(at: str, start: str, times: list[str]) -> None:
    assert following(daily(at), start, 3) == times


def test_an_hourly_digest_is_sent_in_every_hour_of_both_changes() -> None:
    hourly = DigestSchedule(period=DigestPeriod.HOURLY, zone=BERLIN)
    assert following(hourly, "2026-03-28T23:59", 3) == [
        "03-29T00:00Z 01:00",
        "03-29T01:00Z 03:00",
        "03-29T02:00Z 04:00",
    ]
    assert following(hourly, "2026-10-24T23:30", 3) == [
        "10-25T00:00Z 02:00",
        "10-25T01:00Z 02:00",
        "10-25T02:00Z 03:00",
    ]


def test_an_hourly_digest_is_sent_on_the_hour_of_a_zone_half_an_hour_beside_utc() -> None:
    hourly = DigestSchedule(period=DigestPeriod.HOURLY, zone=ZoneInfo("Asia/Kolkata"))
    assert following(hourly, "2026-03-28T10:00", 2) == ["03-28T10:30Z 16:00", "03-28T11:30Z 17:00"]


@pytest.mark.parametrize("weekday", WEEKDAYS)
def test_a_weekly_digest_is_sent_on_its_weekday_in_the_zone(weekday: str) -> None:
    # At 23:30 in Los Angeles it is the next day in UTC already.
    zone = ZoneInfo("America/Los_Angeles")
    weekly = DigestSchedule(period=DigestPeriod.WEEKLY, at=time(23, 30), weekday=weekday, zone=zone)
    now = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
    for _ in range(3):
        due = weekly.find_next(now)
        assert f"{due.astimezone(zone):%A %H:%M}".lower() == f"{weekday} 23:30"
        assert due - now <= timedelta(days=7)
        now = due


def test_the_time_itself_is_over_when_it_has_come() -> None:
    due = datetime(2026, 11, 25, 7, 0, tzinfo=UTC)
    assert daily("08:00").find_next(due) == due + timedelta(days=1)
    assert daily("08:00").find_next(due - timedelta(seconds=1)) == due


@settings(deadline=None, max_examples=200)
@given(
    now=st.datetimes(datetime(2020, 1, 1), datetime(2029, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - given one
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "UTC"]),
)
def test_every_local_day_has_one_daily_digest(now: datetime, at: time, zone: str) -> None:
    schedule = DigestSchedule(period=DigestPeriod.DAILY, at=at, zone=ZoneInfo(zone))
    days = []
    for _ in range(4):
        due = schedule.find_next(now)
        assert due > now
        assert due.tzinfo is UTC
        days.append(due.astimezone(schedule.zone).date())
        now = due
    assert [(later - day).days for day, later in pairwise(days)] == [1, 1, 1]


def test_schedules_in_equal_words_are_equal() -> None:
    assert str(daily("08:00")) == "daily 08:00 Europe/Berlin"
    weekly = DigestSchedule(period=DigestPeriod.WEEKLY, at=time(9), weekday="friday")
    assert str(weekly) == "weekly friday 09:00 UTC"
    assert str(DigestSchedule(period=DigestPeriod.HOURLY)) == "hourly UTC"
