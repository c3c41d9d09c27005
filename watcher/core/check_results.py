"""The recent checks of a source, and the alarm that they raised."""

from __future__ import annotations

from msgspec import Struct

# The server's statement that the document does not exist (404, 410) or is not for us (401, 403, 451).
GONE_REASONS = ("not_found", "denied")


class CheckStreak(Struct, frozen=True, kw_only=True):
    """The failures since the last successful check of a source. Times are UTC."""

    source: str
    last: str | None = None  # the last check
    success: str | None = None  # the last check that did not fail
    failures: int = 0  # since then
    gone: int = 0  # of the failures, the newest in a row that have one of GONE_REASONS
    failing_since: str | None = None  # the first of the failures
    reason: str | None = None  # of the last failure, as `message`
    message: str | None = None


class OpenAlarm(Struct, frozen=True, kw_only=True):
    """An alarm that was raised and not cleared: its source, the id of its notice, and since when there is a reason."""

    source: str
    notice: str
    since: str
