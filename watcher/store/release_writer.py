"""Writes the history of one source: releases, their snapshots, item states, changes and events.

Contents and differences are handed in; nothing is computed here. A release is inserted between its two neighbours: only
the rows of items that differ there change, and the changes of the release after it are written again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict, replace

from watcher.core.release_order import Ending, Label, earliest_name, earliest_sequence
from watcher.store.change_writer import ChangeWriter
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import IndexedRegistry, Neighbour, NewRelease, Transition
from watcher.store.stored_items import JSON
from watcher.store.version_writer import VersionWriter

if TYPE_CHECKING:
    from watcher.store.base import Database

_PLACE_STEP = 1 << 32  # between two releases, so that 32 older ones fit between them before places are spread


class HistoryWriter:
    """The write side of the history of one source. Everything is written in the caller's transaction."""

    def __init__(self, database: Database, source: str, registry: IndexedRegistry, *, is_group: bool = False) -> None:
        """`is_group`: entries that a release removes or adds are recorded to be found in other groups."""
        self._db = database
        self._is_group = is_group
        self._registry = registry
        self._source = source
        self._source_id: int | None = None

    def ensure_source(self) -> int:
        """Return the source's row; insert it if needed."""
        if (row := self._find_source()) is not None:
            return row
        self._db.execute(
            "INSERT INTO sources (name, registry, rules) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
            [self._source, self._registry.id, self._registry.rules_version],
        )
        return int(self._query_value("SELECT id FROM sources WHERE name = ?", self._source))

    def _find_source(self) -> int | None:
        if self._source_id is not None:
            return self._source_id
        row: int | None = self._query_value("SELECT id FROM sources WHERE name = ?", self._source)
        if not self._db.in_transaction:  # a row inserted in a transaction may be rolled back with it
            self._source_id = row
        return row

    def read_labels(self) -> list[Label]:
        """Return the label of every release, which `ordering.in_order` sorts."""
        rows = self._db.execute(
            "SELECT content, published, observed, live, named, sequence FROM releases WHERE source_id = ?",
            [self.ensure_source()],
        )
        return [
            Label(digest=row[0], published=row[1], observed=row[2], live=bool(row[3]), named=row[4], sequence=row[5])
            for row in rows
        ]

    def read_ending(self) -> Ending | None:
        """Return the end of the order (`ordering.place_last`), None without a release. Inserts no row for a source."""
        source = self._find_source()
        last = self._db.execute(
            """SELECT content, dated, coalesce(CASE WHEN live = 0 THEN named END, observed, '') FROM releases
            WHERE source_id = ? ORDER BY place DESC LIMIT 1""",
            [source],
        ).fetchone()
        count, newest, live, sequence = self._db.execute(
            """SELECT count(*), max(observed), max(CASE WHEN live = 1 THEN dated END), max(sequence) FROM releases
            WHERE source_id = ?""",
            [source],
        ).fetchone()
        if last is None:
            return None
        return Ending(
            count=count,
            digest=last[0],
            dated=last[1],
            seen=last[2],
            newest=newest or "",
            live=live or "",
            sequence=sequence,
            derivations=self._query_value("SELECT derivations FROM sources WHERE id = ?", source),
        )

    def list_snapshots(self) -> set[str]:
        """Return the SHA-256 of every snapshot that belongs to a release."""
        rows = self._db.execute("SELECT sha256 FROM snapshots WHERE source_id = ?", [self.ensure_source()])
        return {str(row[0]) for row in rows}

    def list_rows(self) -> list[int]:
        """Return the rows of all releases."""
        rows = self._db.execute("SELECT id FROM releases WHERE source_id = ?", [self.ensure_source()])
        return [row for (row,) in rows]

    def list_returns(self) -> set[str]:
        """Return the UTC times at which earlier releases came back."""
        rows = self._db.execute(
            "SELECT observed FROM releases WHERE source_id = ? AND returns IS NOT NULL", [self.ensure_source()]
        )
        return {str(row[0]) for row in rows}

    def add_snapshot(self, release_id: int, sha256: str, size: int, observed: str | None) -> None:
        """Record that a snapshot holds a release; of several observations the earliest is kept."""
        self._db.execute(
            """INSERT INTO snapshots (source_id, sha256, size, observed, release_id) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (source_id, sha256) DO UPDATE SET observed = CASE WHEN snapshots.observed < excluded.observed
              THEN snapshots.observed ELSE coalesce(excluded.observed, snapshots.observed) END""",
            [self.ensure_source(), sha256, size, observed, release_id],
        )

    def add_release(
        self,
        release: NewRelease,
        before: Neighbour | None,
        after: Neighbour | None,
        into: Transition | None,
        out_of: Transition | None,
    ) -> int:
        """Insert a release between two neighbours and return its row.

        `into` leads from the neighbour before to the release, `out_of` from the release to the neighbour after.
        """
        place = _place_between(before, after)
        if place is None:
            self._spread_places()
            return self.add_release(release, self._reload(before), self._reload(after), into, out_of)
        content = release.content
        source = self.ensure_source()
        release_id = self._db.insert(
            """INSERT INTO releases
            (source_id, content, returns, published, observed, live, named, sequence, dated, place, sha256, entries,
            problems) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                source,
                content.digest,
                release.returns,
                content.published,
                release.observed,
                int(release.live),
                release.named,
                release.sequence,
                release.dated,
                place,
                release.sha256,
                content.entries,
                JSON.encode([asdict(problem) for problem in content.problems]),
            ],
        )
        versions = VersionWriter(self._db, source, self._registry)
        versions.insert_release(place, content, before, after, into, out_of)
        changes = ChangeWriter(self._db, versions, is_group=self._is_group)
        if before and into:
            changes.replace_changes(release_id, before.place, place, into)
        if after and out_of:
            changes.replace_changes(after.id, place, after.place, out_of)
        return release_id

    def set_dates(self, dated: Mapping[str, str]) -> None:
        """Set the day that releases count for: content digest → day."""
        self._db.executemany(
            "UPDATE releases SET dated = :dated WHERE source_id = :source AND content = :content AND dated <> :dated",
            [{"source": self.ensure_source(), "content": digest, "dated": day} for digest, day in dated.items()],
        )

    def record_observation(
        self, release_id: int, observed: str | None, *, live: bool, named: str | None, sequence: int | None
    ) -> bool:
        """Record another copy of a release; return whether it is observed or named earlier than all, or live first."""
        row = self._db.execute(
            "SELECT observed, live, named, sequence FROM releases WHERE id = ?", [release_id]
        ).fetchone()
        earliest = min(filter(None, (row[0], observed)), default=None)
        # A copy without a time was not served to a check.
        values = (
            earliest,
            max(row[1], int(live and observed is not None)),
            earliest_name(row[2], named),
            earliest_sequence(row[3], sequence),
        )
        if values == tuple(row):
            return False
        self._db.execute(
            "UPDATE releases SET observed = ?, live = ?, named = ?, sequence = ? WHERE id = ?", [*values, release_id]
        )
        return True

    def replace_transition(self, before: StoredRelease, after: StoredRelease, step: Transition) -> None:
        """Replace the stored changes and events of a release against the one before it."""
        versions = VersionWriter(self._db, self.ensure_source(), self._registry)
        ChangeWriter(self._db, versions, is_group=self._is_group).replace_changes(
            after.row, before.place, after.place, step
        )

    def record_rules(self, read_settings: str, *, derived_again: str | None = None) -> None:
        """Record that all releases of the source were read with these settings and judged by the present rules.

        `derived_again` is the UTC time, if that was done because the settings had changed.
        """
        self._db.execute(
            """UPDATE sources SET registry = ?, rules = ?, read_settings = ?, derived_again = coalesce(?, derived_again)
            WHERE id = ?""",
            [self._registry.id, self._registry.rules_version, read_settings, derived_again, self.ensure_source()],
        )

    def record_settings(self, read_settings: str) -> None:
        """Record the settings that the history was read with all along."""
        self._db.execute("UPDATE sources SET read_settings = ? WHERE id = ?", [read_settings, self.ensure_source()])

    def relink_checks(self) -> None:
        """Point the checks of the source at the releases of the snapshots that they were served."""
        self._db.execute(
            """UPDATE checks SET release_id = (SELECT release_id FROM snapshots
              WHERE snapshots.source_id = ?1 AND snapshots.sha256 = checks.sha256)
            WHERE source = ?2 AND release_id IS NULL AND sha256 IS NOT NULL AND outcome NOT IN ('held', 'failed')""",
            [self.ensure_source(), self._source],
        )

    def delete_history(self) -> None:
        """Delete everything that is derived from the archive, so that it can be derived again."""
        source = self.ensure_source()
        self._db.execute("UPDATE sources SET derivations = derivations + 1 WHERE id = ?", [source])
        releases = "(SELECT id FROM releases WHERE source_id = ?)"
        for statement in (
            f"DELETE FROM events WHERE release_id IN {releases}",  # noqa: S608 - a constant
            f"DELETE FROM changes WHERE release_id IN {releases}",  # noqa: S608 - a constant
            f"UPDATE checks SET release_id = NULL WHERE release_id IN {releases}",  # noqa: S608 - a constant
            "DELETE FROM versions WHERE source_id = ?",
            "DELETE FROM snapshots WHERE source_id = ?",
            "DELETE FROM releases WHERE source_id = ?",
        ):
            self._db.execute(statement, [source])

    def _query_value(self, statement: str, *values: object) -> Any:
        row = self._db.execute(statement, values).fetchone()
        return row[0] if row else None

    def _spread_places(self) -> None:
        """Give all releases new places, a full step apart, because two neighbours have none left between them."""
        source = self.ensure_source()
        rows = self._db.execute("SELECT place FROM releases WHERE source_id = ? ORDER BY place", [source])
        places = [place for (place,) in rows]
        # Above all present places, so that no two are equal while they are updated one by one.
        base = places[-1] + _PLACE_STEP
        moved = {old: base + number * _PLACE_STEP for number, old in enumerate(places)}
        for table, column in (("releases", "place"), ("versions", "first"), ("versions", "until")):
            self._db.executemany(
                f"UPDATE {table} SET {column} = ? WHERE source_id = ? AND {column} = ?",  # noqa: S608 - constants
                [(new, source, old) for old, new in reversed(moved.items())],
            )

    def _reload(self, neighbour: Neighbour | None) -> Neighbour | None:
        if neighbour is None:
            return None
        return replace(neighbour, place=self._query_value("SELECT place FROM releases WHERE id = ?", neighbour.id))


def _place_between(before: Neighbour | None, after: Neighbour | None) -> int | None:
    """Return a place between two neighbours, None where none is left."""
    if before and after:
        between = (before.place + after.place) // 2
        return between if before.place < between else None
    if before:
        return before.place + _PLACE_STEP
    return after.place - _PLACE_STEP if after else 0
