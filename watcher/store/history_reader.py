"""Ask the history. No question here reads a snapshot; everything is answered from versions, changes and events."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from watcher.core.errors import StoreError, UsageError
from watcher.core.model import (
    Change,
    ChangeSet,
    Comparison,
    Content,
    Delta,
    Event,
    FieldChange,
    Item,
    ItemKey,
    Kind,
    Problem,
    Release,
    Severity,
)
from watcher.store.database import Database
from watcher.store.stored_items import StoredItems, Versions, item

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_MOST_NAMES = 10
_HEX = re.compile(r"[0-9a-f]{4,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRelease:
    """A release with where it stands and what it changed.

    `digest` is that of its canonical content. Where it `returns` an earlier release, that one's is here and `digest`
    is its own.
    """

    row: int
    place: int
    dated: str
    digest: str
    returns: str | None
    release: Release
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryVersion:
    """One state of an item and the releases it stood in; `until` is the first it no longer stood in."""

    row: int
    item: Item
    first: StoredRelease
    until: StoredRelease | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEvent:
    """An event with the release that brought it."""

    row: int
    source: str
    release: StoredRelease
    before: StoredRelease | None
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """What `history` asks for; everything given must hold."""

    source: str | None = None
    port: tuple[int, int] | None = None
    service: str | None = None
    protocol: str | None = None
    event: str | None = None
    kind: str | None = None
    severity: Severity | None = None
    since: str | None = None
    until: str | None = None
    text: str | None = None
    limit: int | None = None


class HistoryReader:
    """The read side of the history."""

    def __init__(self, database: Database) -> None:
        self._db = database.db

    def list_sources(self) -> list[str]:
        """Return the sources that have a history, by name."""
        return [row["name"] for row in self._db.query("SELECT name FROM sources ORDER BY name")]

    def read_registry_id(self, source: str) -> str:
        """Return the id of the registry rules a source was read with. Raises UsageError for an unknown source."""
        for row in self._db.query("SELECT registry FROM sources WHERE name = ?", [source]):
            return str(row["registry"])
        known = self.list_sources()
        told = [*difflib.get_close_matches(source, known, n=1, cutoff=0.8), *known]
        told = list(dict.fromkeys(told))[:_MOST_NAMES] or ["none yet: run `watcher check` or `watcher import`"]
        more = f" and {len(known) - len(told)} more" if len(known) > len(told) else ""
        raise UsageError(f"there is no history of a source named {source!r} (known: {', '.join(told)}{more})")

    def list_releases(self, source: str) -> list[StoredRelease]:
        """Return every release, the oldest first."""
        self.read_registry_id(source)
        return list(self._releases(source))

    def find_latest(self, source: str) -> StoredRelease | None:
        """Return the newest release, None where there is none."""
        return next(self._releases(source, order="place DESC", limit=1), None)

    def find_predecessor(self, release: StoredRelease) -> StoredRelease | None:
        """Return the release before one, None for the first."""
        found = self._releases(release.release.source, "place < ?2", release.place, order="place DESC", limit=1)
        return next(found, None)

    def _releases(
        self, source: str, condition: str = "TRUE", *values: object, order: str = "place", limit: int = -1
    ) -> Iterator[StoredRelease]:
        """The releases of a source that fit a condition; its values are ?2 and so on."""
        rows = self._db.query(
            f"""SELECT releases.* FROM sources JOIN releases ON releases.source_id = sources.id
            WHERE name = ?1 AND {condition} ORDER BY {order} LIMIT {limit}""",  # noqa: S608 - the parts are ours
            [source, *values],
        )
        return (_release(source, row) for row in rows)

    def count_releases(self, source: str) -> int:
        """Return how many releases a source has."""
        return int(
            self._db.execute(
                "SELECT count(*) FROM releases JOIN sources ON sources.id = source_id WHERE name = ?", [source]
            ).fetchone()[0]
        )

    def find_release(self, source: str, what: str) -> StoredRelease:
        """Return the release that a date, a release id or a SHA-256 prefix names.

        A date names the last release published on or before it. Raises UsageError with what there is.
        """
        self.read_registry_id(source)
        if what in ("latest", "newest") and (latest := self.find_latest(source)):
            return latest
        if _DATE.fullmatch(what):
            # The days never go back: the last that fits is the latest.
            for release in self._releases(source, "dated <= ?2", what, order="place DESC", limit=1):
                return release
            first = next(self._releases(source, limit=1), None)
            there = f"the first is of {first.dated}" if first else "there is none"
            raise UsageError(f"{source} has no release published on or before {what}; {there}")
        found = self._by_prefix(source, what.lower()) if _HEX.fullmatch(what.lower()) else []
        if len(found) == 1:
            return found[0]
        if found:
            raise UsageError(f"{what!r} names {len(found)} releases of {source}; give more of it")
        raise UsageError(
            f"{source} has no release {what!r}; give a date, or an id that `watcher releases {source}` shows"
        )

    def _by_prefix(self, source: str, prefix: str) -> list[StoredRelease]:
        named = """(substr(content, 1, length(?2)) = ?2 OR releases.id IN (
            SELECT release_id FROM snapshots
            WHERE snapshots.source_id = sources.id AND substr(snapshots.sha256, 1, length(?2)) = ?2))"""
        return list(self._releases(source, named, prefix))

    def find_by_hash(self, source: str, *, sha256: str = "", digest: str = "") -> StoredRelease | None:
        """Return the release that a snapshot or a canonical content is, None where it is new."""
        row = self._db.execute(
            """SELECT release_id FROM snapshots WHERE source_id = ?1 AND sha256 = ?2 UNION ALL
            SELECT id FROM releases WHERE source_id = ?1 AND content = ?3""",
            [self._row(source), sha256, digest],
        ).fetchone()
        return next(self._releases(source, "releases.id = ?2", row[0])) if row else None

    def read_release(self, source: str, digest: str) -> StoredRelease:
        """Return the release of a canonical content that was just written. Raises StoreError where it is not there."""
        release = self.find_by_hash(source, digest=digest)
        if release is None:
            raise StoreError(f"{source}: release {digest[:12]} was written and is not there")
        return release

    def read_content(self, source: str, release: StoredRelease) -> Content:
        """Return what a release says, out of the versions that stood in it. Its problems are not repeated."""
        return _content(release, Versions(self._db, self._row(source)), {})

    def read_content_pair(self, source: str, old: StoredRelease, new: StoredRelease) -> tuple[Content, Content]:
        """Return what two releases say. What differs is at hand; the rest is read where somebody asks for it."""
        versions = Versions(self._db, self._row(source))
        gone, came = versions.between(old.place, new.place)
        absent: dict[ItemKey, Item | None] = dict.fromkeys((*gone, *came))
        before, after = absent | gone, absent | came
        since = Delta(digest=old.digest, removed=tuple(gone.values()), added=tuple(came.values()))
        return _content(old, versions, before), _content(new, versions, after, since)

    def _row(self, source: str) -> int:
        row = self._db.execute("SELECT id FROM sources WHERE name = ?", [source]).fetchone()
        return int(row[0]) if row else 0

    def read_comparison(self, source: str, release: StoredRelease, before: StoredRelease) -> Comparison:
        """Return what a release changed against the one before it, as it was committed."""
        rows = self._db.execute(
            """SELECT quiet, changes.fields, b.section, b.key, b.status, b.fields, a.section, a.key, a.status, a.fields
            FROM changes LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id
            WHERE release_id = ? ORDER BY seq""",
            [release.row],
        )
        changes = tuple(
            Change(
                before=item(*row[2:6]) if row[2] else None,
                after=item(*row[6:10]) if row[6] else None,
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
            events=tuple(_event(row) for row in events),
        )

    def find_events(self, wanted: EventQuery) -> list[StoredEvent]:
        """Return the events that are wanted, the oldest first; with a limit, the newest of them."""
        conditions, values = _conditions(wanted)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        limit = "" if wanted.limit is None else f"LIMIT {int(wanted.limit)}"
        rows = list(
            self._db.query(
                f"""SELECT events.*, sources.name AS source FROM events
                JOIN releases ON releases.id = events.release_id JOIN sources ON sources.id = releases.source_id
                {where} ORDER BY releases.dated DESC, releases.place DESC, events.seq DESC {limit}""",  # noqa: S608 - the parts are ours
                values,
            )
        )
        return list(self._with_releases(reversed(rows)))

    def _with_releases(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[StoredEvent]:
        known: dict[int, tuple[StoredRelease, StoredRelease | None]] = {}
        for row in rows:
            source, wanted = row["source"], row["release_id"]
            if wanted not in known:
                release = next(self._releases(source, "releases.id = ?2", wanted))
                known[wanted] = release, self.find_predecessor(release)
            release, before = known[wanted]
            yield StoredEvent(row=row["id"], source=source, release=release, before=before, event=_event(row))

    def find_versions(
        self,
        source: str,
        *,
        port: tuple[int, int] | None = None,
        name: str | None = None,
        at: StoredRelease | None = None,
    ) -> list[EntryVersion]:
        """Return every state of the entries (and contacts) that hold a port or bear a name, the oldest first."""
        # The plus: what is asked for by number or name is few rows, and not to be looked for among all of the source.
        conditions = ["+source_id = :source"]
        values: dict[str, object] = {"source": self._row(source)}
        if port:
            conditions.append(f"id IN ({_holding('versions', 'id', 'source_id = :source AND')})")
            values.update(low=port[0], high=port[1])
        if name is not None:
            conditions.append("""id IN (
                SELECT id FROM versions WHERE source_id = :source AND name = :name COLLATE NOCASE UNION ALL
                SELECT id FROM versions WHERE source_id = :source AND value <> '' AND value = :name COLLATE NOCASE)""")
            values.update(name=name)
        if at:
            conditions.append("first <= :place AND (until IS NULL OR until > :place)")
            values.update(place=at.place)
        rows = self._db.execute(
            f"""SELECT section, key, status, fields, first, until, id FROM versions
            WHERE {" AND ".join(conditions)} ORDER BY first, low, name, key""",  # noqa: S608 - the parts are ours
            values,
        ).fetchall()
        wanted = json.dumps([place for row in rows for place in row[4:6] if place is not None])
        found = self._releases(source, "place IN (SELECT value FROM json_each(?2))", wanted)
        places = {release.place: release for release in found}
        return [
            EntryVersion(
                row=row[6],
                item=item(*row[:4]),
                first=places[row[4]],
                until=places[row[5]] if row[5] is not None else None,
            )
            for row in rows
        ]

    def find_events_of(self, versions: Iterable[EntryVersion], *, until: str | None = None) -> list[StoredEvent]:
        """Return the events that made or ended some states of entries, the oldest first."""
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
        return list(self._with_releases(rows))

    def search(self, source: str, text: str, limit: int = 50) -> list[tuple[str, str]]:
        """Return (section, name) of items in whose text some words stand, best match first."""
        rows = self._db.execute(
            """SELECT DISTINCT section, versions.name FROM versions_fts
            JOIN versions ON versions.id = versions_fts.rowid JOIN sources ON sources.id = source_id
            WHERE sources.name = ? AND versions_fts MATCH ? ORDER BY rank LIMIT ?""",
            [source, match(text), limit],
        )
        return [(row[0], row[1]) for row in rows]


def _holding(table: str, row: str, among: str = "") -> str:
    """A question for the rows of a table that hold one of the numbers :low to :high, in two that an index answers."""
    return f"""SELECT {row} FROM {table} WHERE {among} low BETWEEN :low AND :high UNION ALL
        SELECT {row} FROM {table} WHERE {among} high > low AND low < :low AND high >= :low"""  # noqa: S608 - ours


def match(text: str) -> str:
    """Turn what a person typed into an FTS5 query: every word must stand there; no operator has a meaning."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return " ".join('"' + word.replace('"', '""') + '"' for word in text.split()) or '""'


