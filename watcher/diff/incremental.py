"""Reads the next release of a source in the time that its changed rows take. Nothing outside `diff/` knows how.

Most rows of a release are the same in the one before it: the format's `RowCache` returns the same `Row` objects for
them, and their items are reused.
The simple path is `content.py`; a test holds both to the same answer.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from watcher.core.model import Content, Delta, Fields
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
)
from watcher.diff.item_map import ItemMap
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.catalog import FORMATS
from watcher.formats.unchanged_ranges import find_differences
from watcher.registries.base import Labels, Registry

_DIGEST_SIZE = hashlib.sha256().digest_size


class IncrementalReader:
    """Reads the releases of one source one after the other. Keeps the last one in memory."""

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
        release = self._last and _read_after(self._last, document, self._registry)
        self._last = release or _read_whole(document, self._registry)
        return self._last.content


class _ReadRelease(Struct, frozen=True, kw_only=True):
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


def _read_after(last: _ReadRelease, document: Document, registry: Registry) -> _ReadRelease | None:
    """Return the release, made from the one before it; None if it must be read whole.

    That is the case if much differs, a row object repeats, a key has other columns, or a changed item shares its key.
    """
    if last.rows is None or document_id(document, registry) != document_id(last.document, registry):
        return None
    rows = _RowDifference(last.document.rows, document.rows, last.rows)
    contacts = _RowDifference(last.document.contacts, document.contacts, last.rows)
    if rows.has_repeats or contacts.has_repeats:
        return None
    if len(rows.removed) + len(rows.added) + len(contacts.removed) + len(contacts.added) > len(document.rows) // 2:
        return None
    labels = _update_labels(last, document, registry, rows)
    if labels is None:
        return None
    headers = {path: _update_header(last, path, fields) for path, fields in document.headers.items()}
    removed = [digest_entry(row, last.document, registry, last.labels[row.registry]) for row in rows.removed]
    removed += map(digest_contact, contacts.removed)
    removed += [header for path, header in last.headers.items() if headers.get(path) is not header]
    added = [digest_entry(row, document, registry, labels[row.registry]) for row in rows.added]
    added += map(digest_contact, contacts.added)
    added += [header for path, header in headers.items() if last.headers.get(path) is not header]
    items = _update_items(last.keyed, removed, added)
    if items is None:
        return None
    keyed = KeyedItems(
        items=items,
        duplicates=last.keyed.duplicates,
        digests=_merge_digests(last.keyed.digests, removed, added),
    )
    delta = Delta(
        digest=last.content.digest,
        removed=tuple(last.content.items[item.section, item.key] for item, _ in removed),
        added=tuple(item for item, _ in added),
    )
    # Updated in place, because copying a million rows costs more than the rest; nobody reads `last.rows` again.
    last.rows.difference_update(rows.removed, contacts.removed)
    last.rows.update(rows.added, contacts.added)
    return _ReadRelease(
        content=keyed.content(document, delta),
        document=document,
        keyed=keyed,
        headers=headers,
        labels=labels,
        rows=last.rows,
    )


def _update_header(last: _ReadRelease, path: str, fields: Fields) -> DigestedItem:
    header = last.headers.get(path)
    return header if header and header[0].fields == fields else digest_header(path, fields)


def _update_labels(
    last: _ReadRelease, document: Document, registry: Registry, rows: _RowDifference
) -> dict[str, Labels] | None:
    """Return the key columns by path; None if they changed in a registry, so that its reused rows have other keys."""
    labels = dict(last.labels)
    changed = {row.registry for row in rows.added}
    changed |= {row.registry for row in rows.removed if row.registry in labels}
    for path, chosen in choose_labels(document, registry, changed).items():
        if labels.setdefault(path, chosen) != chosen:
            return None
    return labels


def _update_items(keyed: KeyedItems, removed: Sequence[DigestedItem], added: Sequence[DigestedItem]) -> ItemMap | None:
    """Return the items of the new release; None if one that changed shares its key, so that a group is renumbered."""
    items = ItemMap(keyed.items)
    for item, _ in removed:
        key = item.section, item.key
        if key in keyed.duplicates:
            return None
        del items[key]
    for item, _ in added:
        key = item.section, item.key
        if key in items:
            return None
        items[key] = item
    return items


class _RowDifference:
    """The rows removed and added between two documents, without moved ones.

    `has_repeats`: one row object is in the new document twice, so its rows cannot be told apart by identity.
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
