"""Read the next release of a source in the time of what changed. Nothing outside `diff/` knows how.

Most rows of a release are the same in the one before it: the format's `RowCache` returns the same `Row` objects for
them, and their items are reused.
The simple path is `content.py`; a test holds both to the same answer.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from watcher.core.model import Content, Delta, Fields, ItemKey
from watcher.diff.content import (
    DigestedItem,
    KeyedItems,
    check_document,
    choose_labels,
    digest_contact,
    digest_entry,
    digest_header,
    document_id,
    key_items,
    number_duplicates,
)
from watcher.diff.item_map import ItemMap
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.catalog import FORMATS
from watcher.formats.unchanged_ranges import find_differences
from watcher.registries.base import Labels, Registry

_DIGEST_SIZE = hashlib.sha256().digest_size


class IncrementalReader:
    """Reads the releases of one source one after the other. Holds one release."""

    def __init__(self, registry: Registry, format: str = "xml") -> None:  # noqa: A002 - the config's word
        self._registry = registry
        self._format = FORMATS[format]
        self._row_cache = RowCache()
        self._last: _ReadRelease | None = None

    def read(self, data: bytes) -> Content:
        """Return what `read_content` returns, with the delta to the release read before where there is one.

        Raises as `read_content` does; then the next release is compared with the last one that could be read.
        """
        document = self._format.read(data, self._registry.columns, self._row_cache)
        check_document(document, self._registry)
        release = self._last and _Update(self._last, document, self._registry).read()
        self._last = release or _read_whole(document, self._registry)
        return self._last.content


@dataclass(frozen=True, slots=True, kw_only=True)
class _ReadRelease:
    """A release as it was read, for the next one to start from.

    `headers` are the items of registries by path, `labels` the key columns by path. `rows` are those of the document,
    contacts too; None if one object is there twice. The digests of single items are not kept, because a million of them
    take more memory than computing a few again is worth.
    """

    content: Content
    document: Document
    keyed: KeyedItems
    headers: dict[str, DigestedItem]
    labels: dict[str, Labels]
    rows: set[Row] | None

    def digest(self, row: Row, registry: Registry) -> DigestedItem:
        """Return the item of an entry's row of this release."""
        return digest_entry(row, self.document, registry, self.labels[row.registry])


def _read_whole(document: Document, registry: Registry) -> _ReadRelease:
    """Read a release without another one, as `build_content` does."""
    labels = choose_labels(document, registry, {row.registry for row in document.rows})
    headers = {path: digest_header(path, fields) for path, fields in document.headers.items()}
    entries = (digest_entry(row, document, registry, labels[row.registry]) for row in document.rows)
    keyed = key_items([*entries, *map(digest_contact, document.contacts), *headers.values()], registry)
    rows = {*document.rows, *document.contacts}
    return _ReadRelease(
        content=keyed.content(document),
        document=document,
        keyed=keyed,
        headers=headers,
        labels=labels,
        rows=rows if len(rows) == len(document.rows) + len(document.contacts) else None,
    )


