"""Reads the history from the stored versions, changes and events. Reads no snapshot."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from watcher.core.errors import StoreError, UsageError
from watcher.core.model import FREE, Change, ChangeSet, Comparison, Content, Delta, FieldChange, Item, ItemKey
from watcher.store.database import Database
from watcher.store.event_query import EventQuery, select_overlapping
from watcher.store.history_rows import (
    EntryVersion,
    ReleaseSpan,
    StoredEvent,
    StoredRelease,
    VersionLinks,
    decode_event,
    decode_release,
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
  AND (:place IS NULL OR releases.place <= :place)"""  # noqa: S608 - constants


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
        events = self._db.query("SELECT * FROM events WHERE release_id = ? ORDER BY seq", [release.row])
        return Comparison(
            source=source,
            old=before.release,
            new=release.release,
            changes=ChangeSet(changes=changes),
            events=tuple(decode_event(row) for row in events),
        )

    def find_events(self, query: EventQuery) -> list[StoredEvent]:
        """Return the events that match, the oldest first; with a limit, the newest of them."""
        conditions, values = query.conditions()
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
        rows = list(
            self._db.query(
                f"""SELECT events.*, sources.name AS source FROM events
                JOIN releases ON releases.id = events.release_id JOIN sources ON sources.id = releases.source_id
                {where} ORDER BY releases.dated DESC, releases.place DESC, events.seq DESC {limit}""",  # noqa: S608 - the parts are ours
                values,
            )
        )
        return list(self._add_releases(reversed(rows)))

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
            """SELECT DISTINCT events.*, sources.name AS source
            FROM json_each(:rows) wanted
            JOIN changes ON wanted.value IN (changes.before_id, changes.after_id)
            JOIN events ON events.release_id = changes.release_id
              AND changes.seq IN (SELECT value FROM json_each(events.changes))
            JOIN releases ON releases.id = events.release_id JOIN sources ON sources.id = releases.source_id
            WHERE :until IS NULL OR releases.dated <= :until
            ORDER BY releases.dated, releases.place, events.seq""",
            {"rows": json.dumps([version.row for version in versions]), "until": until},
        )
        return list(self._add_releases(rows))

    def _add_releases(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[StoredEvent]:
        """Yield events with their release and the one before it; each release is read once."""
        releases: dict[int, tuple[StoredRelease, StoredRelease | None]] = {}
        for row in rows:
            source, release_id = row["source"], row["release_id"]
            if release_id not in releases:
                release = next(self._select_releases(source, "releases.id = ?2", release_id))
                releases[release_id] = release, self.find_predecessor(release)
            release, before = releases[release_id]
            yield StoredEvent(row=row["id"], source=source, release=release, before=before, event=decode_event(row))

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

        A change that assigns a free value, frees an assigned one or gives it to somebody else is not followed. `until`
        limits the states to those that began in it or before.
        """
        reached = frontier = set(rows)
        previous: dict[int, int] = {}
        begun: set[int] = set()
        place = None if until is None else until.place
        while frontier:
            changes = self._db.execute(_LINKS, {"rows": json.dumps(sorted(frontier)), "place": place}).fetchall()
            begun |= {after for _, after, _ in changes if after is not None}
            previous |= {after: before for before, after, is_same in changes if is_same}
            linked = {row for before, after, is_same in changes if is_same for row in (before, after)}
            frontier = linked - reached
            reached = reached | frontier
        versions = {version.row: version for version in self.find_versions(source, rows=reached)}
        return VersionLinks(versions=versions, previous=previous, begun=frozenset(begun))


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
