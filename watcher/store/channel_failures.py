"""How the other sides of the channels do: what fails, since when, and what its operators were told. Decides nothing."""

from __future__ import annotations

from watcher.core.operations import ChannelFailure
from watcher.store.database import Database

_COLUMNS = "channel, recipient, failures, since, last_error, told, gone"


class ChannelFailuresTable:
    """Write and ask how endpoints do, in the caller's transaction. One that is well is not here."""

    def __init__(self, database: Database) -> None:
        self._db = database.db

    def record_failure(self, channel: str, recipient: str, error: str, at: str) -> ChannelFailure:
        """Count a failed try and return how the endpoint stands now."""
        self._db.execute(
            """INSERT INTO endpoints (channel, recipient, failures, since, last_error) VALUES (:channel, :recipient, 1,
            :at, :error) ON CONFLICT DO UPDATE SET failures = failures + 1, last_error = excluded.last_error""",
            {"channel": channel, "recipient": recipient, "error": error, "at": at},
        )
        return next(each for each in self.list_failures_of(channel) if each.recipient == recipient)

    def record_alert(self, endpoint: ChannelFailure, at: str) -> None:
        """Remember that the operators were told."""
        self._db.execute(
            "UPDATE endpoints SET told = ? WHERE channel = ? AND recipient = ?",
            [at, endpoint.channel, endpoint.recipient],
        )

    def disable_channel(self, channel: str, at: str) -> None:
        """Remember that a failing channel takes nothing any more: nothing of it is due from now on."""
        self._db.execute("UPDATE endpoints SET gone = ? WHERE channel = ? AND recipient = ''", [at, channel])

    def clear_recovered(self, channel: str, recipient: str) -> list[ChannelFailure]:
        """Forget what was wrong with a channel and with one of its recipients, and return it."""
        found = [each for each in self.list_failures_of(channel) if each.recipient in ("", recipient)]
        if found:
            self._db.execute("DELETE FROM endpoints WHERE channel = ? AND recipient IN ('', ?)", [channel, recipient])
        return found

    def clear_channel(self, channel: str) -> bool:
        """Forget all that was wrong with a channel; return whether there was anything."""
        return self._db.execute("DELETE FROM endpoints WHERE channel = ?", [channel]).rowcount > 0

    def list_failures_of(self, channel: str) -> list[ChannelFailure]:
        """Return what is wrong with a channel."""
        return [each for each in self.list_failures() if each.channel == channel]

    def list_failures(self) -> list[ChannelFailure]:
        """Return everything that is not well, by channel and recipient."""
        rows = self._db.query(f"SELECT {_COLUMNS} FROM endpoints ORDER BY channel, recipient")  # noqa: S608 - constant
        return [ChannelFailure(**row) for row in rows]
