"""Reads the history from the stored versions, changes and events. Reads no snapshot."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from watcher.core.errors import StoreError, UsageError
from watcher.core.model import FREE, Change, ChangeSet, Comparison, Content, Delta, Event, FieldChange, Item, ItemKey
from watcher.core.read_settings import ReadSettings
from watcher.store.database import Database
from watcher.store.event_query import EventQuery, select_overlapping
from watcher.store.history_rows import (
    EntryVersion,
    ReleaseSpan,
    StoredEvent,
    StoredRelease,
    VersionLinks,
    as_seen_from,
    decode_event,
    decode_release,
    decode_side,
)
from watcher.store.stored_items import StoredItems, VersionReader, decode_item

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FREE = ", ".join(f"'{status}'" for status in sorted(FREE))
_HEX = re.compile(r"[0-9a-f]{4,64}")
_MOST_NAMES = 10  # of sources in an error message


# The changes that began or ended some versions, and whether both sides are one entry.
_LINKS = f"""
SELECT before_id, after_id, b.id IS NOT NULL AND a.id IS NOT NULL
  AND (b.status IN ({_FREE})) = (a.status IN ({_FREE}))
  AND NOT EXISTS (SELECT 1 FROM events, json_each(events.changes) WHERE events.release_id = changes.release_id
    AND event = 'port-reassigned' AND value = changes.seq)
