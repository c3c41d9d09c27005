"""The channels and recipients that fail, since when, and whether the operators were alerted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.core.operations import ChannelFailure

if TYPE_CHECKING:
    from watcher.store.base import Database

_COLUMNS = "channel, recipient, failures, since, last_error, told AS alerted, gone AS disabled"


class ChannelFailuresTable:
    """The table `endpoints`, which has only failing ones. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def record_failure(self, channel: str, recipient: str, error: str, at: str) -> ChannelFailure:
        """Count a failed attempt and return the failure as it is now."""
        self._db.execute(
            """INSERT INTO endpoints (channel, recipient, failures, since, last_error) VALUES (:channel, :recipient, 1,
            :at, :error) ON CONFLICT (channel, recipient) DO UPDATE SET failures = endpoints.failures + 1,
            last_error = excluded.last_error""",
            {"channel": channel, "recipient": recipient, "error": error, "at": at},
        )
        return next(failure for failure in self.list_failures_of(channel) if failure.recipient == recipient)

    def record_alert(self, failure: ChannelFailure, at: str) -> None:
        """Record that the operators were alerted."""
        self._db.execute(
            "UPDATE endpoints SET told = ? WHERE channel = ? AND recipient = ?",
            [at, failure.channel, failure.recipient],
        )

    def disable_channel(self, channel: str, at: str) -> None:
        """Disable a failing channel: nothing on it is due from now on."""
        self._db.execute("UPDATE endpoints SET gone = ? WHERE channel = ? AND recipient = ''", [at, channel])

    def clear_recovered(self, channel: str, recipient: str) -> list[ChannelFailure]:
        """Delete the failures of a channel as a whole and of one recipient, and return them."""
        failures = [failure for failure in self.list_failures_of(channel) if failure.recipient in ("", recipient)]
        if failures:
            self._db.execute("DELETE FROM endpoints WHERE channel = ? AND recipient IN ('', ?)", [channel, recipient])
        return failures

    def clear_channel(self, channel: str) -> bool:
        """Delete all failures of a channel; return whether there were any."""
        return self._db.execute("DELETE FROM endpoints WHERE channel = ?", [channel]).rowcount > 0

    def list_failures_of(self, channel: str) -> list[ChannelFailure]:
        """Return the failures of a channel."""
        return [failure for failure in self.list_failures() if failure.channel == channel]

    def list_failures(self) -> list[ChannelFailure]:
        """Return all failures, by channel and recipient."""
        rows = self._db.query(f"SELECT {_COLUMNS} FROM endpoints ORDER BY channel, recipient")  # noqa: S608 - constant
        return [ChannelFailure(**row) for row in rows]
