"""operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from watcher.core.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why a release is not believed yet. `code` is stable snake_case, `numbers` is what the sentence was made from.

    `where` names the places that show it, where there are such; not all, if there are many.
    """

    code: str
    sentence: str
    numbers: Mapping[str, int | str] = field(default_factory=dict)
    where: tuple[str, ...] = ()


class HoldState(StrEnum):
    """What became of a release that was held."""

    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A release that a check was served and that is not believed: the history knows nothing of it.

    `digest` is its canonical content, `sha256` the first of its snapshots. `first_seen` is when this hold began,
    `times` counts the checks that were served it, `in_a_row` those since anything else was served. `decided` is when
    and `by` how the state was left: `operator`, `confirmed`, `import`, `undoubted` (a check saw no reason any more),
    or `newer` (what superseded it). Times are UTC.
    """

    source: str
    digest: str
    sha256: str
    published: str | None
    entries: int
    reasons: tuple[Reason, ...]
    first_seen: str
    last_seen: str
    times: int = 1
    in_a_row: int = 1
    state: HoldState = HoldState.HELD
    decided: str | None = None
    by: str | None = None

    @property
    def id(self) -> str:
        """The id that the release has, or will have."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that befell the watcher itself, for those who run it.

    `id` is a stable kebab-case name; `subject` says what exactly it is about: nobody is told of one subject twice.
    `details` is plain data; `at` a UTC time.
    """

    id: str
    severity: Severity
    source: str
    subject: str
    summary: str
    details: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one recipient of one channel: a row of the outbox.

    `id` is the same over every retry and restart. `body` is what is sent, rendered when the release was committed
    (JSON for a webhook; for e-mail a JSON object with `subject`, `text` and `html`). It begins in `state`: `pending`,
    `gathering` (to become part of a digest) or `silenced` (kept, not sent), and is due `after` a UTC time, or at once.
    """

    id: str
    channel: str
    recipient: str
    source: str
    release: str
    body: str
    created: str
    attempts: int = 0
    state: str = "pending"
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelFailure:
    """An other side that does not take what is sent to it: a channel, or (`recipient`) one address of a channel.

    `failures` counts failed tries in a row, the first of them at `since`. `told` is when the operators were told of it,
    `gone` when it said that it takes nothing any more. Times are UTC.
    """

    channel: str
    recipient: str
    failures: int
    since: str
    last_error: str
    told: str | None = None
    gone: str | None = None


WATCHER = "watcher"  # what a notice names as its source where it is about no source


# A server's clear word that the document is not there, or not for us: 404 and 410, 401, 403 and 451.
GONE_REASONS = ("not_found", "denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStreak:
    """How the last checks of a source went.

    `last` and `success` are the UTC times of the last attempt and of the last that did not fail; `failures` counts
    those since, the first of them at `failing_since`; `gone` counts the newest of them for which the server said that
    there is nothing. `reason` and `message` are the last failure's.
    """

    source: str
    last: str | None = None
    success: str | None = None
    failures: int = 0
    gone: int = 0
    failing_since: str | None = None
    reason: str | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAlarm:
    """An alarm that was raised and not called off: the notice's id, the source, and since when there was a reason."""

    source: str
    notice: str
    since: str


# id → how much it matters
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
    "channel-broken": Severity.WARNING,
    "channel-disabled": Severity.WARNING,
    "channel-recovered": Severity.NOTICE,
    "recipient-refused": Severity.WARNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the order looks at. `observed` is a UTC time in ISO 8601; `live`: in a check of our own."""

    digest: str
    published: str | None
    observed: str | None
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRelease:
    """A release in its order; `dated` is the day (`YYYY-MM-DD`) it counts for when a date is asked for."""

    digest: str
    dated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How an order ends: its last release, and of all `count` of them the newest observation and the latest live day.

    "" stands for none.
    """

    count: int
    digest: str
    dated: str
    observed: str | None
    newest: str
    live: str