FROM changes JOIN releases ON releases.id = changes.release_id
LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id
WHERE (before_id IN (SELECT value FROM json_each(:rows)) OR after_id IN (SELECT value FROM json_each(:rows)))
  AND (:place IS NULL OR releases.place <= :place OR (releases.source_id <> :source AND dated <= :dated))"""  # noqa: S608 - constants
# The states of entries that moved between groups, of which some rows have one side.
_MOVED = """
SELECT old.before_id, new.after_id FROM json_each(:rows) wanted JOIN changes old ON old.before_id = wanted.value
JOIN moves ON old_release = old.release_id AND old_seq = old.seq AND is_entry
JOIN changes new ON new.release_id = new_release AND new.seq = new_seq JOIN releases ON releases.id = new_release
WHERE :dated IS NULL OR dated <= :dated UNION
SELECT old.before_id, new.after_id FROM json_each(:rows) wanted JOIN changes new ON new.after_id = wanted.value
JOIN moves ON new_release = new.release_id AND new_seq = new.seq AND is_entry
JOIN changes old ON old.release_id = old_release AND old.seq = old_seq JOIN releases ON releases.id = old_release
WHERE :dated IS NULL OR dated <= :dated"""


# Of an event over two groups: the group, release and changes that added what the event's own changes removed.
_SIDES = """SELECT event_id, sources.name AS source, content, published, event_sides.registry, changes FROM event_sides
JOIN releases ON releases.id = event_sides.release_id JOIN sources ON sources.id = source_id"""
_JOIN_SIDES = "JOIN event_sides ON event_sides.event_id = events.id"


class HistoryReader:
    """The read side of the history, of all sources."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def list_sources(self) -> list[str]:
        """Return the sources that have a history, by name."""
        return [row["name"] for row in self._db.query("SELECT name FROM sources ORDER BY name")]

    def read_registry_id(self, source: str) -> str:
        """Return the id of the registry rules a source was read with. Raises UsageError for an unknown source."""
        for row in self._db.query("SELECT registry FROM sources WHERE name = ?", [source]):
            return str(row["registry"])
        names = self.list_sources()
        closest = difflib.get_close_matches(source, names, n=1, cutoff=0.8)
        listed = list(dict.fromkeys([*closest, *names]))[:_MOST_NAMES]
        more = f" and {len(names) - len(listed)} more" if len(names) > len(listed) else ""
        text = ", ".join(listed) or "none yet: run `watcher check` or `watcher import`"
        raise UsageError(f"there is no history of a source named {source!r} (known: {text}{more})")

    def read_settings(self, source: str) -> str:
        """Return the settings that a source's history was read with (`ReadSettings.to_text`).

        The text is empty without a history, and if an older version of the program wrote it.
        """
        return str(self._read_source_column("read_settings", source) or "")

    def find_pending_settings(self, source: str, present: ReadSettings | None) -> tuple[str, ...]:
        """Return the settings that differ from those a history was read with (`ReadSettings.changes_from`)."""
        text = self.read_settings(source)
        return present.changes_from(ReadSettings.from_text(text)) if text and present is not None else ()

    def read_derived_again(self, source: str) -> str | None:
        """Return the UTC time at which a history was last derived again for other settings, or None."""
        return self._read_source_column("derived_again", source)

    def _read_source_column(self, column: str, source: str) -> str | None:
        # A file that is opened read-only may not have the column yet.
        if not self._db.execute("SELECT 1 FROM pragma_table_info('sources') WHERE name = ?", [column]).fetchone():
            return None
        row = self._db.execute(f"SELECT {column} FROM sources WHERE name = ?", [source]).fetchone()  # noqa: S608 - ours
        return row[0] if row else None

    def list_judged_before(self, rules_version: int) -> list[str]:
        """Return the sources with events that rules of an older version judged, by name."""
        # A file that is opened read-only may not have the column yet.
        has_column = self._db.execute("SELECT 1 FROM pragma_table_info('sources') WHERE name = 'rules'").fetchone()
        if not has_column:
            return self.list_sources()
        rows = self._db.execute("SELECT name FROM sources WHERE rules < ? ORDER BY name", [rules_version])
        return [str(name) for (name,) in rows]

    def read_key_columns(self, source: str) -> tuple[str, ...]:
        """Return the labels of the key that the newest entries have; () without entries, or if registries differ.

        An entry of a nested registry has the registry's path in its key.
        """
        statement = """SELECT key FROM versions JOIN sources ON sources.id = source_id
            WHERE sources.name = ? AND section = 'entry' AND until IS NULL ORDER BY versions.id LIMIT 1"""
        row = self._db.execute(statement, [source]).fetchone()
        parts = json.loads(row[0]) if row else {}
        return tuple(label for label in parts if label != "ordinal") if not parts.get("registry") else ()

    def list_releases(self, source: str) -> list[StoredRelease]:
        """Return every release of a source, the oldest first. Raises UsageError for an unknown source."""
        self.read_registry_id(source)
        return list(self._select_releases(source))

    def find_latest(self, source: str) -> StoredRelease | None:
        """Return the newest release, or None."""
        return next(self._select_releases(source, order="place DESC", limit=1), None)

    def find_by_row(self, row: int) -> StoredRelease | None:
        """Return a release by its row, or None."""
        found = self._db.execute(
            "SELECT name FROM releases JOIN sources ON sources.id = source_id WHERE releases.id = ?", [row]
        ).fetchone()
        return next(self._select_releases(found[0], "releases.id = ?2", row)) if found else None

    def find_predecessor(self, release: StoredRelease) -> StoredRelease | None:
        """Return the release before one, None for the first."""
        source = release.release.source
        return next(self._select_releases(source, "place < ?2", release.place, order="place DESC", limit=1), None)

    def _select_releases(
        self, source: str, condition: str = "TRUE", *values: object, order: str = "place", limit: int = -1
    ) -> Iterator[StoredRelease]:
        """Yield the releases of a source that meet a condition; its values are ?2 and so on."""
        rows = self._db.query(
            f"""SELECT releases.* FROM sources JOIN releases ON releases.source_id = sources.id
            WHERE name = ?1 AND {condition} ORDER BY {order} LIMIT {limit}""",  # noqa: S608 - the parts are ours
            [source, *values],
        )
        return (decode_release(source, row) for row in rows)

    def list_snapshots(self, source: str, release: StoredRelease) -> list[str]:
        """Return the SHA-256 of every snapshot of a release."""
        statement = "SELECT sha256 FROM snapshots WHERE source_id = ? AND release_id = ?"
        rows = self._db.execute(statement, [self._source_id(source), release.row])
        return [str(sha256) for (sha256,) in rows]

    def count_releases(self, source: str) -> int:
        """Return how many releases a source has."""
        statement = "SELECT count(*) FROM releases JOIN sources ON sources.id = source_id WHERE name = ?"
        return int(self._db.execute(statement, [source]).fetchone()[0])

    def find_release_span(self, source: str | None) -> ReleaseSpan:
        """Return how many releases one source or all sources have, and over which days."""
        number, first, last = self._db.execute(
            """SELECT count(*), coalesce(min(dated), ''), coalesce(max(dated), '')
            FROM releases JOIN sources ON sources.id = source_id WHERE ?1 IS NULL OR name = ?1""",
            [source],
        ).fetchone()
        return ReleaseSpan(number=number, first=first, last=last)

    def find_release(self, source: str, reference: str) -> StoredRelease:
        """Return the release that a date, a release id, a SHA-256 prefix or `latest` names.

        A date names the last release dated on or before it. Raises UsageError, which says what can be given.
        """
        self.read_registry_id(source)
        if reference in ("latest", "newest") and (latest := self.find_latest(source)):
            return latest
        if _DATE.fullmatch(reference):
            # Days never go back in the order of releases, so the last one that matches is the latest.
            for release in self._select_releases(source, "dated <= ?2", reference, order="place DESC", limit=1):
                return release
            first = next(self._select_releases(source, limit=1), None)
            hint = f"the first is of {first.dated}" if first else "it has no release"
            raise UsageError(f"{source} has no release published on or before {reference}; {hint}")
        matches = self._find_by_prefix(source, reference.lower()) if _HEX.fullmatch(reference.lower()) else []
        if len(matches) == 1:
            return matches[0]
        if matches:
            raise UsageError(f"{reference!r} names {len(matches)} releases of {source}; give more of it")
        raise UsageError(
            f"{source} has no release {reference!r}; give a date, or an id that `watcher releases {source}` shows"
        )

    def _find_by_prefix(self, source: str, prefix: str) -> list[StoredRelease]:
        condition = """(substr(content, 1, length(?2)) = ?2 OR releases.id IN (
            SELECT release_id FROM snapshots
            WHERE snapshots.source_id = sources.id AND substr(snapshots.sha256, 1, length(?2)) = ?2))"""
        return list(self._select_releases(source, condition, prefix))

    def find_by_hash(self, source: str, *, sha256: str = "", digest: str = "") -> StoredRelease | None:
        """Return the release of a snapshot (`sha256`) or of a canonical content (`digest`), None if it is new."""
        row = self._db.execute(
            """SELECT release_id FROM snapshots WHERE source_id = ?1 AND sha256 = ?2 UNION ALL
            SELECT id FROM releases WHERE source_id = ?1 AND content = ?3""",
            [self._source_id(source), sha256, digest],
        ).fetchone()
        return next(self._select_releases(source, "releases.id = ?2", row[0])) if row else None

    def read_release(self, source: str, digest: str) -> StoredRelease:
        """Return the release of a canonical content that was just written. Raises StoreError if it is missing."""
        release = self.find_by_hash(source, digest=digest)
        if release is None:
            raise StoreError(f"{source}: release {digest[:12]} was written and is not there")
        return release

    def read_content(self, source: str, release: StoredRelease) -> Content:
        """Return the content of a release, without its problems. Items are read from the database when asked for."""
        return _make_content(release, VersionReader(self._db, self._source_id(source)), {})

    def read_content_pair(self, source: str, old: StoredRelease, new: StoredRelease) -> tuple[Content, Content]:
        """Return the contents of two releases. The items that differ are loaded; the rest is read when asked for."""
        versions = VersionReader(self._db, self._source_id(source))
        removed, added = versions.read_differences(old.place, new.place)
        absent: dict[ItemKey, Item | None] = dict.fromkeys((*removed, *added))
        delta = Delta(digest=old.digest, removed=tuple(removed.values()), added=tuple(added.values()))
        return _make_content(old, versions, absent | removed), _make_content(new, versions, absent | added, delta)

    def _source_id(self, source: str) -> int:
        """Return the source's row, 0 for an unknown source."""
        row = self._db.execute("SELECT id FROM sources WHERE name = ?", [source]).fetchone()
        return int(row[0]) if row else 0

    def read_comparison(self, source: str, release: StoredRelease, before: StoredRelease) -> Comparison:
        """Return the changes and events that were stored for a release, against the one before it."""
        rows = self._db.execute(
            """SELECT quiet, changes.fields, b.section, b.key, b.status, b.fields, a.section, a.key, a.status, a.fields
            FROM changes LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id
            WHERE release_id = ? ORDER BY seq""",
            [release.row],
        )
        changes = tuple(
            Change(
                before=decode_item(*row[2:6]) if row[2] else None,
                after=decode_item(*row[6:10]) if row[6] else None,
                fields=tuple(FieldChange(**change) for change in json.loads(row[1])),
                quiet=bool(row[0]),
            )
            for row in rows
        )
        rows_of_events = self._db.query("SELECT * FROM events WHERE release_id = ? ORDER BY seq", [release.row])
        events = [*self._decode_events([*rows_of_events]), *self._list_arrivals(release)]
        return Comparison(
            source=source,
            old=before.release,
            new=release.release,
            changes=ChangeSet(changes=changes),
            events=tuple(sorted(events, key=lambda event: -event.severity.rank)),
        )

    def _decode_events(self, rows: Sequence[Mapping[str, Any]]) -> list[Event]:
        """Make events of rows of `events`, with their other sides."""
        sides = {
            row["event_id"]: decode_side(row)
            for row in self._db.query(
                f"{_SIDES} WHERE event_id IN (SELECT value FROM json_each(?))",  # noqa: S608 - a constant
                [json.dumps([row["id"] for row in rows])],
            )
        }
        return [replace(decode_event(row), other=sides.get(row["id"])) for row in rows]

    def _list_arrivals(self, release: StoredRelease) -> list[Event]:
        """Return the events of other groups from which entries moved into a release, as seen from there."""
        ids = [row["event_id"] for row in self._db.query(f"{_SIDES} WHERE releases.id = ?", [release.row])]
        return [event for _, event in self._read_arrivals(ids)] if ids else []

    def _read_arrivals(self, ids: Iterable[int]) -> list[tuple[int, Event]]:
        """Return events by row, as seen from the group where the entries are now."""
        rows = list(
            self._db.query(
                """SELECT events.*, sources.name AS source, content, published FROM events
                JOIN releases ON releases.id = release_id JOIN sources ON sources.id = source_id
                WHERE events.id IN (SELECT value FROM json_each(?)) ORDER BY events.id""",
                [json.dumps([*ids])],
            )
        )
        pairs = zip(rows, self._decode_events(rows), strict=True)
        return [(row["id"], as_seen_from(event, event.other, decode_side(row))) for row, event in pairs if event.other]

    def find_events(self, query: EventQuery) -> list[StoredEvent]:
        """Return the events that match, the oldest first; with a limit, the newest of them."""
        conditions, values = query.conditions()
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
        events: dict[int, StoredEvent] = {}
        for join, release in (("", "events.release_id"), (_JOIN_SIDES, "event_sides.release_id")):
            rows = self._db.query(
                f"""SELECT events.*, sources.name AS source, {release} AS seen_in FROM events {join}
                JOIN releases ON releases.id = {release} JOIN sources ON sources.id = releases.source_id
                {where} ORDER BY releases.dated DESC, releases.place DESC, events.seq DESC {limit}""",  # noqa: S608 - the parts are ours
                values,
            )
            events = {event.row: event for event in self._add_releases(reversed([*rows]))} | events
        ordered = sorted(events.values(), key=lambda each: (each.release.dated, each.release.place))
        return ordered[-query.limit :] if query.limit else ordered

    def read_document_roles(self, document: str) -> dict[int, dict[str, str]]:
        """Return by the row of an event what it did to references to a document: registry → added, removed or kept."""
        roles: dict[int, dict[str, str]] = {}
        rows = self._db.execute("SELECT event_id, registry, role FROM event_documents WHERE document = ?", [document])
        for event, registry, role in rows:
            roles.setdefault(event, {})[registry] = role
        return roles

    def find_events_of(self, versions: Iterable[EntryVersion], *, until: str | None = None) -> list[StoredEvent]:
        """Return the events whose changes began or ended some states of entries, the oldest first."""
        rows = self._db.query(
            """WITH touched AS (
              SELECT release_id, seq FROM json_each(:rows) wanted
              JOIN changes ON wanted.value IN (changes.before_id, changes.after_id)),
            named AS (
              SELECT id FROM touched JOIN events USING (release_id)
              WHERE touched.seq IN (SELECT value FROM json_each(events.changes)) UNION
              SELECT event_id FROM touched JOIN event_sides USING (release_id)
              WHERE touched.seq IN (SELECT value FROM json_each(event_sides.changes)))
            SELECT events.*, sources.name AS source, events.release_id AS seen_in FROM named
            JOIN events ON events.id = named.id
            JOIN releases ON releases.id = events.release_id JOIN sources ON sources.id = releases.source_id
            WHERE :until IS NULL OR releases.dated <= :until
            ORDER BY releases.dated, releases.place, events.seq""",
            {"rows": json.dumps([version.row for version in versions]), "until": until},
        )
        return list(self._add_releases([*rows]))

    def _add_releases(self, events: Iterable[Mapping[str, Any]]) -> Iterator[StoredEvent]:
        """Yield events with their release and the one before it; each release is read once.

        `seen_in` is the row of the release that the event is seen from: its own, or that of its other side.
        """
        rows = [*events]
        releases: dict[int, tuple[StoredRelease, StoredRelease | None]] = {}
        arrivals = dict(self._read_arrivals(row["id"] for row in rows if row["seen_in"] != row["release_id"]))
        for row, event in zip(rows, self._decode_events(rows), strict=True):
            source, release_id = row["source"], row["seen_in"]
            if release_id not in releases:
                release = next(self._select_releases(source, "releases.id = ?2", release_id))
                releases[release_id] = release, self.find_predecessor(release)
            release, before = releases[release_id]
            yield StoredEvent(
                row=row["id"], source=source, release=release, before=before, event=arrivals.get(row["id"], event)
            )

    def find_versions(
        self,
        source: str,
        *,
        port: tuple[int, int] | None = None,
        name: str | None = None,
        rows: Iterable[int] | None = None,
        at: StoredRelease | None = None,
    ) -> list[EntryVersion]:
        """Return every state of the items with a port in a range, with a name or in some rows, the oldest first.

        `at` limits them to the states in one release.
        """
        # The plus keeps SQLite from using the index on the source: a port or a name matches far fewer rows.
        conditions = ["+source_id = :source"]
        values: dict[str, object] = {"source": self._source_id(source)}
        if port:
            conditions.append(f"id IN ({select_overlapping('versions', 'id', 'source_id = :source AND')})")
            values.update(low=port[0], high=port[1])
        if name is not None:
            conditions.append("""id IN (
                SELECT id FROM versions WHERE source_id = :source AND name = :name COLLATE NOCASE UNION ALL
                SELECT id FROM versions WHERE source_id = :source AND value <> '' AND value = :name COLLATE NOCASE)""")
            values.update(name=name)
        if rows is not None:
            conditions.append("id IN (SELECT value FROM json_each(:rows))")
            values.update(rows=json.dumps(list(rows)))
        if at:
            conditions.append("first <= :place AND (until IS NULL OR until > :place)")
            values.update(place=at.place)
        states = self._db.execute(
            f"""SELECT section, key, status, fields, first, until, id FROM versions
            WHERE {" AND ".join(conditions)} ORDER BY first, low, name, key""",  # noqa: S608 - the parts are ours
            values,
        ).fetchall()
        places = json.dumps([place for row in states for place in row[4:6] if place is not None])
        releases = self._select_releases(source, "place IN (SELECT value FROM json_each(?2))", places)
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

    def follow_versions(self, source: str, rows: Iterable[int], *, until: StoredRelease | None = None) -> VersionLinks:
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
            "source": self._source_id(source),
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
            WHERE versions.id IN (SELECT value FROM json_each(?))"""
        sources = [name for (name,) in self._db.execute(statement, [json.dumps(sorted(reached))])]
        versions = {version.row: version for name in sources for version in self.find_versions(name, rows=reached)}
        return VersionLinks(versions=versions, previous=previous, begun=frozenset(begun))


def _leads_to(previous: Mapping[int, int], row: int, wanted: int) -> bool:
    """Return whether one of the states before a row is the wanted one: the entry moved back."""
    while row != wanted and row in previous:
        row = previous[row]
    return row == wanted


def _make_content(
    release: StoredRelease, versions: VersionReader, loaded: Mapping[ItemKey, Item | None], delta: Delta | None = None
) -> Content:
    return Content(
        published=release.release.published,
        digest=release.digest,
        items=StoredItems(versions, release.place, loaded),
        entries=release.release.entries,
        delta=delta,
    )
