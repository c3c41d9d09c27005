"""The data types of operation: holds, notices, deliveries, failures, alarms, and what the order of releases needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from watcher.core.model import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One reason to hold a release. `code` is stable snake_case; `numbers` are the facts in the sentence.

    `where` names places in the release that show it; if there are many, only some.
    """

    code: str
    sentence: str
    numbers: Mapping[str, int | str] = field(default_factory=dict)
    where: tuple[str, ...] = ()


class HoldState(StrEnum):
    """The state of a hold."""

    HELD = "held"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A release that a check was served and that is held back from the history.

    `digest` is that of its canonical content, `sha256` that of its first snapshot. `first_seen` is when this hold
    began. `times` counts the checks that were served it, `in_a_row` those since the last check that was served another
    release. `decided` is when it left the state `held`, and `by` why: `operator`, `confirmed`, `import`, `undoubted`
    (a check found no reason any more), or `newer` (a newer release superseded it). Times are UTC.
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
        """The id of the release."""
        return self.digest[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An operational alert: something about the watcher itself, for the operators.

    `id` is a stable kebab-case name. `subject` identifies the occasion: each is sent once. `details` is plain data;
    `at` is a UTC time.
    """

    id: str
    source: str
    subject: str
    summary: str
    details: Mapping[str, Any]
    at: str

    @property
    def severity(self) -> Severity:
        """Return the severity of all notices with its id."""
        return NOTICES[self.id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message for one recipient of one channel: a row of the outbox.

    `id` is the same over every retry and restart. `body` is what is sent, rendered when the release was committed
    (JSON for a webhook; for e-mail a JSON object with `subject`, `text` and `html`). Its first `state` is `pending`,
    `gathering` (waits for a digest) or `silenced` (stored, not sent). It is due at the UTC time `after`, or at once.
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
    """A channel that fails or, if `recipient` is set, one of its addresses.

    `failures` counts failed attempts in a row, the first of them at `since`. `told` is when the operators were alerted,
    `gone` when the channel was disabled because its server said that it accepts nothing any more. Times are UTC.
    """

    channel: str
    recipient: str
    failures: int
    since: str
    last_error: str
    told: str | None = None
    gone: str | None = None


WATCHER = "watcher"  # the source of a notice that is not about a source


# The server's statement that the document does not exist (404, 410) or is not for us (401, 403, 451).
GONE_REASONS = ("not_found", "denied")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckStreak:
    """The failures since the last successful check of a source.

    `last` and `success` are the UTC times of the last check and of the last that did not fail. `failures` counts those
    since, the first of them at `failing_since`; `gone` counts how many of them, without a break until now, have one of
    GONE_REASONS. `reason` and `message` are the last failure's.
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
    "channel-broken": Severity.WARNING,
    "channel-disabled": Severity.WARNING,
    "channel-recovered": Severity.NOTICE,
    "recipient-refused": Severity.WARNING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """The facts that a release is ordered by. `observed` is a UTC time; `live`: one of our checks was served it.

    `named` is the time that its file or folder is named after, or the place of its commit (`Candidate`).
    """

    digest: str
    published: str | None
    observed: str | None
    live: bool
    named: str | None = None

    @property
    def seen(self) -> str:
        """What orders releases of one day: for an import its name, if it has one; else when it was observed."""
        return (None if self.live else self.named) or self.observed or ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedRelease:
    """A release in the order, with the day (`YYYY-MM-DD`) that it counts for."""

    digest: str
    dated: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The end of an order: its last release, and of all `count` releases the newest observation and latest live day.

    `seen` is that of the last release's label. `newest` and `live` are "" if no release has one.
    """

    count: int
    digest: str
    dated: str
    seen: str
    newest: str
    live: str
