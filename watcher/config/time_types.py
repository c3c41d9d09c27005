"""The types of durations and times in the configuration."""

from __future__ import annotations

import re
from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, PlainSerializer, WithJsonSchema

from watcher.core.times import parse_duration

_FIRST_YEAR, _LAST_YEAR = 1970, 9998


def _duration(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    return parse_duration(value if isinstance(value, str) else "")


def _moment(value: datetime) -> datetime:
    if not _FIRST_YEAR <= value.year <= _LAST_YEAR:
        raise ValueError(f"must be a time in the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return value


def _interval(value: timedelta) -> timedelta:
    if value < timedelta(minutes=1):
        raise ValueError("must be at least one minute (1m): registries change every few days")
    return value


def _positive(value: timedelta) -> timedelta:
    if value < timedelta(seconds=1):
        raise ValueError("must be at least one second (1s)")
    return value


def _clock_time(value: object) -> object:
    if isinstance(value, str) and re.fullmatch("([01][0-9]|2[0-3]):[0-5][0-9]", value):
        return time.fromisoformat(value)
    if isinstance(value, time) and value.tzinfo is None and not value.second and not value.microsecond:
        return value
    raise ValueError("must be a time, HH:MM, such as 08:00")


def _time_zone(value: object) -> object:
    try:
        return ZoneInfo(value) if isinstance(value, str) else value
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{value!r} is not a time zone of this machine; write Europe/Berlin or UTC") from None


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(lambda value: f"{int(value.total_seconds())}s"),
    WithJsonSchema({"type": "string", "description": "30s, 15m, 6h, 2d, 1w or a combination, 1h30m"}),
]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Interval = Annotated[Duration, AfterValidator(_interval)]
PositiveDuration = Annotated[Duration, AfterValidator(_positive)]
ClockTime = Annotated[
    time,
    BeforeValidator(_clock_time),
    PlainSerializer(lambda value: f"{value:%H:%M}"),
    WithJsonSchema({"type": "string", "description": "HH:MM"}),
]
TimeZone = Annotated[
    ZoneInfo,
    BeforeValidator(_time_zone),
    PlainSerializer(lambda value: value.key),
    WithJsonSchema({"type": "string", "description": "a name of the time zone database: Europe/Berlin"}),
]
