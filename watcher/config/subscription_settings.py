"""The tables of the configuration that select events: [[subscription]] and [[ignore]]."""

from __future__ import annotations

from datetime import time
from typing import Any, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StrictBool, model_validator

from watcher.config.table import SettingsTable
from watcher.config.time_types import ClockTime, Moment, TimeZone
from watcher.config.value_types import DocumentName, MailAddress, Name, PortRange
from watcher.core.digest_schedule import DigestPeriod, DigestSchedule
from watcher.core.event_filter import FILTERS, EventFilter, IgnoreRule
from watcher.core.model import Kind, Severity
from watcher.core.times import to_text

_SCHEDULE = ("at", "weekday", "timezone")


class FilterSettings(SettingsTable):
    """The filters for events. They are combined with AND, the values of one with OR."""

    sources: tuple[str, ...] = Field(("*",), description="globs of source names")
    events: tuple[str, ...] = Field(("*",), description="globs of event ids")
    kinds: tuple[Kind, ...] = Field((), description="what happened to the entry; empty: anything")
    severity: Severity = Field(Severity.INFO, description="the lowest severity")
    ports: tuple[PortRange, ...] = Field((), description="443, 8000-8100; empty: any port or none")
    protocols: tuple[str, ...] = Field((), description="tcp, udp, sctp, dccp; empty: any or none")
    entries: tuple[str, ...] = Field((), description="globs of service names, entry names and values, in any case")
    contacts: tuple[str, ...] = Field(
        (), description="assignees and contacts: globs, or a part of what the entry or contact says"
    )
    references: tuple[DocumentName, ...] = Field((), description="documents of the entries: RFC9350, draft-ietf-…")
    text: tuple[str, ...] = Field((), description="words in the event or its entries; all words of one value occur")
    inventory: str = Field("", description="the name of an [[inventory]]: only what is in it")

    @property
    def filter(self) -> EventFilter:
        return EventFilter.from_table({name: getattr(self, name) for name in FILTERS})


class SubscriptionSettings(FilterSettings):
    """[[subscription]]: who receives which events, at once or as a digest (docs/subscriptions.md)."""

    name: Name
    channels: tuple[str, ...] = Field((), description="the channels; without recipients: all of theirs")
    recipients: tuple[MailAddress, ...] = Field(
        (), description="mail addresses, over the e-mail channel in `channels` or the one that lists them"
    )
    digest: Literal["channel", "at-once", "hourly", "daily", "weekly"] = Field(
        "channel", description="when: as the channel's own `digest` says, at once, or as a digest"
    )
    at: ClockTime = Field(time(8), description="of a daily or weekly digest: the time, HH:MM")
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = Field(
        "monday", description="of a weekly digest: the day"
    )
    timezone: TimeZone = Field(ZoneInfo("UTC"), description="of a digest: whose clocks; Europe/Berlin")
    enabled: StrictBool = Field(True, description="false: select nothing")

    @model_validator(mode="after")
    def _has_somebody(self) -> SubscriptionSettings:
        if not (self.channels or self.recipients):
            raise ValueError("must name channels or recipients")
        used = {"daily": ("at", "timezone"), "weekly": _SCHEDULE, "hourly": ("timezone",)}.get(self.digest, ())
        if unused := [name for name in _SCHEDULE if name in self.model_fields_set and name not in used]:
            raise ValueError(f"{unused[0]} has no meaning with digest = {self.digest!r}")
        return self

    @property
    def schedule(self) -> DigestSchedule | None:
        """The times of its digests; None if it has no schedule of its own."""
        if self.digest in ("channel", "at-once"):
            return None
        return DigestSchedule(period=DigestPeriod(self.digest), at=self.at, weekday=self.weekday, zone=self.timezone)


class IgnoreSettings(FilterSettings):
    """[[ignore]]: events that need no attention: they are kept and shown with the reason, and not sent."""

    reason: str = Field(min_length=1, max_length=500, description="why, for those who read the history")
    until: Moment | None = Field(None, description="the time up to which it applies; unset: always")

    @model_validator(mode="before")
    @classmethod
    def _narrows(cls, values: Any) -> Any:
        if isinstance(values, dict) and not {*FILTERS}.intersection(values):
            raise ValueError("must have a filter: without one it would ignore every event")
        return values

    @property
    def rule(self) -> IgnoreRule:
        return IgnoreRule(filter=self.filter, reason=self.reason, until=to_text(self.until) if self.until else "")
