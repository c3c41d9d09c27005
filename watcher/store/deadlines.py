"""The early allocations of all sources, and the marks of their deadlines that have passed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import asdict

from watcher.core.model import Item, Section
from watcher.store.stored_items import decode_item

if TYPE_CHECKING:
    from watcher.store.base import Database

_WORD = "temporary"  # in every remark about an early allocation (registries/shared/remarks.py)


class StandingItem(Struct, frozen=True, kw_only=True):
    """An entry of a newest release that may be an early allocation.

    `live`: a check was served the release that began this state, at `observed`.
    """

    source: str
    item: Item
    live: bool
    observed: str | None


class DeadlineMark(Struct, frozen=True, kw_only=True):
    """One mark that an early allocation has passed: `mark` days before `until`, or 0: the day itself."""

    source: str
    registry: str
    value: str
    until: str
    mark: int


class DeadlinesTable:
    """The tables `deadline_runs` and `deadline_marks`. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find_candidates(self, sources: Sequence[str] | None = None) -> list[StandingItem]:
        """Return the entries of newest releases that have the word "temporary", by source; None: of all sources."""
        rows = self._db.query(
            """SELECT sources.name AS source, versions.section, key, status, versions.fields, live, observed
            FROM versions_fts JOIN versions ON versions.id = versions_fts.rowid
            JOIN sources ON sources.id = versions.source_id
            JOIN releases ON releases.source_id = versions.source_id AND releases.place = versions.first
            WHERE versions_fts MATCH :word AND versions.until IS NULL AND section = :section
              AND (CAST(:sources AS TEXT) IS NULL OR sources.name IN (SELECT value FROM json_each(:sources)))
            ORDER BY sources.name, versions.id""",
            {
                "word": _WORD,
                "section": str(Section.ENTRY),
                "sources": None if sources is None else json.dumps(list(sources)),
            },
        )
        return [
            StandingItem(
                source=row["source"],
                item=decode_item(row["section"], row["key"], row["status"], row["fields"]),
                live=bool(row["live"]),
                observed=row["observed"],
            )
            for row in rows
        ]

    def read_runs(self) -> dict[str, str]:
        """Return when each source was last compared with the calendar."""
        return {str(source): str(at) for source, at in self._db.execute("SELECT source, at FROM deadline_runs")}

    def record_runs(self, sources: Iterable[str], at: str) -> None:
        """Record that sources were compared with the calendar at a UTC time."""
        self._db.executemany(
            "INSERT INTO deadline_runs VALUES (?, ?) ON CONFLICT (source) DO UPDATE SET at = excluded.at",
            [(source, at) for source in sources],
        )

    def list_marks(self) -> set[DeadlineMark]:
        """Return every recorded mark."""
        rows = self._db.query("SELECT source, registry, value, until, mark FROM deadline_marks")
        return {DeadlineMark(**row) for row in rows}

    def record_marks(self, marks: Mapping[DeadlineMark, bool], at: str) -> None:
        """Record marks that were passed, each with whether subscribers were alerted; one that is there stays."""
        self._db.executemany(
            """INSERT INTO deadline_marks (source, registry, value, until, mark, at, alerted)
            VALUES (:source, :registry, :value, :until, :mark, :at, :alerted) ON CONFLICT DO NOTHING""",
            [{**asdict(mark), "at": at, "alerted": int(alerted)} for mark, alerted in marks.items()],
        )