def _conditions(wanted: EventQuery) -> tuple[list[str], dict[str, object]]:
    low, high = wanted.port or (None, None)
    ranks = [severity.value for severity in Severity if wanted.severity and severity.rank >= wanted.severity.rank]
    table: list[tuple[object, str]] = [
        (wanted.source, "sources.name = :source"),
        (wanted.port, f"events.id IN ({_holding('event_ports', 'event_id')})"),
        (wanted.service, "events.id IN (SELECT event_id FROM event_services WHERE name = :service)"),
        (wanted.protocol, "EXISTS (SELECT 1 FROM json_each(events.protocols) WHERE value = :protocol)"),
        (wanted.event, "events.event GLOB :event"),
        (wanted.kind, "events.kind = :kind"),
        (wanted.severity, "events.severity IN (SELECT value FROM json_each(:ranks))"),
        (wanted.since, "releases.dated >= :since"),
        (wanted.until, "releases.dated <= :until"),
        (wanted.text, "events.id IN (SELECT rowid FROM events_fts WHERE events_fts MATCH :text)"),
    ]
    values: dict[str, object] = {
        "source": wanted.source,
        "low": low,
        "high": high,
        "service": wanted.service.lower() if wanted.service else None,
        "protocol": wanted.protocol,
        "event": wanted.event,
        "kind": wanted.kind,
        "ranks": json.dumps(ranks),
        "since": wanted.since,
        "until": wanted.until,
        "text": match(wanted.text) if wanted.text is not None else None,
    }
    conditions = [condition for given, condition in table if given is not None]
    return conditions, {name: value for name, value in values.items() if any(f":{name}" in c for c in conditions)}


