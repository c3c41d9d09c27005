"""Reads the recorded events and changes of releases."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import TYPE_CHECKING, Any, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.background import find_background
from watcher.core.model import Background, Change, ChangeSet, Comparison, Event, FieldChange, format_when
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import (
    EntryVersion,
    StoredEvent,
    StoredRelease,
    as_seen_from,
    decode_event,
    decode_side,
)
from watcher.store.release_finder import ReleaseFinder
from watcher.store.stored_items import StoredItems, VersionReader, decode_item

if TYPE_CHECKING:
    from watcher.store.base import Database

# Of an event over two groups: the group, release and changes that added what the event's own changes removed.
_SIDES = """SELECT event_id, sources.name AS source, content, published, event_sides.registry, changes FROM event_sides
JOIN releases ON releases.id = event_sides.release_id JOIN sources ON sources.id = source_id"""
_JOIN_SIDES = "JOIN event_sides ON event_sides.event_id = events.id"
_READ_TOGETHER = 500  # events


class EventHead(NamedTuple):
    """What a line about an event begins with. `when` is the day or the time of its release."""

    source: str
    when: str
    severity: str
    id: str


class EventPlaces(Struct, frozen=True, kw_only=True):
    """The rows of some events, each with that of the release from which it is seen, and every `EventHead` of them."""

    rows: tuple[tuple[int, int], ...]
    heads: frozenset[EventHead]


class EventReader:
    """The events of one history. An event over two groups is seen from either of them."""

    def __init__(self, database: Database, releases: ReleaseFinder) -> None:
        self._db = database
        self._releases = releases

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
            background=self._find_background(source, before, release, ChangeSet(changes=changes)),
            events=tuple(sorted(events, key=lambda event: -event.severity.rank)),
        )

    def _find_background(
        self, source: str, before: StoredRelease, release: StoredRelease, changes: ChangeSet
    ) -> Background:
        versions = VersionReader(self._db, self._releases.find_source_row(source))
        old, new = (StoredItems(versions, stored.place, {}) for stored in (before, release))
        return find_background(changes, old, new)

    def find(self, query: EventQuery) -> list[StoredEvent]:
        """Return the events that match, the oldest first; with a limit, the newest of them."""
        return [*self.read(self.find_places(query))]

    def find_places(self, query: EventQuery) -> EventPlaces:
        """Return where the events that match are: little memory for each, and quick where `find` is not."""
        conditions, values = query.conditions()
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = "" if query.limit is None else f"LIMIT {int(query.limit)}"
        sides: list[list[tuple[int, int, str, str]]] = []
        for join, release in (("", "events.release_id"), (_JOIN_SIDES, "event_sides.release_id")):
            rows = self._db.execute(
                f"""SELECT events.id, {release}, events.severity, events.event FROM events {join}
                JOIN releases ON releases.id = {release} JOIN sources ON sources.id = releases.source_id
                {where} ORDER BY releases.dated DESC, releases.place DESC, events.id DESC {limit}""",  # noqa: S608 - the parts are ours
                values,
            )
            sides.append(rows.fetchall()[::-1])
        own, seen_from_other = sides
        if seen_from_other:
            in_own_group = {event for event, *_ in own}
            seen_from_other = [row for row in seen_from_other if row[0] not in in_own_group]
        releases = {
            row: (dated, place, source, format_when(published, observed))
            for row, dated, place, source, published, observed in self._db.execute(
                """SELECT releases.id, dated, place, name, published, observed FROM releases
                JOIN sources ON sources.id = source_id
                WHERE releases.id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))""",
                [json.dumps([*{row[1] for rows in (own, seen_from_other) for row in rows}])],
            )
        }

        def order(row: tuple[int, int, str, str]) -> tuple[str, int, int]:
            return *releases[row[1]][:2], row[0]

        ordered = [*merge(seen_from_other, own, key=order)] if seen_from_other else own
        ordered = ordered[-query.limit :] if query.limit else ordered
        return EventPlaces(
            rows=tuple([(event, seen_in) for event, seen_in, *_ in ordered]),
            heads=frozenset(
                EventHead(*releases[release][2:], severity, event)
                for release, severity, event in {row[1:] for row in ordered}
            ),
        )

    def read(self, places: EventPlaces) -> Iterator[StoredEvent]:
        """Yield events at their places, some at a time; those that are deleted meanwhile are left out."""
        for start in range(0, len(places.rows), _READ_TOGETHER):
            seen_in = dict(places.rows[start : start + _READ_TOGETHER])
            rows = self._db.query(
                "SELECT * FROM events WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",
                [json.dumps([*seen_in])],
            )
            by_id = {row["id"]: {**row, "seen_in": seen_in[row["id"]]} for row in rows}
            yield from self._add_releases(by_id[event] for event in seen_in if event in by_id)

    def find_by_versions(self, versions: Iterable[EntryVersion], *, until: str | None = None) -> list[StoredEvent]:
        """Return the events whose changes began or ended some states of entries, the oldest first."""
        rows = self._db.query(
            """WITH touched AS (
              SELECT release_id, seq FROM json_each(:rows) wanted
              JOIN changes ON changes.before_id = CAST(wanted.value AS BIGINT)
                OR changes.after_id = CAST(wanted.value AS BIGINT)),  -- IN would read all changes
            named AS (
              SELECT id FROM touched JOIN events USING (release_id)
              WHERE touched.seq IN (SELECT CAST(value AS BIGINT) FROM json_each(events.changes)) UNION
              SELECT event_id FROM touched JOIN event_sides USING (release_id)
              WHERE touched.seq IN (SELECT CAST(value AS BIGINT) FROM json_each(event_sides.changes)))
            SELECT events.*, events.release_id AS seen_in FROM named
            JOIN events ON events.id = named.id JOIN releases ON releases.id = events.release_id
            WHERE CAST(:until AS TEXT) IS NULL OR releases.dated <= :until
            ORDER BY releases.dated, releases.place, events.seq""",
            {"rows": json.dumps([version.row for version in versions]), "until": until},
        )
        return list(self._add_releases([*rows]))

    def count_ids(self) -> tuple[dict[str, int], dict[str, int]]:
        """Return how many events have each id, and how many name it in `also`."""
        numbers = self._db.execute("SELECT event, count(*) FROM events GROUP BY event")
        also = self._db.execute("SELECT value, count(*) FROM events, json_each(also) GROUP BY value")
        return dict(numbers.fetchall()), dict(also.fetchall())

    def read_names(self, rows: Iterable[int]) -> dict[int, list[str]]:
        """Return the names by which events are found, in lower case, by their row: former names included."""
        names: dict[int, list[str]] = {}
        statement = """SELECT event_id, name FROM event_services
            WHERE event_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"""
        for event, name in self._db.execute(statement, [json.dumps([*rows])]):
            names.setdefault(event, []).append(name)
        return names

    def read_document_roles(self, document: str) -> dict[int, dict[str, str]]:
        """Return by the row of an event what it did to references to a document: registry → added, removed or kept."""
        roles: dict[int, dict[str, str]] = {}
        rows = self._db.execute("SELECT event_id, registry, role FROM event_documents WHERE document = ?", [document])
        for event, registry, role in rows:
            roles.setdefault(event, {})[registry] = role
        return roles

    def _add_releases(self, events: Iterable[Mapping[str, Any]]) -> Iterator[StoredEvent]:
        """Yield events with their release and the one before it; all releases are read in one query.

        `seen_in` is the row of the release that the event is seen from: its own, or that of its other side.
        """
        rows = [*events]
        releases = self._releases.read_with_predecessors({row["seen_in"] for row in rows})
        elsewhere = [row["id"] for row in rows if row["seen_in"] != row["release_id"]]
        arrivals = dict(self._read_arrivals(elsewhere)) if elsewhere else {}
        for row, event in zip(rows, self._decode_events(rows), strict=True):
            if row["seen_in"] in releases:
                release, before = releases[row["seen_in"]]
                yield StoredEvent(
                    row=row["id"],
                    source=release.release.source,
                    release=release,
                    before=before,
                    event=arrivals.get(row["id"], event),
                )

    def _decode_events(self, rows: Sequence[Mapping[str, Any]]) -> list[Event]:
        """Make events of rows of `events`, with their other sides."""
        sides = {
            row["event_id"]: decode_side(row)
            for row in self._db.query(
                f"{_SIDES} WHERE event_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))",  # noqa: S608 - a constant
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
                WHERE events.id IN (SELECT CAST(value AS BIGINT) FROM json_each(?)) ORDER BY events.id""",
                [json.dumps([*ids])],
            )
        )
        pairs = zip(rows, self._decode_events(rows), strict=True)
        return [(row["id"], as_seen_from(event, event.other, decode_side(row))) for row, event in pairs if event.other]