class _Update:
    """Makes one release from the one before it: removes items, adds items, and numbers the keys that these share."""

    def __init__(self, last: _ReadRelease, document: Document, registry: Registry) -> None:
        self._last = last
        self._document = document
        self._registry = registry
        self._items = ItemMap(last.keyed.items)
        self._duplicates = dict(last.keyed.duplicates)
        self._regrouped: dict[ItemKey, list[DigestedItem]] = {}  # every group of one key that changed, as it is now
        self._added: dict[ItemKey, DigestedItem] = {}

    def read(self) -> _ReadRelease | None:
        """Return the release; None if it must be read whole: much differs, rows repeat, or a key has other columns."""
        document, last = self._document, self._last
        if last.rows is None or document_id(document, self._registry) != document_id(last.document, self._registry):
            return None
        rows = _RowDifference(last.document.rows, document.rows, last.rows)
        contacts = _RowDifference(last.document.contacts, document.contacts, last.rows)
        if rows.has_repeats or contacts.has_repeats:
            return None
        if len(rows.removed) + len(rows.added) + len(contacts.removed) + len(contacts.added) > len(document.rows) // 2:
            return None
        labels = self._labels(rows)
        if labels is None:
            return None
        headers = {path: self._header(path, fields) for path, fields in document.headers.items()}
        removed = [last.digest(row, self._registry) for row in rows.removed]
        removed += map(digest_contact, contacts.removed)
        removed += [header for path, header in last.headers.items() if headers.get(path) is not header]
        added = [digest_entry(row, document, self._registry, labels[row.registry]) for row in rows.added]
        added += map(digest_contact, contacts.added)
        added += [header for path, header in headers.items() if last.headers.get(path) is not header]
        self._remove(removed)
        self._add(added)
        self._number_regrouped()
        keyed = KeyedItems(
            items=self._items,
            duplicates=self._duplicates,
            digests=_merge_digests(last.keyed.digests, removed, added),
        )
        # Updated in place, because copying a million rows costs more than the rest; nobody reads `last.rows` again.
        last.rows.difference_update(rows.removed, contacts.removed)
        last.rows.update(rows.added, contacts.added)
        return _ReadRelease(
            content=keyed.content(document, self._delta(removed, added)),
            document=document,
            keyed=keyed,
            headers=headers,
            labels=labels,
            rows=last.rows,
        )

    def _header(self, path: str, fields: Fields) -> DigestedItem:
        last = self._last.headers.get(path)
        return last if last and last[0].fields == fields else digest_header(path, fields)

    def _labels(self, rows: _RowDifference) -> dict[str, Labels] | None:
        """Return the key columns by path; None if they differ for a registry some of whose rows are reused."""
        labels = dict(self._last.labels)
        changed = {row.registry for row in rows.added}
        changed |= {row.registry for row in rows.removed if row.registry in labels}
        for path, chosen in choose_labels(self._document, self._registry, changed).items():
            if labels.setdefault(path, chosen) != chosen:
                return None
        return labels

    def _remove(self, removed: Sequence[DigestedItem]) -> None:
        for pair in removed:
            key = pair[0].section, pair[0].key
            if key in self._duplicates:
                self._group(key).remove(pair)
            else:
                del self._items[key]

    def _add(self, added: Sequence[DigestedItem]) -> None:
        single = self._single_items(added)
        for pair in added:
            key = pair[0].section, pair[0].key
            if key in self._duplicates or key in self._regrouped:
                self._group(key).append(pair)
            elif key in self._items:
                self._regrouped[key] = [self._added[key] if key in self._added else single[key], pair]
            else:
                self._items[key] = pair[0]
                self._added[key] = pair

    def _group(self, key: ItemKey) -> list[DigestedItem]:
        """Return a changeable copy of the items that share a key."""
        return self._regrouped.setdefault(key, list(self._duplicates.get(key, ())))

    def _number_regrouped(self) -> None:
        for key, group in self._regrouped.items():
            for ordinal in range(1, len(self._duplicates.pop(key, ())) + 1):
                self._items.pop((key[0], key[1]._replace(ordinal=ordinal)), None)
            if len(group) > 1:
                self._duplicates[key] = group
                self._items.update(number_duplicates(key, group, self._registry))
            elif group:
                self._items[key] = group[0][0]

    def _single_items(self, added: Sequence[DigestedItem]) -> dict[ItemKey, DigestedItem]:
        """Return the items that had a key alone until now and share it with an added one."""
        keys = [(item.section, item.key) for item, _ in added]
        fields = {id(self._items[key].fields) for key in keys if key in self._items and key not in self._duplicates}
        if not fields:
            return {}
        last = self._last
        pairs = [last.digest(row, self._registry) for row in last.document.rows if id(row.fields) in fields]
        pairs += [digest_contact(row) for row in last.document.contacts if id(row.fields) in fields]
        pairs += last.headers.values()
        return {(pair[0].section, pair[0].key): pair for pair in pairs}

    def _delta(self, removed: Sequence[DigestedItem], added: Sequence[DigestedItem]) -> Delta:
        keys = {(item.section, item.key) for item, _ in (*removed, *added)} - self._regrouped.keys()
        for key, group in self._regrouped.items():
            most = max(len(group), len(self._last.keyed.duplicates.get(key, ())), 1)
            keys |= {(key[0], key[1]._replace(ordinal=ordinal)) for ordinal in range(1, most + 1)}
        before, after = self._last.content.items, self._items
        return Delta(
            digest=self._last.content.digest,
            removed=tuple(before[key] for key in keys if key in before and before[key] is not after.get(key)),
            added=tuple(after[key] for key in keys if key in after and after[key] is not before.get(key)),
        )


class _RowDifference:
    """The rows removed and added between two documents, moved ones not among them.

    `has_repeats`: one row object is in the new document twice, so that identity does not tell its rows apart.
    """

    def __init__(self, old: Sequence[Row], new: Sequence[Row], old_rows: AbstractSet[Row]) -> None:
        removed, added = find_differences(old, new)
        moved = set(removed).intersection(added)
        self.removed = [row for row in removed if row not in moved]
        self.added = [row for row in added if row not in moved]
        self.has_repeats = len(set(added)) < len(added) or not old_rows.isdisjoint(self.added)


def _merge_digests(digests: bytes, removed: Sequence[DigestedItem], added: Sequence[DigestedItem]) -> bytes:
    """Return the sorted digests of the new release, from those of the old one."""
    kept, begin = [], 0
    for place in _places(digests, sorted(digest for _, digest in removed), after=1):
        kept.append(digests[begin:place])
        begin = place + _DIGEST_SIZE
    rest = b"".join([*kept, digests[begin:]])
    merged, begin = [], 0
    new = sorted(digest for _, digest in added)
    for place, digest in zip(_places(rest, new, after=0), new, strict=True):
        merged += [rest[begin:place], digest]
        begin = place
    return b"".join([*merged, rest[begin:]])


def _places(digests: bytes, wanted: Iterable[bytes], *, after: int) -> Iterator[int]:
    """Yield the byte offset where each wanted digest is or belongs, at least `after` digests behind the last one."""
    places, lowest = range(0, len(digests), _DIGEST_SIZE), 0
    for digest in wanted:
        index = bisect_left(places, digest, lo=lowest, key=lambda place: digests[place : place + _DIGEST_SIZE])
        lowest = index + after
        yield index * _DIGEST_SIZE
