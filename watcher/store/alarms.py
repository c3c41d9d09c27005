"""The open alarms: the operators were alerted, and the reason lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from watcher.core.check_results import OpenAlarm

if TYPE_CHECKING:
    from watcher.store.base import Database


class AlarmsTable:
    """The table `troubles`. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def list_alarms(self) -> list[OpenAlarm]:
        """Return every open alarm, by source."""
        rows = self._db.query("SELECT source, notice, since FROM troubles ORDER BY source, notice")
        return [OpenAlarm(**row) for row in rows]

    def list_alarms_of(self, source: str) -> list[OpenAlarm]:
        """Return the open alarms of a source."""
        rows = self._db.query("SELECT source, notice, since FROM troubles WHERE source = ? ORDER BY notice", [source])
        return [OpenAlarm(**row) for row in rows]

    def add_alarm(self, alarm: OpenAlarm) -> None:
        """Insert an open alarm; one that is open already stays as it is."""
        self._db.execute(
            "INSERT INTO troubles (source, notice, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [alarm.source, alarm.notice, alarm.since],
        )

    def clear_alarms(self, source: str) -> None:
        """Delete the alarms of a source, because their reason has ended."""
        self._db.execute("DELETE FROM troubles WHERE source = ?", [source])
