"""The events that operators acknowledged, each with a note. A rebuild keeps them: they name events by fingerprint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from watcher.core.operations import Acknowledgement

if TYPE_CHECKING:
    from watcher.store.base import Database

_COLUMNS = "source, fingerprint, note, at"


class AcknowledgementsTable:
    """The table `acknowledgements`. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def record(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Insert acknowledgements, each in place of an earlier one of the same event."""
        self._db.executemany(
            f"""INSERT INTO acknowledgements ({_COLUMNS}) VALUES (?, ?, ?, ?)
            ON CONFLICT (source, fingerprint) DO UPDATE SET note = excluded.note, at = excluded.at""",  # noqa: S608 - a constant
            [(one.source, one.fingerprint, one.note, one.at) for one in acknowledgements],
        )

    def remove(self, events: Iterable[tuple[str, str]]) -> int:
        """Delete the acknowledgements of events by source and fingerprint; return how many there were."""
        statement = "DELETE FROM acknowledgements WHERE source = ? AND fingerprint = ?"
        return sum(self._db.execute(statement, event).rowcount for event in events)

    def read_all(self) -> Mapping[tuple[str, str], Acknowledgement]:
        """Return every acknowledgement, by source and fingerprint of its event."""
        if not self._has_table():
            return {}
        rows = self._db.execute(f"SELECT {_COLUMNS} FROM acknowledgements")  # noqa: S608 - a constant
        return {row[:2]: Acknowledgement(source=row[0], fingerprint=row[1], note=row[2], at=row[3]) for row in rows}

    def count(self) -> int:
        if not self._has_table():
            return 0
        return int(self._db.execute("SELECT count(*) FROM acknowledgements").fetchone()[0])

    def _has_table(self) -> bool:
        """Return whether the history has the table: one that is opened read-only may be of an older version."""
        return self._db.list_columns("acknowledgements") != []
