"""The data types of operation: holds, notices, deliveries, failures, alarms, and the order of releases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from watcher.core.model import Severity
from watcher.core.texts import LONGEST_ERROR, cut_details, cut_list, cut_text

_NOTICE_LENGTH = 8_000  # characters of the details, written in ASCII
_NOTICE_LIMITS = ((20, 500), (10, 200), (3, 80))  # items of a list and characters of a text, until the details fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason to hold a release."""

    code: str  # stable snake_case
    sentence: str
    numbers: Mapping[str, int | str] = field(default_factory=dict)  # the facts in the sentence
    where: tuple[str, ...] = ()  # places in the release that show it; if there are many, only some

    def __post_init__(self) -> None:
        """Cut what a document of megabytes says: reasons are stored, shown and sent."""
        object.__setattr__(self, "sentence", cut_text(self.sentence, LONGEST_ERROR))
        object.__setattr__(self, "numbers", cut_details(self.numbers))
        object.__setattr__(self, "where", cut_list(self.where))


class HoldState(StrEnum):
    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An operational alert: something about the watcher itself, for the operators."""

    id: str  # stable kebab-case
    source: str
    subject: str  # the occasion; one notice is sent for each
    summary: str
    details: Mapping[str, Any]  # plain data
    at: str  # a UTC time

    def __post_init__(self) -> None:
        """Cut the texts, so that a notice in any form has less than 20 kB."""
        object.__setattr__(self, "summary", cut_text(self.summary, LONGEST_ERROR))
        object.__setattr__(self, "subject", cut_text(self.subject, LONGEST_ERROR))
        for most, longest in _NOTICE_LIMITS:
            details = cut_details(self.details, most, longest)
            if len(json.dumps(details)) <= _NOTICE_LENGTH:
                break
        object.__setattr__(self, "details", details)

    @property
    def severity(self) -> Severity:
        return NOTICES[self.id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFailure:
    """A channel that fails or, if `recipient` is set, one of its addresses. Times are UTC."""

    channel: str
    recipient: str
    failures: int  # failed attempts in a row
    since: str  # the first of them
    last_error: str
    alerted: str | None = None  # when the operators were
    disabled: str | None = None  # when its server said that it accepts nothing any more


WATCHER = "watcher"  # the source of a notice that is not about a source
HEARTBEAT_ALARM = "watcher:heartbeat"  # the source of the alarm that a heartbeat is answered and not counted
# The server's statement that the document does not exist (404, 410) or is not for us (401, 403, 451).
GONE_REASONS = ("not_found", "denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStreak:
    """The failures since the last successful check of a source. Times are UTC."""

    source: str
    last: str | None = None  # the last check
    success: str | None = None  # the last check that did not fail
    failures: int = 0  # since then
    gone: int = 0  # of the failures, the newest in a row that have one of GONE_REASONS
    failing_since: str | None = None  # the first of the failures
    reason: str | None = None  # of the last failure, as `message`
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlarm:
    """An alarm that was raised and not cleared: its source, the id of its notice, and since when there is a reason."""

    source: str
    notice: str
    since: str


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
    "settings-changed": Severity.NOTICE,
    "channel-broken": Severity.WARNING,
    "channel-disabled": Severity.WARNING,
    "channel-recovered": Severity.NOTICE,
    "recipient-refused": Severity.WARNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The facts that a release is ordered by. `observed` is a UTC time; `live`: one of our checks was served it.

    `named` orders imported releases of one day: the UTC time that the file or folder is named after ("" without one),
    `/`, the name, `/`, its folder; or the place of the commit, a UTC time and a number. `sequence` numbers the releases
    that checks were served, in the order in which they were: clocks jump. None: imported, or of an older version.
    """

    digest: str
    published: str | None
    observed: str | None
    live: bool
    named: str | None = None
    sequence: int | None = None

    @property
    def seen(self) -> str:
        """The text that orders releases of one day: the name of an import, else the time of observation."""
        return (None if self.live else self.named) or self.observed or ""


def earliest_sequence(*numbers: int | None) -> int | None:
    """Return the `Label.sequence` of a release with several copies: the smallest."""
    return min((number for number in numbers if number is not None), default=None)


def earliest_name(*names: str | None) -> str | None:
    """Return the `Label.named` that counts for a release with several copies: the earliest of those with a time."""
    return min(filter(None, names), key=lambda name: (name.startswith("/"), name), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRelease:
    """A release in the order, with the day (`YYYY-MM-DD`) that it counts for."""

    digest: str
    dated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The last release of a source, and the facts about all of them that show whether a new one comes after it."""

    count: int  # of all releases
    digest: str
    dated: str
    seen: str  # `Label.seen` of the last release
    newest: str  # the latest observation of any release; "" if none was observed
    live: str  # the latest day of a live release; "" if none is live
    sequence: int | None = None  # the greatest `Label.sequence`
    derivations: int = 0  # how often the history was derived again
