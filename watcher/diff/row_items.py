"""The contents of two tables that make an entry only when a comparison asks about it.

Two releases of a table differ in a few rows, and making entries of the others takes longer than reading them. So both
documents are read whole, but their items are `RowItems`: it makes those under the keys of changed rows, and any other
one when a rule asks for it. Iterating over it makes all.
The simple path is `content.build_content`; a test holds both to the same comparison.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from watcher.core.intervals import Interval, IntervalUnion
from watcher.core.model import Content, Delta, Fields, Item, ItemKey, Key, Section
from watcher.diff.content import (
    build_content,
    choose_labels,
    digest_contact,
    digest_entry,
    digest_header,
    key_items,
    make_entry,
    make_key,
    number_duplicates,
)
from watcher.diff.item_map import ItemMap
from watcher.formats.base import Document, Row
from watcher.registries.base import PATH, Labels, Registry
from watcher.registries.entries import Entries, RowBacked


class ReadTable:
    """A document that passed `check_document`, with the key columns of its registries by path.

    `name` tells it from another document. Raises ParseError `no_key` (`with_key`).
    """

    def __init__(self, document: Document, registry: Registry, name: str) -> None:
        self.document = document
        self.registry = registry
        self.name = name
        self.labels = choose_labels(document, registry, {row.registry for row in document.rows})
        # The columns that are compared first when rows are searched by their key.
        self._first = {path: next(filter(PATH.__ne__, labels), "") for path, labels in self.labels.items()}

    def key_of(self, row: Row) -> Key:
        return make_key(row.fields, row.registry, self.labels[row.registry])

    def find(self, keys: Collection[Key]) -> list[Row]:
        """Return the rows with one of some keys."""
        columns, rows = self._first, self.document.rows
        if "" not in columns.values():  # most rows are excluded by one column
            texts = {path: {key.part(column) for key in keys} for path, column in columns.items()}
            rows = tuple(row for row in rows if row.fields.get(columns[row.registry], "") in texts[row.registry])
        return [row for row in rows if self.key_of(row) in keys]

    @cached_property
    def shared_keys(self) -> Collection[Key]:
        """The keys that several rows have."""
        rows, texts = self.document.rows, [self.key_of(row).values for row in self.document.rows]
        if len(set(texts)) == len(rows):
            return ()  # as in most tables
        counts = Counter(texts)
        return {self.key_of(row) for row, values in zip(rows, texts, strict=True) if counts[values] > 1}

    def make_items(self, rows: Iterable[Row], made: dict[Row, Item]) -> ItemMap:
        """Return the items of all rows with some keys. `made` are those of rows that share their key with no other."""
        by_key: dict[Key, list[Row]] = {}
        for row in rows:
            by_key.setdefault(self.key_of(row), []).append(row)
        items = ItemMap()
        for key, same in by_key.items():
            if len(same) == 1:
                items[Section.ENTRY, key] = made.get(same[0]) or made.setdefault(same[0], self._make_item(same[0]))
            else:
                digested = [digest_entry(row, self.document, self.registry, self.labels[row.registry]) for row in same]
                items.update(number_duplicates((Section.ENTRY, key), digested, self.registry))
        return items

    def _make_item(self, row: Row) -> Item:
        fields = dict(row.fields.items())
        return make_entry(row, fields, self.document, self.registry, self.labels[row.registry])


def pair_contents(old: ReadTable, new: ReadTable) -> tuple[Content, Content]:
    """Return the contents of two releases for one comparison, without problems; `digest` is the name of the table."""
    changed = _find_changed_rows(old.document.rows, new.document.rows)
    if changed is None or old.labels != new.labels or old.document.id != new.document.id:
        return build_content(old.document, old.registry), build_content(new.document, new.registry)
    keys = {old.key_of(row) for row in changed}  # the key columns are the same
    made: dict[Row, Item] = {}
    intervals: dict[Row, Interval | None] = {}
    before, after = (RowItems(table, keys, made, intervals) for table in (old, new))
    delta = Delta(digest=old.name, removed=tuple(before.compared.values()), added=tuple(after.compared.values()))
    return _make_content(old, before, None), _make_content(new, after, delta)


def _make_content(table: ReadTable, items: RowItems, delta: Delta | None) -> Content:
    return Content(
        published=table.document.published,
        digest=table.name,
        items=items,
        entries=len(table.document.rows),
        delta=delta,
    )


def _find_changed_rows(old: Sequence[Row], new: Sequence[Row]) -> Collection[Row] | None:
    """Return the rows that are not equally often in both documents; None if these are many."""
    before, after = set(old), set(new)
    if before.isdisjoint(after):
        return None
    changed = before ^ after
    if len(before) < len(old) or len(after) < len(new):
        counts, others = Counter(old), Counter(new)
        changed.update(row for row in before & after if counts[row] != others[row])
    return changed if len(changed) <= len(new) // 2 else None


class RowItems(RowBacked):
    """The items of one of two tables that share most rows.

    `compared` are the entries under the keys of changed rows, with all contacts and headers.

    Both tables keep in `made` and `intervals` what they derived from single rows, most of which they have in common.
    """

    def __init__(
        self,
        table: ReadTable,
        keys: Collection[Key],
        made: dict[Row, Item],
        intervals: dict[Row, Interval | None],
    ) -> None:
        self._table = table
        self._keys = keys
        self._made = made
        self._intervals = intervals
        contacts = map(digest_contact, table.document.contacts)
        headers = (digest_header(path, fields) for path, fields in table.document.headers.items())
        self.compared = table.make_items(table.find(keys), made)
        self.compared.update(key_items([*contacts, *headers], table.registry).items)
        self.headers = {
            key.part(PATH): item for (section, key), item in self.compared.items() if section is Section.REGISTRY
        }

    @cached_property
    def labels(self) -> Mapping[str, Labels]:
        labels = self._table.labels
        rows = self.list_rows() if any(PATH in columns for columns in labels.values()) else self.list_rows()[:1]
        return {self._path_of(row): labels[row.registry] for row in rows}

    def _path_of(self, row: Row) -> str:
        """Return the path that the key of a row has: a column may have its name."""
        return row.fields.get(PATH, row.registry) if PATH in self._table.labels[row.registry] else ""

    def get(self, key: ItemKey, default: Any = None) -> Any:
        item = self.compared.get(key)
        if item is None and key[0] is Section.ENTRY and key[1]._replace(ordinal=1) not in self._keys:
            item = self._all.get(key)
        return default if item is None else item

    def __iter__(self) -> Iterator[ItemKey]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def items(self) -> Any:
        return self._all.items()

    def values(self) -> Any:
        return self._all.values()

    @cached_property
    def _all(self) -> ItemMap:
        items = self._table.make_items(self._table.document.rows, self._made)
        items.update(self.compared)
        return items

    def select(self, intervals: Sequence[Interval], words: Sequence[str]) -> Iterable[Item]:
        """Return every item that has one of the numbers or one of the words."""
        numbers = IntervalUnion(intervals)
        return self.make_entries([row for row in self.list_rows() if self._has(row, numbers, words)])

    def _has(self, row: Row, numbers: IntervalUnion, words: Sequence[str]) -> bool:
        if row not in self._intervals:
            item = Item(section=Section.ENTRY, key=self._table.key_of(row), fields=row.fields)
            self._intervals[row] = self._table.registry.interval(item)
        interval = self._intervals[row]
        if interval is not None and numbers.overlaps(interval):
            return True
        return any(word in text for word in words for text in row.fields.values())

    def list_rows(self) -> Sequence[Row]:
        return self._table.document.rows

    def entries(self, path: str) -> Entries:
        labels = self._table.labels
        rows = [row for row in self.list_rows() if self._path_of(row) == path]
        return _RowEntries(self, rows, next((labels[row.registry] for row in rows), ()))

    def make_entries(self, rows: Sequence[Row]) -> Collection[Item]:
        """Return the items of some rows, and of all that share a key with one of them."""
        table = self._table
        shared = {key for key in map(table.key_of, rows) if key in table.shared_keys} if rows else ()
        if shared:
            rows = [*(row for row in rows if table.key_of(row) not in shared), *table.find(shared)]
        return table.make_items(rows, self._made).values()


class _RowEntries(Entries):
    """The entries of one registry of a `RowItems`."""

    def __init__(self, items: RowItems, rows: Sequence[Row], labels: Labels) -> None:
        super().__init__({}, labels)
        self._owner = items
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._owner.make_entries(self._rows))

    def list_rows(self) -> Sequence[Row]:
        return self._rows

    def make_entries(self, rows: Iterable[Row]) -> Collection[Item]:
        return self._owner.make_entries([*rows])

    def select(self, test: Callable[[Fields], bool]) -> Collection[Item]:
        return self.make_entries(row for row in self._rows if test(row.fields))
