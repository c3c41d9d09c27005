"""Finds the versions of entries, and follows them over renames and moves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from watcher.core.intervals import Interval
from watcher.core.model import FREE
from watcher.store.event_query import encode_list, full_text_query, select_overlapping
from watcher.store.history_rows import EntryVersion, StoredRelease, VersionLinks
from watcher.store.release_finder import ReleaseFinder
from watcher.store.stored_items import decode_item

if TYPE_CHECKING:
    from watcher.store.base import Database

_FREE = ", ".join(f"'{status}'" for status in sorted(FREE))

# The changes that began or ended some versions, and whether both sides are one entry.
_LINKS = f"""
SELECT before_id, after_id, b.id IS NOT NULL AND a.id IS NOT NULL
  AND (b.status IN ({_FREE})) = (a.status IN ({_FREE}))
  AND NOT EXISTS (SELECT 1 FROM events, json_each(events.changes) WHERE events.release_id = changes.release_id
    AND event = 'port-reassigned' AND CAST(value AS BIGINT) = changes.seq)
FROM changes JOIN releases ON releases.id = changes.release_id
LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id
WHERE (before_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:rows))
  OR after_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:rows)))
  AND (CAST(:place AS BIGINT) IS NULL OR releases.place <= :place
    OR (releases.source_id <> :source AND dated <= :dated))"""  # noqa: S608 - constants
# The states of entries that moved between groups, of which some rows have one side.
_MOVED = """
SELECT old.before_id, new.after_id FROM json_each(:rows) wanted
JOIN changes old ON old.before_id = CAST(wanted.value AS BIGINT)
JOIN moves ON old_release = old.release_id AND old_seq = old.seq AND is_entry = 1
JOIN changes new ON new.release_id = new_release AND new.seq = new_seq JOIN releases ON releases.id = new_release
WHERE CAST(:dated AS TEXT) IS NULL OR dated <= :dated UNION
SELECT old.before_id, new.after_id FROM json_each(:rows) wanted
JOIN changes new ON new.after_id = CAST(wanted.value AS BIGINT)
JOIN moves ON new_release = new.release_id AND new_seq = new.seq AND is_entry = 1
JOIN changes old ON old.release_id = old_release AND old.seq = old_seq JOIN releases ON releases.id = old_release
WHERE CAST(:dated AS TEXT) IS NULL OR dated <= :dated"""


# What a row of a port registry says of some ports: the first and the last of them, its status and its service name.
PortState = tuple[int, int, str, str]


class VersionFinder:
    """The versions of the items of one history. A version is one state of an item over some releases."""

    def __init__(self, database: Database, releases: ReleaseFinder) -> None:
        self._db = database
        self._releases = releases

    def find(
        self,
        source: str,
        *,
        ports: Sequence[Interval] = (),
        names: Sequence[str] = (),
        rows: Iterable[int] | None = None,
        at: StoredRelease | None = None,
    ) -> list[EntryVersion]:
        """Return every state of the items with a port in some ranges, with a name or in some rows, the oldest first.

        Given several conditions, each must hold: one of the ports, one of the names. `at` limits them to the states in
        one release.
        """
        conditions, values = self._list_conditions(source, ports, names, rows, at)
        states = self._db.execute(
            f"""SELECT section, key, status, fields, first, until, id FROM versions
            WHERE {" AND ".join(conditions)} ORDER BY first, low NULLS FIRST, name, key""",  # noqa: S608 - the parts are ours
            values,
        ).fetchall()
        return self._decode_versions(source, states)

    def _list_conditions(
        self,
        source: str,
        ports: Sequence[Interval],
        names: Sequence[str],
        rows: Iterable[int] | None,
        at: StoredRelease | None,
    ) -> tuple[list[str], dict[str, object]]:
        """Return the SQL conditions of `find`, and the values of their parameters."""
        # The plus keeps SQLite from using the index on the source: a port or a name matches far fewer rows.
        conditions = ["+source_id = :source"]
        values: dict[str, object] = {"source": self._releases.find_source_row(source)}
        if ports:
            conditions.append(
                f"versions.id IN ({select_overlapping('versions', 'versions.id', 'source_id = :source AND')})"
            )
            values.update(ports=json.dumps(list(ports)))
        if names:
            conditions.append("""id IN (
                SELECT versions.id FROM json_each(:names) AS wanted CROSS JOIN versions
                WHERE source_id = :source AND name = wanted.value COLLATE NOCASE UNION ALL
                SELECT versions.id FROM json_each(:names) AS wanted CROSS JOIN versions
                WHERE source_id = :source AND versions.value <> '' AND versions.value = wanted.value COLLATE NOCASE)""")
            values.update(names=encode_list(names))
        if rows is not None:
            conditions.append("id IN (SELECT CAST(value AS BIGINT) FROM json_each(:rows))")
            values.update(rows=json.dumps(list(rows)))
        if at:
            conditions.append("first <= :place AND (until IS NULL OR until > :place)")
            values.update(place=at.place)
        return conditions, values

    def _decode_versions(self, source: str, states: Sequence[Sequence[Any]]) -> list[EntryVersion]:
        """Return rows of `versions` (the columns of an item, `first`, `until`, `id`) with their releases."""
        places = json.dumps([place for row in states for place in row[4:6] if place is not None])
        releases = self._releases.select_releases(
            source, "place IN (SELECT CAST(value AS BIGINT) FROM json_each(?2))", places
        )
        by_place = {release.place: release for release in releases}
        return [
            EntryVersion(
                row=row[6],
                item=decode_item(*row[:4]),
                first=by_place[row[4]],
                until=by_place[row[5]] if row[5] is not None else None,
            )
            for row in states
        ]

    def list_names(self, source: str) -> list[str]:
        """Return the names that entries and contacts have or had, in no order."""
        rows = self._db.execute(
            "SELECT DISTINCT name FROM versions WHERE source_id = ? AND name <> ''",
            [self._releases.find_source_row(source)],
        )
        return [name for (name,) in rows]

    def search(self, text: str, *, limit: int) -> list[EntryVersion]:
        """Return the newest state of entries and contacts that have every word of a text, the last word begun.

        Entries that are still listed come first, of these the ones that have the text as name, value or number.
        """
        query = full_text_query(text)
        rows = self._db.execute(
            """SELECT sources.name, version FROM (
              SELECT source_id, versions.id AS version, until, length(versions.text) AS size,
                CASE WHEN versions.name = :name COLLATE NOCASE OR versions.value = :name COLLATE NOCASE
                  OR (low = high AND CAST(low AS TEXT) = :name) THEN 0 ELSE 1 END AS others,
                row_number() OVER (PARTITION BY source_id, section, key ORDER BY first DESC) AS age FROM versions_fts
              JOIN versions ON versions.id = versions_fts.rowid
              WHERE versions_fts MATCH :query AND section <> 'registry') AS matching
            JOIN sources ON sources.id = source_id WHERE age = 1
            ORDER BY until IS NOT NULL, others, size, version LIMIT :limit""",
            {"query": query if text.endswith(" ") else f"{query}*", "name": text.strip(), "limit": limit},
        ).fetchall()
        by_source: dict[str, list[int]] = {}
        for source, row in rows:
            by_source.setdefault(source, []).append(row)
        versions = {version.row: version for name, ids in by_source.items() for version in self.find(name, rows=ids)}
        return [versions[row] for _, row in rows]

    def find_naming(self, source: str, contact: str) -> list[EntryVersion]:
        """Return the entries of the newest release that name a contact: `[Ann_Example]`."""
        rows = self._db.execute(
            """SELECT versions.id FROM versions_fts JOIN versions ON versions.id = versions_fts.rowid
            WHERE versions_fts MATCH :query AND +source_id = :source AND section = 'entry' AND until IS NULL""",
            {"query": full_text_query(contact), "source": self._releases.find_source_row(source)},
        ).fetchall()
        found = self.find(source, rows=[row for (row,) in rows]) if rows else []
        return [entry for entry in found if any(f"[{contact}]" in text for text in entry.item.fields.values())]

    def list_port_states(self, source: str, at: StoredRelease, protocol: str = "") -> list[PortState]:
        """Return what the rows of one release say of ports; with a protocol, the rows of it and those without one."""
        rows = self._db.execute(
            """SELECT low, high, status, coalesce(key ->> 'name', '') FROM versions
            WHERE source_id = ?1 AND low IS NOT NULL AND section = 'entry'
            AND first <= ?2 AND (until IS NULL OR until > ?2)
            AND (?3 = '' OR coalesce(key ->> 'protocol', '') IN (?3, ''))
            ORDER BY low, high, id""",
            [self._releases.find_source_row(source), at.place, protocol],
        )
        return [*rows]

    def follow(self, source: str, rows: Iterable[int], *, until: StoredRelease | None = None) -> VersionLinks:
        """Follow item states over the recorded changes, both ways: renames, moves and other texts of one entry.

        A move can lead to another group of the collection.

        A change that assigns a free value, frees an assigned one or gives it to somebody else is not followed. `until`
        limits the states to those that began in it or before.
        """
        reached = frontier = set(rows)
        previous: dict[int, int] = {}
        begun: set[int] = set()
        limits = {
            "place": until.place if until else None,
            "dated": until.dated if until else None,
            "source": self._releases.find_source_row(source),
        }
        while frontier:
            values = {"rows": json.dumps(sorted(frontier)), **limits}
            changes = self._db.execute(_LINKS, values).fetchall()
            begun |= {after for _, after, _ in changes if after is not None}
            previous |= {after: before for before, after, is_same in changes if is_same}
            linked = {row for before, after, is_same in changes if is_same for row in (before, after)}
            for before, after in self._db.execute(_MOVED, values).fetchall():
                if not _leads_to(previous, before, after):
                    previous[after] = before
                    linked |= {before, after}
            frontier = linked - reached
            reached = reached | frontier
        statement = """SELECT DISTINCT sources.name FROM versions JOIN sources ON sources.id = source_id
            WHERE versions.id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"""
        sources = [name for (name,) in self._db.execute(statement, [json.dumps(sorted(reached))])]
        versions = {version.row: version for name in sources for version in self.find(name, rows=reached)}
        return VersionLinks(versions=versions, previous=previous, begun=frozenset(begun))


def _leads_to(previous: Mapping[int, int], row: int, wanted: int) -> bool:
    """Return whether one of the states before a row is the wanted one: the entry moved back."""
    while row != wanted and row in previous:
        row = previous[row]
    return row == wanted
