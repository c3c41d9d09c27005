"""The alarms that stand: told to the operators and not called off yet."""

from __future__ import annotations

from watcher.core.operations import OpenAlarm
from watcher.store.database import Database


class AlarmsTable:
    """Write and ask what stands. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database.db

    def list_alarms(self) -> list[OpenAlarm]:
        """Return every alarm that stands, by source."""
        rows = self._db.query("SELECT source, notice, since FROM troubles ORDER BY source, notice")
        return [OpenAlarm(**row) for row in rows]

    def list_alarms_of(self, source: str) -> list[OpenAlarm]:
        """Return the alarms that stand for a source."""
        rows = self._db.query("SELECT source, notice, since FROM troubles WHERE source = ? ORDER BY notice", [source])
        return [OpenAlarm(**row) for row in rows]

    def add_alarm(self, trouble: OpenAlarm) -> None:
        """Remember an alarm; one that stands already is left alone."""
        self._db.execute(
            "INSERT INTO troubles (source, notice, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [trouble.source, trouble.notice, trouble.since],
        )

    def clear_alarms(self, source: str) -> None:
        """Forget the alarms of a source: they are called off."""
        self._db.execute("DELETE FROM troubles WHERE source = ?", [source])
