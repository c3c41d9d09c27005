"""The data types of operation: holds, notices, deliveries and channels that fail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct, field
from msgspec.structs import force_setattr

from watcher.core.model import Severity
from watcher.core.texts import LONGEST_ERROR, cut_details, cut_list, cut_text

_NOTICE_LENGTH = 8_000  # characters of the details, written in ASCII
_NOTICE_LIMITS = ((20, 500), (10, 200), (3, 80))  # items of a list and characters of a text, until the details fit


class Reason(Struct, frozen=True, kw_only=True):
    """One reason to hold a release."""

    code: str  # stable snake_case
    sentence: str
    numbers: Mapping[str, int | str] = field(default_factory=dict)  # the facts in the sentence
    where: tuple[str, ...] = ()  # places in the release that show it; if there are many, only some

    def __post_init__(self) -> None:
        """Cut what a document of megabytes says: reasons are stored, shown and sent."""
        force_setattr(self, "sentence", cut_text(self.sentence, LONGEST_ERROR))
        force_setattr(self, "numbers", cut_details(self.numbers))
        force_setattr(self, "where", cut_list(self.where))


class HoldState(StrEnum):
    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


class Hold(Struct, frozen=True, kw_only=True):
    """A release that a check was served and that is held back from the history. Times are UTC."""

    source: str
    digest: str  # of its canonical content
    sha256: str  # of its first snapshot
    published: str | None
    entries: int
    reasons: tuple[Reason, ...]
    first_seen: str  # when this hold began
    last_seen: str
    times: int = 1  # checks that were served it
    in_a_row: int = 1  # those since the last check that was served another release
    state: HoldState = HoldState.HELD
    decided: str | None = None  # when it left the state `held`
    by: str | None = None  # operator, confirmed, import, undoubted (the reasons ended) or newer (superseded by it)

    @property
    def id(self) -> str:
        return self.digest[:12]


class Notice(Struct, frozen=True, kw_only=True):
    """An operational alert: something about the watcher itself, for the operators."""

    id: str  # stable kebab-case
    source: str
    subject: str  # the occasion; one notice is sent for each
    summary: str
    details: Mapping[str, Any]  # plain data
    at: str  # a UTC time

    def __post_init__(self) -> None:
        """Cut the texts, so that a notice in any form has less than 20 kB."""
        force_setattr(self, "summary", cut_text(self.summary, LONGEST_ERROR))
        force_setattr(self, "subject", cut_text(self.subject, LONGEST_ERROR))
        for most, longest in _NOTICE_LIMITS:
            details = cut_details(self.details, most, longest)
            if len(json.dumps(details)) <= _NOTICE_LENGTH:
                break
        force_setattr(self, "details", details)

    @property
    def severity(self) -> Severity:
        return NOTICES[self.id]


class Delivery(Struct, frozen=True, kw_only=True):
    """One message for one recipient of one channel: a row of the outbox."""

    id: str  # the same over every retry and restart
    channel: str
    recipient: str
    source: str
    release: str
    body: str  # what is sent; JSON for a webhook, and for e-mail JSON with `subject`, `text` and `html`
    created: str
    attempts: int = 0
    state: str = "pending"  # the first one; also `gathering` (for a digest) or `silenced` (stored, not sent)
    after: str = ""  # the UTC time from which it is due; empty: at once
    schedule: str = ""  # of a digest: those of one schedule are sent as one; empty: that of the channel


class ChannelFailure(Struct, frozen=True, kw_only=True):
    """A channel that fails or, if `recipient` is set, one of its addresses. Times are UTC."""

    channel: str
    recipient: str
    failures: int  # failed attempts in a row
    since: str  # the first of them
    last_error: str
    alerted: str | None = None  # when the operators were
    disabled: str | None = None  # when its server said that it accepts nothing any more


class Acknowledgement(Struct, frozen=True, kw_only=True):
    """The note of an operator who has seen an event, and the UTC time."""

    source: str
    fingerprint: str
    note: str
    at: str


WATCHER = "watcher"  # the source of a notice that is not about a source
HEARTBEAT_ALARM = "watcher:heartbeat"  # the source of the alarm that heartbeats are answered, not counted


# notice id → severity
NOTICES: Mapping[str, Severity] = {
    "release-held": Severity.WARNING,
    "release-accepted": Severity.NOTICE,
    "release-rejected": Severity.INFO,
    # made in watcher/monitor/health.py
    "source-unhealthy": Severity.WARNING,
    "source-gone": Severity.WARNING,
    "source-recovered": Severity.NOTICE,
    "nothing-checked": Severity.WARNING,
    "checked-again": Severity.NOTICE,
    "clock-jumped": Severity.WARNING,
    "check-skipped": Severity.WARNING,
    "config-refused": Severity.WARNING,
    "inventory-unreadable": Severity.WARNING,
    "inventory-readable": Severity.NOTICE,
    "settings-changed": Severity.NOTICE,
    "channel-broken": Severity.WARNING,
    "channel-disabled": Severity.WARNING,
    "channel-recovered": Severity.NOTICE,
    "recipient-refused": Severity.WARNING,
}
