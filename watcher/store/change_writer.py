"""Writes `changes`, `events` and the tables that events are found by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from watcher.core.model import ChangeSet, Event, Item, Section, count_changes
from watcher.core.port_ranges import find_ports
from watcher.store.database import Database
from watcher.store.event_documents import insert_event_documents
from watcher.store.history_rows import encode_event
from watcher.store.new_release import Transition
from watcher.store.stored_items import JSON
from watcher.store.version_writer import VersionWriter, join_texts


class ChangeWriter:
    """Writes the changes and events of one source, in the caller's transaction."""

    def __init__(self, db: Database, versions: VersionWriter) -> None:
        self._db = db
        self._versions = versions

    def replace_changes(self, release_id: int, old_place: int, new_place: int, step: Transition) -> None:
        """Replace the changes and events of the release at `new_place`, against the one at `old_place`."""
        for table in ("events", "changes"):
            self._db.execute(f"DELETE FROM {table} WHERE release_id = ?", [release_id])  # noqa: S608 - constants
        self._insert_changes(release_id, old_place, new_place, step.changes)
        ports: list[tuple[int, int, int]] = []
        services: list[tuple[int, str]] = []
        for seq, event in enumerate(step.events):
            items = _items_of(event, step.changes)
            event_id = self._insert_event(release_id, seq, event, items)
            insert_event_documents(self._db.conn, event_id, [step.changes.changes[index] for index in event.changes])
            intervals = {interval for port in event.ports if (interval := find_ports(port))}
            ports += [(event_id, *interval) for interval in sorted(intervals)]
            services += [(event_id, name) for name in self._search_names(event, items)]
        self._db.conn.executemany("INSERT INTO event_ports VALUES (?, ?, ?)", ports)
        self._db.conn.executemany("INSERT INTO event_services VALUES (?, ?)", services)
        self._db.execute(
            "INSERT INTO events_fts (rowid, text) SELECT id, text FROM events WHERE release_id = ?", [release_id]
        )

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
        self._db.conn.executemany("INSERT INTO changes VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        self._db.execute(
            """UPDATE releases SET added = :added, modified = :modified, deprecated = :deprecated, removed = :removed,
            contacts = :contacts, quiet = :quiet WHERE id = :id""",
            {**count_changes(changes), "id": release_id},
        )

    def _insert_event(self, release_id: int, seq: int, event: Event, items: Sequence[Item]) -> int:
        """Insert an event and return its row; the full-text index gets its summary and the texts of its items."""
        texts = dict.fromkeys(join_texts(item.fields) for item in items)
        text = "\n".join([event.id, event.summary, *texts])
        columns = {"release_id": release_id, "seq": seq, **encode_event(event), "text": text}
        names, places = ", ".join(f'"{name}"' for name in columns), ", ".join(f":{name}" for name in columns)
        row = self._db.execute(f"INSERT INTO events ({names}) VALUES ({places})", columns)  # noqa: S608 - our columns
        return int(row.lastrowid or 0)

    def _search_names(self, event: Event, items: Sequence[Item]) -> list[str]:
        """Return the names that find an event: those it mentions and those of its entries, in lower case."""
        entries = [item for item in items if item.section is Section.ENTRY]
        names = [name for item in entries for name in self._versions.find_names(item)]
        return sorted({name.lower() for name in (*event.service.split(", "), *event.values, *names) if name})


def _items_of(event: Event, changes: ChangeSet) -> list[Item]:
    """Return the items of the changes that an event covers, old and new."""
    covered = [changes.changes[index] for index in event.changes]
    return [item for change in covered for item in (change.before, change.after) if item is not None]