def _release(source: str, row: Mapping[str, Any]) -> StoredRelease:
    return StoredRelease(
        row=row["id"],
        place=row["place"],
        dated=row["dated"],
        digest=row["content"],
        returns=row["returns"],
        release=Release(
            id=row["content"][:12],
            source=source,
            published=row["published"],
            observed=row["observed"],
            sha256=row["sha256"],
            entries=row["entries"],
            problems=_problems(row["problems"]),
        ),
        counts={name: row[name] for name in (*map(str, Kind), "contacts", "quiet")},
    )


def _problems(text: str) -> tuple[Problem, ...]:
    """Read the `problems` column."""
    return tuple(Problem(**problem) for problem in json.loads(text))


def _content(
    release: StoredRelease, versions: Versions, known: Mapping[ItemKey, Item | None], since: Delta | None = None
) -> Content:
    return Content(
        published=release.release.published,
        digest=release.digest,
        items=StoredItems(versions, release.place, known),
        entries=release.release.entries,
        delta=since,
    )


def _event(row: Mapping[str, Any]) -> Event:
    return Event(
        id=row["event"],
        kind=Kind(row["kind"]),
        severity=Severity(row["severity"]),
        summary=row["summary"],
        fingerprint=row["fingerprint"],
        changes=tuple(json.loads(row["changes"])),
        also=tuple(json.loads(row["also"])),
        service=row["service"],
        ports=tuple(json.loads(row["ports"])),
        protocols=tuple(json.loads(row["protocols"])),
        was=row["was"],
        registry=row["registry"],
        values=tuple(json.loads(row["values"])),
        evidence=row["evidence"],
    )
