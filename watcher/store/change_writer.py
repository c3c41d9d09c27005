"""Writes `changes`, `events` and the tables that events are found by."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import asdict

from watcher.core.model import Change, ChangeSet, Event, Item, Section, Side, count_changes
from watcher.core.port_ranges import find_ports
from watcher.core.texts import LONGEST_NAME
from watcher.store.event_documents import insert_event_documents, insert_moved_documents
from watcher.store.history_rows import encode_event
from watcher.store.moves import MovesTable, insert_leftovers
from watcher.store.new_release import Transition
from watcher.store.stored_items import JSON
from watcher.store.version_writer import VersionWriter, join_texts

if TYPE_CHECKING:
    from watcher.store.base import Database

_LONGEST_SEARCHED = 20_000  # characters of one item in the full-text index of events


class ChangeWriter:
    """Writes the changes and events of one source, in the caller's transaction."""

    def __init__(self, db: Database, versions: VersionWriter, *, is_group: bool = False) -> None:
        self._db = db
        self._is_group = is_group
        self._versions = versions

    def replace_changes(self, release_id: int, old_place: int, new_place: int, step: Transition) -> None:
        """Replace the changes and events of the release at `new_place`, against the one at `old_place`."""
        for table in ("events", "changes"):
            self._db.execute(f"DELETE FROM {table} WHERE release_id = ?", [release_id])  # noqa: S608 - constants
        self._insert_changes(release_id, old_place, new_place, step.changes)
        if self._is_group:
            names = {
                seq: names
                for seq, change in enumerate(step.changes.changes)
                if (names := self._versions.find_leftover_names(change))
            }
            insert_leftovers(self._db, release_id, names, step.changes.changes)
        ports: list[tuple[int, int, int]] = []
        services: list[tuple[int, str]] = []
        for seq, event in enumerate(step.events):
            covered = [step.changes.changes[index] for index in event.changes]
            side = self._find_release(event.other) if event.other else 0
            added = [*MovesTable(self._db).read_changes(side, event.other.changes).values()] if event.other else []
            items = _items_of([*covered, *added])
            event_id = self._insert_event(release_id, seq, event, items)
            if event.other:
                self._insert_side(event_id, side, event.other)
                insert_moved_documents(self._db, event_id, event.registry, covered, added)
            else:
                insert_event_documents(self._db, event_id, covered)
            intervals = {interval for port in event.ports if (interval := find_ports(port))}
            ports += [(event_id, *interval) for interval in sorted(intervals)]
            services += [(event_id, name) for name in self._search_names(event, items)]
        self._db.executemany("INSERT INTO event_ports VALUES (?, ?, ?)", ports)
        self._db.executemany("INSERT INTO event_services VALUES (?, ?)", services)
        self._db.index_texts("events", "release_id = ?", [release_id])

    def _insert_changes(self, release_id: int, old_place: int, new_place: int, changes: ChangeSet) -> None:
        rows = []
        for seq, change in enumerate(changes.changes):
            before = after = None
            if change.before:
                before, _ = self._versions.find_version((change.section, change.before.key), old_place)
            if change.after:
                after, _ = self._versions.find_version((change.section, change.after.key), new_place)
            fields = JSON.encode([asdict(field) for field in change.fields])
            rows.append((release_id, seq, change.kind, int(change.quiet), before, after, fields))
        self._db.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute(
            """UPDATE releases SET added = :added, modified = :modified, deprecated = :deprecated, removed = :removed,
            contacts = :contacts, quiet = :quiet WHERE id = :id""",
            {**count_changes(changes), "id": release_id},
        )

    def _insert_event(self, release_id: int, seq: int, event: Event, items: Sequence[Item]) -> int:
        """Insert an event and return its row; the full-text index gets its summary and the texts of its items."""
        texts = dict.fromkeys(join_texts(item.fields)[:_LONGEST_SEARCHED] for item in items)
        text = "\n".join([event.id, event.summary, *texts])
        columns = {"release_id": release_id, "seq": seq, **encode_event(event), "text": text}
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join(f":{name}" for name in columns)
        return self._db.insert(f"INSERT INTO events ({names}) VALUES ({places})", columns)  # noqa: S608 - our columns

    def _find_release(self, side: Side) -> int:
        """Return the row of the release that the other side of an event is in."""
        row = self._db.execute(
            """SELECT releases.id FROM releases JOIN sources ON sources.id = source_id
            WHERE name = ? AND substr(content, 1, ?) = ?""",
            [side.source, len(side.release), side.release],
        ).fetchone()
        return int(row[0])

    def _insert_side(self, event_id: int, release_id: int, side: Side) -> None:
        self._db.execute(
            "INSERT INTO event_sides (event_id, release_id, registry, changes) VALUES (?, ?, ?, ?)",
            [event_id, release_id, "\n".join(side.registries), JSON.encode(side.changes)],
        )

    def _search_names(self, event: Event, items: Sequence[Item]) -> list[str]:
        """Return the names that find an event: those it mentions and those of its entries, in lower case."""
        entries = [item for item in items if item.section is Section.ENTRY]
        names = [name for item in entries for name in self._versions.find_names(item)]
        names += [*event.service.split(", "), *event.values]
        return sorted({name[:LONGEST_NAME].lower() for name in names if name})


def _items_of(covered: Sequence[Change]) -> list[Item]:
    """Return the items of the changes that an event covers, old and new."""
    return [item for change in covered for item in (change.before, change.after) if item is not None]
