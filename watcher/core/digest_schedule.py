"""When the digests of a subscription are sent: every hour, day or week at a time of a time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from msgspec import Struct

_HOUR = timedelta(hours=1)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class DigestPeriod(StrEnum):
    """How often a digest is sent, the most frequent first."""

    HOURLY = "hourly"
    DAILY = "daily"
    WEEKLY = "weekly"


class DigestSchedule(Struct, frozen=True, kw_only=True):
    """The times at which a digest is sent: on the hour, or at `at` by the clocks of a `zone`, weekly on a `weekday`."""

    period: DigestPeriod
    at: time = time(8)
    weekday: str = WEEKDAYS[0]
    zone: ZoneInfo = ZoneInfo("UTC")

    def __str__(self) -> str:
        """Return it in words, `weekly monday 08:00 Europe/Berlin`: digests with equal words are one."""
        if self.period is DigestPeriod.HOURLY:
            return f"{self.period} {self.zone.key}"
        day = f" {self.weekday}" if self.period is DigestPeriod.WEEKLY else ""
        return f"{self.period}{day} {self.at:%H:%M} {self.zone.key}"

    def find_next(self, now: datetime) -> datetime:
        """Return the first time after an aware one, in UTC.

        A time that the clocks skip in spring is one hour later on that day (02:30 is 03:30); of a time that they show
        twice in autumn, the first counts. So each day has one digest.
        """
        local = now.astimezone(self.zone)
        if self.period is DigestPeriod.HOURLY:
            # Some zones differ from UTC by half an hour, so their hours do not begin with those of UTC.
            past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
            return now.astimezone(UTC) + _HOUR - past
        day = local.date()
        while True:
            if self.period is DigestPeriod.DAILY or day.weekday() == WEEKDAYS.index(self.weekday):
                due = datetime.combine(day, self.at, self.zone).astimezone(UTC)
                if due > now:
                    return due
            day += timedelta(days=1)
