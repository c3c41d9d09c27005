"""Write the history: releases, the versions of every item, changes, events. Runs in the caller's transaction.

A release goes between the two it belongs between: the versions of what changed there are cut or stretched, and the
changes of the release after it are derived again. Content and differences are handed in; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from watcher.core.json_text import compact
from watcher.core.model import ChangeSet, Content, Event, Fields, Item, ItemKey, Section, counts
from watcher.core.operations import Ending, Label
from watcher.core.port_ranges import find_ports
from watcher.registries.base import Registry
from watcher.store.database import Database
from watcher.store.stored_items import WRITTEN, key_text

_GAP = 1 << 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """What differs between a release and the one before it, and what it means."""

    changes: ChangeSet
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRelease:
    """A release that the history does not have yet. `observed` is a UTC time; `live`: we saw it in a check.

    `returns` is the digest of the earlier release that this one is again; the content then has a digest of its own.
    """

    content: Content
    sha256: str
    observed: str | None
    live: bool
    dated: str
    returns: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A release that is there already, with what it says."""

    id: int
    place: int
    content: Content


class HistoryWriter:
    """The write side of the history of one source."""

    def __init__(self, database: Database, source: str, registry: Registry) -> None:
        self._database = database
        self._db = database.db
        self._registry = registry
        self._source = source
        self._known: int | None = None

    def ensure_source(self) -> int:
        """Return the source's row, made on first use."""
        if (found := self._row()) is not None:
            return found
        self._db.execute(
            "INSERT INTO sources (name, registry) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
            [self._source, self._registry.id],
        )
        return int(self._one("SELECT id FROM sources WHERE name = ?", self._source))

    def _row(self) -> int | None:
        """The source's row, where there is one."""
        if self._known is not None:
            return self._known
        found: int | None = self._one("SELECT id FROM sources WHERE name = ?", self._source)
        if not self._db.conn.in_transaction:  # a row made in a transaction may go with it
            self._known = found
        return found

    def read_labels(self) -> list[Label]:
        """What `order.in_order` needs of every release there is."""
        rows = self._db.execute(
            "SELECT content, published, observed, live FROM releases WHERE source_id = ?", [self.ensure_source()]
        )
        return [Label(digest=row[0], published=row[1], observed=row[2], live=bool(row[3])) for row in rows]

    def read_ending(self) -> Ending | None:
        """What `order.at_the_end` needs; None where there is no release."""
        source = self._row()  # asking makes none
        last = self._db.execute(
            "SELECT content, dated, observed FROM releases WHERE source_id = ? ORDER BY place DESC LIMIT 1", [source]
        ).fetchone()
        count, newest, live = self._db.execute(
            "SELECT count(*), max(observed), max(CASE WHEN live THEN dated END) FROM releases WHERE source_id = ?",
            [source],
        ).fetchone()
        if last is None:
            return None
        return Ending(
            count=count, digest=last[0], dated=last[1], observed=last[2], newest=newest or "", live=live or ""
        )

    def list_snapshots(self) -> set[str]:
        """Return the SHA-256 of every snapshot that a release of the history was read from."""
        rows = self._db.execute("SELECT sha256 FROM snapshots WHERE source_id = ?", [self.ensure_source()])
        return {str(row[0]) for row in rows}

    def list_returns(self) -> set[str]:
        """Return the times at which releases of the source came back."""
        rows = self._db.execute(
            "SELECT observed FROM releases WHERE source_id = ? AND returns IS NOT NULL", [self.ensure_source()]
        )
        return {str(row[0]) for row in rows}

    def add_snapshot(self, release_id: int, sha256: str, size: int, observed: str | None) -> None:
        """Remember that these bytes are this release; the earliest observation counts."""
        self._db.execute(
            """INSERT INTO snapshots (source_id, sha256, size, observed, release_id) VALUES (?, ?, ?, ?, ?)
            ON CONFLICT DO UPDATE SET observed = coalesce(min(observed, excluded.observed), observed, excluded.observed)
            """,
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
        place = self._place(before, after)
        if place is None:
            self._spread()
            return self.add_release(release, self._again(before), self._again(after), into, out_of)
        content = release.content
        row = self._db.execute(
            """INSERT INTO releases
            (source_id, content, returns, published, observed, live, dated, place, sha256, entries, problems)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                self.ensure_source(),
                content.digest,
                release.returns,
                content.published,
                release.observed,
                int(release.live),
                release.dated,
                place,
                release.sha256,
                content.entries,
                _json([asdict(problem) for problem in content.problems]),
            ],
        )
        release_id = int(row.lastrowid or 0)
        self._place_items(place, content, before, after, into, out_of)
        if before and into:
            self._describe(release_id, before.place, place, into)
        if after and out_of:
            self._describe(after.id, place, after.place, out_of)
        return release_id

    def set_dates(self, dated: Mapping[str, str]) -> None:
        """Set the day that releases (by content digest) count for."""
        self._db.conn.executemany(
            "UPDATE releases SET dated = :dated WHERE source_id = :source AND content = :content AND dated <> :dated",
            [{"source": self.ensure_source(), "content": digest, "dated": day} for digest, day in dated.items()],
        )

    def record_observation(self, release_id: int, observed: str, *, live: bool) -> bool:
        """Note an earlier observation of a release, or the first of our own; return whether it is one."""
        cursor = self._db.execute(
            """UPDATE releases SET observed = coalesce(min(observed, :at), :at), live = max(live, :live)
            WHERE id = :id AND (observed IS NULL OR observed > :at OR live < :live)""",
            {"at": observed, "live": int(live), "id": release_id},
        )
        return cursor.rowcount > 0

    def delete_history(self) -> None:
        """Remove all that is derived from the archive, to be derived again."""
        source = self.ensure_source()
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

    def _one(self, sql: str, *values: object) -> Any:
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    @staticmethod
    def _place(before: Neighbour | None, after: Neighbour | None) -> int | None:
        if before and after:
            between = (before.place + after.place) // 2
            return between if before.place < between else None
        if before:
            return before.place + _GAP
        return after.place - _GAP if after else 0

    def _spread(self) -> None:
        """Make room between places that have come too close."""
        source = self.ensure_source()
        places = [
            row[0]
            for row in self._db.execute("SELECT place FROM releases WHERE source_id = ? ORDER BY place", [source])
        ]
        # Above all there are, so that no two are equal on the way.
        base = places[-1] + _GAP
        moved = {old: base + number * _GAP for number, old in enumerate(places)}
        for table, column in (("releases", "place"), ("versions", "first"), ("versions", "until")):
            self._db.conn.executemany(
                f"UPDATE {table} SET {column} = ? WHERE source_id = ? AND {column} = ?",  # noqa: S608 - constants
                [(new, source, old) for old, new in reversed(moved.items())],
            )

    def _again(self, neighbour: Neighbour | None) -> Neighbour | None:
        if neighbour is None:
            return None
        place = int(self._one("SELECT place FROM releases WHERE id = ?", neighbour.id))
        return Neighbour(id=neighbour.id, place=place, content=neighbour.content)

    def _place_items(
        self,
        place: int,
        content: Content,
        before: Neighbour | None,
        after: Neighbour | None,
        into: Transition | None,
        out_of: Transition | None,
    ) -> None:
        if before is None and after is None:
            self._insert((item, place, None) for item in content.items.values())
            return
        if before is None and after is not None:
            # All that the next release has stood here already, but for what the change between them says.
            self._db.execute(
                "UPDATE versions SET first = ? WHERE source_id = ? AND first = ?",
                [place, self.ensure_source(), after.place],
            )
        until = after.place if after else None
        new = [
            (item, place, until)
            for key in dict.fromkeys([*_keys(into), *_keys(out_of)])
            if (item := self._place_item(key, place, before, after, content.items.get(key)))
        ]
        self._insert(new)

    def _place_item(
        self, key: ItemKey, place: int, before: Neighbour | None, after: Neighbour | None, now: Item | None
    ) -> Item | None:
        """Cut or stretch the versions of one item that differs from at least one neighbour; return it if it is new."""
        left = before.content.items.get(key) if before else None
        right = after.content.items.get(key) if after else None
        like_left, like_right = _same(left, now), _same(right, now)
        if left is not None and not like_left:
            version, until = self._version(key, before.place if before else place)
            self._db.execute("UPDATE versions SET until = ? WHERE id = ?", [place, version])
            if after and right is not None and _same(left, right):
                self._split(version, right, after.place, until)
        if right is not None and after:
            if before is None and not like_right:
                version, _ = self._version(key, place)
                self._db.execute("UPDATE versions SET first = ? WHERE id = ?", [after.place, version])
            elif before and like_right and not like_left:
                version, _ = self._version(key, after.place)
                self._db.execute("UPDATE versions SET first = ? WHERE id = ?", [place, version])
        return None if like_left or like_right else now

    def _split(self, version: int, item: Item, first: int, until: int | None) -> None:
        """The item is back as it was after the new release: what followed belongs to a version of its own."""
        self._insert([(item, first, until)])
        new = self._one("SELECT max(id) FROM versions")
        # The change that ended the old version ends the new one.
        self._db.execute("UPDATE changes SET before_id = ? WHERE before_id = ?", [new, version])

    def _version(self, key: ItemKey, place: int) -> tuple[int, int | None]:
        row = self._db.execute(
            """SELECT id, until FROM versions WHERE source_id = ? AND section = ? AND key = ? AND first <= ?
            AND (until IS NULL OR until > ?) ORDER BY first DESC LIMIT 1""",
            [self.ensure_source(), key[0], key_text(key[1]), place, place],
        ).fetchone()
        return int(row[0]), row[1]

    def _insert(self, items: Iterable[tuple[Item, int, int | None]]) -> None:
        number = int(self._one("SELECT coalesce(max(id), 0) FROM versions"))
        source = self.ensure_source()
        self._db.conn.executemany(
            """INSERT INTO versions
            (id, source_id, section, key, status, name, value, low, high, fields, text, first, until)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                (number + index, source, *self._columns(item), first, until)
                for index, (item, first, until) in enumerate(items, 1)
            ),
        )
        # All at once: before each statement of its own FTS5 writes out what it holds, and that was half of the work.
        self._db.execute("INSERT INTO versions_fts (rowid, text) SELECT id, text FROM versions WHERE id > ?", [number])

    def _columns(self, item: Item) -> tuple[object, ...]:
        entry = item.section is Section.ENTRY
        low, high = (self._registry.interval(item) if entry else None) or (None, None)
        names = self._names(item)
        fields = dict(item.fields.items())
        return (
            str(item.section),  # what is no plain text, SQLite's module looks up an adapter for
            key_text(item.key),
            str(item.status),
            names[0],
            names[1] if len(names) > 1 else "",
            low,
            high,
            compact(fields),
            _words(fields),
        )

    def _names(self, item: Item) -> Sequence[str]:
        return self._registry.names(item) if item.section is Section.ENTRY else item.key.values[:1]

    def _describe(self, release_id: int, old: int, new: int, step: Transition) -> None:
        """Write what a release changed and what that means, in place of what stood there."""
        for table in ("events", "changes"):
            self._db.execute(f"DELETE FROM {table} WHERE release_id = ?", [release_id])  # noqa: S608 - constants
        rows = []
        for seq, change in enumerate(step.changes.changes):
            before = self._version((change.section, change.before.key), old)[0] if change.before else None
            after = self._version((change.section, change.after.key), new)[0] if change.after else None
            fields = _json([{"name": f.name, "before": f.before, "after": f.after} for f in change.fields])
            rows.append((release_id, seq, change.kind, int(change.quiet), before, after, fields))
        self._db.conn.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        counted = counts(step.changes)
        self._db.execute(
            """UPDATE releases SET added = :added, modified = :modified, deprecated = :deprecated, removed = :removed,
            contacts = :contacts, quiet = :quiet WHERE id = :id""",
            {**counted, "id": release_id},
        )
        ports: list[tuple[int, int, int]] = []
        services: list[tuple[int, str]] = []
        for seq, event in enumerate(step.events):
            items = _touched(event, step.changes)
            number = self._add_event(release_id, seq, event, items)
            ports += [(number, *span) for span in sorted(filter(None, set(map(find_ports, event.ports))))]
            services += [(number, name) for name in self._services(event, items)]
        self._db.conn.executemany("INSERT INTO event_ports VALUES (?, ?, ?)", ports)
        self._db.conn.executemany("INSERT INTO event_services VALUES (?, ?)", services)
        self._db.execute(
            "INSERT INTO events_fts (rowid, text) SELECT id, text FROM events WHERE release_id = ?", [release_id]
        )

    def _add_event(self, release_id: int, seq: int, event: Event, items: Sequence[Item]) -> int:
        row = self._db.execute(
            """INSERT INTO events (release_id, seq, event, kind, severity, summary, service, ports, protocols, was,
            registry, "values", evidence, also, fingerprint, changes, text)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            [
                release_id,
                seq,
                event.id,
                event.kind,
                event.severity,
                event.summary,
                event.service,
                _json(event.ports),
                _json(event.protocols),
                event.was,
                event.registry,
                _json(event.values),
                event.evidence,
                _json(event.also),
                event.fingerprint,
                _json(event.changes),
                "\n".join([event.id, event.summary, *dict.fromkeys(_words(item.fields) for item in items)]),
            ],
        )
        return int(row.lastrowid or 0)

    def _services(self, event: Event, items: Sequence[Item]) -> list[str]:
        """What an event is found by: the names it says and those of its entries."""
        entries = [item for item in items if item.section is Section.ENTRY]
        known = [name for item in entries for name in self._names(item)]
        return sorted({name.lower() for name in (*event.service.split(", "), *event.values, *known) if name})


def _touched(event: Event, changes: ChangeSet) -> list[Item]:
    """The items that an event is of, on both sides."""
    touched = [changes.changes[index] for index in event.changes]
    return [item for change in touched for item in (change.before, change.after) if item is not None]


def _keys(step: Transition | None) -> Iterator[ItemKey]:
    for change in step.changes.changes if step else ():
        for item in (change.before, change.after):
            if item is not None:
                yield item.section, item.key


def _same(one: Item | None, other: Item | None) -> bool:
    return one is not None and other is not None and (one is other or one.fields == other.fields)


def _words(fields: Fields) -> str:
    return "\n".join(dict.fromkeys([value for name, value in fields.items() if value and ":" not in name]))


def _json(value: object) -> str:
    return WRITTEN.encode(value)
