"""Writes `versions`: one row for each state of an item, valid from the place `first` up to the place `until`.

Inserting a release touches only the items that differ from a neighbour: their rows are cut, extended or split.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from watcher.core.model import Change, Content, Fields, Item, ItemKey, Section
from watcher.store.new_release import IndexedRegistry, Neighbour, Transition
from watcher.store.stored_items import JSON, encode_key

if TYPE_CHECKING:
    from watcher.store.base import Database

_COLUMNS = [
    "id",
    "source_id",
    "section",
    "key",
    "status",
    "name",
    "value",
    "low",
    "high",
    "fields",
    "text",
    "first",
    "until",
]


class VersionWriter:
    """Writes the item states of one source, in the caller's transaction."""

    def __init__(self, db: Database, source_id: int, registry: IndexedRegistry) -> None:
        self._db = db
        self._source_id = source_id
        self._registry = registry

    def insert_release(
        self,
        place: int,
        content: Content,
        before: Neighbour | None,
        after: Neighbour | None,
        into: Transition | None,
        out_of: Transition | None,
    ) -> None:
        """Store the items of a release at a place; `into` and `out_of` are the changes from and to its neighbours."""
        if before is None and after is None:
            self._insert((item, place, None) for item in content.items.values())
            return
        if before is None and after is not None:
            # The new release is the oldest: it has all items of the next one, but for the changes between the two.
            self._db.execute(
                "UPDATE versions SET first = ? WHERE source_id = ? AND first = ?", [place, self._source_id, after.place]
            )
        until = after.place if after else None
        new = [
            (item, place, until)
            for key in dict.fromkeys([*_changed_keys(into), *_changed_keys(out_of)])
            if (item := self._insert_item(key, place, before, after, content.items.get(key)))
        ]
        self._insert(new)

    def find_version(self, key: ItemKey, place: int) -> tuple[int, int | None]:
        """Return the row and the `until` of an item's state at a place."""
        row = self._db.execute(
            """SELECT id, until FROM versions WHERE source_id = ? AND section = ? AND key = ? AND first <= ?
            AND (until IS NULL OR until > ?) ORDER BY first DESC LIMIT 1""",
            [self._source_id, key[0], encode_key(key[1]), place, place],
        ).fetchone()
        return int(row[0]), row[1]

    def find_names(self, item: Item) -> Sequence[str]:
        """Return the words that an item is looked up by."""
        return self._registry.names(item) if item.section is Section.ENTRY else item.key.values[:1]

    def find_leftover_names(self, change: Change) -> Sequence[str]:
        """Return the names by which a removed or added entry is found in another group."""
        return self._registry.leftover_names(change)

    def _insert_item(
        self, key: ItemKey, place: int, before: Neighbour | None, after: Neighbour | None, item: Item | None
    ) -> Item | None:
        """Cut or extend the states of one item that differs from at least one neighbour; return it if it needs a row.

        `item` is its state in the new release, None where the new release does not have it.
        """
        left = before.content.items.get(key) if before else None
        right = after.content.items.get(key) if after else None
        same_as_left, same_as_right = _is_same(left, item), _is_same(right, item)
        if left is not None and not same_as_left:  # the state before ends here, and may return in the next release
            version, until = self.find_version(key, before.place if before else place)
            self._db.execute("UPDATE versions SET until = ? WHERE id = ?", [place, version])
            if after and right is not None and _is_same(left, right):
                self._split(version, right, after.place, until)
        if right is not None and after:
            if before is None and not same_as_right:  # `insert_release` let the state of the next release begin here
                version, _ = self.find_version(key, place)
                self._db.execute("UPDATE versions SET first = ? WHERE id = ?", [after.place, version])
            elif before and same_as_right and not same_as_left:  # the state of the next release begins here
                version, _ = self.find_version(key, after.place)
                self._db.execute("UPDATE versions SET first = ? WHERE id = ?", [place, version])
        return None if same_as_left or same_as_right else item

    def _split(self, version: int, item: Item, first: int, until: int | None) -> None:
        """Insert a second row for a state that ends at the new release and returns in the next one."""
        self._insert([(item, first, until)])
        new = self._db.execute("SELECT max(id) FROM versions").fetchone()[0]
        # The change that ended the old row ends the new one.
        self._db.execute("UPDATE changes SET before_id = ? WHERE before_id = ?", [new, version])

    def _insert(self, items: Iterable[tuple[Item, int, int | None]]) -> None:
        """Insert rows: an item, its `first` and its `until`."""
        last = int(self._db.execute("SELECT coalesce(max(id), 0) FROM versions").fetchone()[0])
        self._db.insert_rows(
            "versions",
            _COLUMNS,
            (
                (number, self._source_id, *self._columns(item), first, until)
                for number, (item, first, until) in enumerate(items, last + 1)
            ),
        )
        # One statement, not a trigger for each row: FTS5 flushes its buffers before every statement, which was half of
        # the time of an insert.
        self._db.index_texts("versions", "id > ?", [last])

    def _columns(self, item: Item) -> tuple[object, ...]:
        low, high = (self._registry.interval(item) if item.section is Section.ENTRY else None) or (None, None)
        names = self.find_names(item)
        fields = dict(item.fields.items())
        return (
            str(item.section),  # a plain str: for an enum the sqlite3 module searches for an adapter each time
            encode_key(item.key),
            str(item.status),
            names[0],
            names[1] if len(names) > 1 else "",
            low,
            high,
            JSON.encode(fields),
            join_texts(fields),
        )


def join_texts(fields: Fields) -> str:
    """Return the texts of an item, one a line, as the full-text index gets them."""
    return "\n".join(dict.fromkeys([value for name, value in fields.items() if value and ":" not in name]))


def _changed_keys(step: Transition | None) -> Iterator[ItemKey]:
    for change in step.changes.changes if step else ():
        for item in (change.before, change.after):
            if item is not None:
                yield item.section, item.key


def _is_same(one: Item | None, other: Item | None) -> bool:
    return one is not None and other is not None and (one is other or one.fields == other.fields)
