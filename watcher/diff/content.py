"""Bytes to `Content`: reads a release in its format and gives every row the identity its registry says.

Knows no registry and no file format by itself; both are handed in. Pure: the memo is a value the caller keeps.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import cache
from sys import intern

from watcher.core.errors import ParseError
from watcher.core.json_text import in_order, quoted
from watcher.core.model import Content, Delta, Fields, Item, ItemKey, Key, Problem, Section
from watcher.diff.item_map import Items
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.catalog import FORMATS
from watcher.formats.unchanged_ranges import unlike
from watcher.registries.base import PATH, Labels, Registry

_Pair = tuple[Item, bytes]
_SHORT = 5  # characters
CONTACT_LABELS = ("id",)
HEADER_LABELS = (PATH,)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Last:
    """A release as it was read, for the next one to start from.

    `headers` are the items of registries; `groups` the items that share a key; `labels` the key columns by path;
    `digests` those of all items, in order; `rows` those of the reading, contacts too, None where some are the same to
    the byte. What can be made again of a row, its item's digest, is not kept: a million of them take more room than
    the work is worth.
    """

    content: Content
    items: Items
    reading: Document
    headers: dict[str, _Pair]
    groups: dict[ItemKey, list[_Pair]]
    labels: dict[str, Labels]
    digests: bytes
    rows: set[Row] | None


@dataclass(slots=True)
class Reads:
    """What was read before, so that the next release of the same source costs what changed. Holds one release."""

    rows: RowCache = field(default_factory=RowCache)
    last: _Last | None = None


def read(data: bytes, registry: Registry, format: str = "xml", reads: Reads | None = None) -> Content:  # noqa: A002 - the config's word
    """Read one release.

    Raises ParseError where the bytes are not a whole document in that format, are another registry's
    (`wrong_registry`, `redirect`) or hold no entry at all (`empty`).
    """
    reads = reads if reads is not None else Reads()
    reading = FORMATS[format].read(data, registry.columns, reads.rows)
    moved_to = reading.headers.get("", {}).get("moved_to")
    if registry.document_id and moved_to:
        raise ParseError("redirect", f"this registry group is published as {moved_to!r} now")
    if registry.document_id and reading.id is not None and reading.id != registry.document_id:
        raise ParseError("wrong_registry", f"this is {reading.id!r}, not {registry.document_id!r}")
    if not reading.rows and not registry.may_be_empty:
        raise ParseError("empty", "the registry has not one record: an empty registry is never believed")
    if not reading.rows and not any(_says(header) for header in reading.headers.values()):
        raise ParseError("empty", "the document says nothing but its name: it is never believed")
    reads.last = (reads.last and _Next(reads.last, reading, registry).read()) or _first(reading, registry)
    return reads.last.content


def _says(header: Fields) -> bool:
    return any(value for name, value in header.items() if name != "id")


def _first(reading: Document, registry: Registry) -> _Last:
    """Read a release by itself."""
    labels = _labels(reading, registry, dict.fromkeys(row.registry for row in reading.rows))
    headers = {path: _header(path, fields) for path, fields in reading.headers.items()}

    def pairs(rows: Iterable[Row], contacts: Iterable[Row]) -> Iterator[_Pair]:
        yield from (_entry(row, reading, registry, labels[row.registry]) for row in rows)
        yield from map(_contact, contacts)
        yield from headers.values()

    items = Items()
    groups: dict[ItemKey, list[_Pair]] = {}
    digests = []
    for pair in pairs(reading.rows, reading.contacts):
        item, digest = pair
        key = item.section, item.key
        if key in groups:
            groups[key].append(pair)
        elif key in items:
            groups[key] = [pair]
        else:
            items[key] = item
        digests.append(digest)
    digests.sort()
    # The first that had a key was taken for the only one, and its digest was not kept.
    fields = {id(items[key].fields) for key in groups}
    alike = ([row for row in rows if id(row.fields) in fields] for rows in (reading.rows, reading.contacts))
    firsts: dict[ItemKey, _Pair] = {}
    for pair in pairs(*alike):
        firsts.setdefault((pair[0].section, pair[0].key), pair)
    for key, group in groups.items():
        group.append(firsts[key])
        items.update(_numbered(key, group, registry))
    ordered = b"".join(digests)
    standing = {*reading.rows, *reading.contacts}
    return _Last(
        content=_content(reading, items, ordered, groups),
        items=items,
        reading=reading,
        headers=headers,
        groups=groups,
        labels=labels,
        digests=ordered,
        rows=standing if len(standing) == len(reading.rows) + len(reading.contacts) else None,
    )


class _Next:
    """Reads a release from what differs to the one before: most of its rows are the same objects."""

    def __init__(self, last: _Last, reading: Document, registry: Registry) -> None:
        self._last = last
        self._reading = reading
        self._registry = registry
        self._items = Items(last.items)
        self._groups = dict(last.groups)
        self._regrouped: dict[ItemKey, list[_Pair]] = {}
        self._fresh: dict[ItemKey, _Pair] = {}

    def read(self) -> _Last | None:
        """Return the release; None where it has to be read by itself: too much differs, or a key has other columns."""
        reading, last = self._reading, self._last
        if last.rows is None or _document(reading, self._registry) != _document(last.reading, self._registry):
            return None  # rows that are the same to the byte cannot be told apart
        rows = _Differing(last.reading.rows, reading.rows, last.rows)
        contacts = _Differing(last.reading.contacts, reading.contacts, last.rows)
        if rows.repeated or contacts.repeated:
            return None
        if len(rows.came) + len(rows.gone) + len(contacts.came) + len(contacts.gone) > len(reading.rows) // 2:
            return None
        labels = self._labels(rows)
        if labels is None:
            return None
        headers = {
            path: last.headers[path]
            if path in last.headers and last.headers[path][0].fields == fields
            else _header(path, fields)
            for path, fields in reading.headers.items()
        }
        out = [self._pair(row) for row in rows.gone]
        out += [_contact(row) for row in contacts.gone]
        out += [pair for path, pair in last.headers.items() if headers.get(path) is not pair]
        into = [_entry(row, reading, self._registry, labels[row.registry]) for row in rows.came]
        into += [_contact(row) for row in contacts.came]
        into += [pair for path, pair in headers.items() if last.headers.get(path) is not pair]
        self._replace(out, into)
        digests = _digests(last.digests, out, into)
        # Not copied for a few that differ: nobody asks again what stood in the release before.
        last.rows.difference_update(rows.gone, contacts.gone)
        last.rows.update(rows.came, contacts.came)
        return _Last(
            content=_content(reading, self._items, digests, self._groups, self._since(out, into)),
            items=self._items,
            reading=reading,
            headers=headers,
            groups=self._groups,
            labels=labels,
            digests=digests,
            rows=last.rows,
        )

    def _pair(self, row: Row) -> _Pair:
        """What an entry's row of the release before was made."""
        return _entry(row, self._last.reading, self._registry, self._last.labels[row.registry])

    def _labels(self, rows: _Differing) -> dict[str, Labels] | None:
        """The key columns by path; None where those of rows that stay are not the same."""
        came = {row.registry for row in rows.came}
        paths = came | {row.registry for row in rows.gone if row.registry in self._last.labels}
        labels = dict(self._last.labels)
        for path, found in _labels(self._reading, self._registry, paths).items():
            if labels.setdefault(path, found) != found:
                return None
        return labels

    def _replace(self, out: Sequence[_Pair], into: Sequence[_Pair]) -> None:
        """Take some items away and put others there; count anew those that share a key."""
        for pair in out:
            key = pair[0].section, pair[0].key
            if key in self._groups:
                self._regrouped.setdefault(key, list(self._groups[key])).remove(pair)
            else:
                del self._items[key]
        joined = self._joined(into)
        for pair in into:
            key = pair[0].section, pair[0].key
            if key in self._groups or key in self._regrouped:
                self._regrouped.setdefault(key, list(self._groups.get(key, ()))).append(pair)
            elif key in self._items:
                self._regrouped[key] = [self._fresh[key] if key in self._fresh else joined[key], pair]
            else:
                self._items[key] = pair[0]
                self._fresh[key] = pair
        for key, group in self._regrouped.items():
            for ordinal in range(1, len(self._groups.pop(key, ())) + 1):
                self._items.pop((key[0], key[1]._replace(ordinal=ordinal)), None)
            if len(group) > 1:
                self._groups[key] = group
                self._items.update(_numbered(key, group, self._registry))
            elif group:
                self._items[key] = group[0][0]

    def _joined(self, into: Sequence[_Pair]) -> dict[ItemKey, _Pair]:
        """The items that had a key alone until now that another one has too, with their digests."""
        keys = [(item.section, item.key) for item, _ in into]
        fields = {id(self._items[key].fields) for key in keys if key in self._items and key not in self._groups}
        if not fields:
            return {}
        last = self._last
        found = [self._pair(row) for row in last.reading.rows if id(row.fields) in fields]
        found += [_contact(row) for row in last.reading.contacts if id(row.fields) in fields]
        found += last.headers.values()
        return {(pair[0].section, pair[0].key): pair for pair in found}

    def _since(self, out: Sequence[_Pair], into: Sequence[_Pair]) -> Delta:
        keys = {(item.section, item.key) for item, _ in (*out, *into)} - self._regrouped.keys()
        for key, group in self._regrouped.items():
            most = max(len(group), len(self._last.groups.get(key, ())), 1)
            keys |= {(key[0], key[1]._replace(ordinal=ordinal)) for ordinal in range(1, most + 1)}
        before, after = self._last.content.items, self._items
        return Delta(
            digest=self._last.content.digest,
            removed=tuple(before[key] for key in keys if key in before and before[key] is not after.get(key)),
            added=tuple(after[key] for key in keys if key in after and after[key] is not before.get(key)),
        )


class _Differing:
    """The rows that came and went between two documents; `repeated` where some in the new one are one object.

    In the old one none is; `standing` has its rows.
    """

    def __init__(self, old: Sequence[Row], new: Sequence[Row], standing: AbstractSet[Row]) -> None:
        gone, came = unlike(old, new)
        both = set(gone).intersection(came)  # those are elsewhere now
        self.gone = [row for row in gone if row not in both]
        self.came = [row for row in came if row not in both]
        self.repeated = len(set(came)) < len(came) or not standing.isdisjoint(self.came)


def _digests(digests: bytes, out: Sequence[_Pair], into: Sequence[_Pair]) -> bytes:
    """The digests in their order, some less and some more."""
    kept, at = [], 0
    for place in _places(digests, sorted(digest for _, digest in out), after=1):
        kept.append(digests[at:place])
        at = place + _SIZE
    rest = b"".join([*kept, digests[at:]])
    merged, at = [], 0
    new = sorted(digest for _, digest in into)
    for place, digest in zip(_places(rest, new, after=0), new, strict=True):
        merged += [rest[at:place], digest]
        at = place
    return b"".join([*merged, rest[at:]])


_SIZE = hashlib.sha256().digest_size


def _places(digests: bytes, wanted: Iterable[bytes], *, after: int) -> Iterator[int]:
    """Where some digests, in their order, stand or belong; each by so many places after the one before it."""
    places, lowest = range(0, len(digests), _SIZE), 0
    for digest in wanted:
        found = bisect_left(places, digest, lo=lowest, key=lambda place: digests[place : place + _SIZE])
        lowest = found + after
        yield found * _SIZE


def _content(
    reading: Document,
    items: Items,
    digests: bytes,
    groups: Mapping[ItemKey, Sequence[_Pair]],
    since: Delta | None = None,
) -> Content:
    twice = (
        Problem(
            code="duplicate_key",
            message=f"{' '.join(filter(None, key.values)) or '(no name)'} stands {len(group)} times as {section}",
        )
        for (section, key), group in sorted(groups.items())
    )
    return Content(
        published=reading.published,
        digest=hashlib.sha256(digests).hexdigest(),
        items=items,
        entries=len(reading.rows),
        problems=(*reading.problems, *twice),
        delta=since,
    )


def _labels(reading: Document, registry: Registry, paths: Iterable[str]) -> dict[str, Labels]:
    """The key columns of some registries, each chosen from all of its rows together."""
    wanted = set(paths)

    @cache
    def rows() -> dict[str, list[Fields]]:
        found: dict[str, list[Fields]] = {path: [] for path in wanted}
        for row in reading.rows:
            if row.registry in wanted:
                found[row.registry].append(row.fields)
        return found

    document = _document(reading, registry)
    return {path: registry.identify(document, path, lambda path=path: rows()[path]) for path in wanted}  # type: ignore[misc]


def _document(reading: Document, registry: Registry) -> str:
    return registry.document_id if reading.id is None else reading.id


def _entry(row: Row, reading: Document, registry: Registry, labels: Labels) -> _Pair:
    path, fields = row.registry, dict(row.fields.items())
    key = Key(labels, tuple([_one(fields.get(label, path if label == PATH else "")) for label in labels]))
    status = registry.status(_document(reading, registry), fields)
    item = Item(section=Section.ENTRY, key=key, fields=row.fields, status=status)
    return item, _digest(Section.ENTRY, path, fields)


def _one(text: str) -> str:
    """The same object for the same text, where it is as short as what many keys have in common: a protocol, a port."""
    return intern(text) if len(text) <= _SHORT else text


def _contact(row: Row) -> _Pair:
    fields = dict(row.fields.items())
    item = Item(section=Section.CONTACT, key=Key(CONTACT_LABELS, (fields["id"],)), fields=row.fields)
    return item, _digest(Section.CONTACT, row.registry, fields)


def _header(path: str, fields: Fields) -> _Pair:
    item = Item(section=Section.REGISTRY, key=Key(HEADER_LABELS, (path,)), fields=fields)
    return item, _digest(Section.REGISTRY, path, fields)


def _digest(section: Section, path: str, fields: Fields) -> bytes:
    """A digest of what the registry said, not of the key we gave it: a better identity makes no new releases."""
    text = f"[{quoted(section)}, {quoted(path)}, {in_order(fields)}]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _numbered(key: ItemKey, group: list[_Pair], registry: Registry) -> Iterator[tuple[ItemKey, Item]]:
    """Number the items that share a key, in an order that does not depend on the order of rows."""
    section, plain = key
    group.sort(key=lambda pair: (pair[0].fields.get(registry.duplicate_order, ""), pair[1]))
    for ordinal, (item, _) in enumerate(group, 1):
        numbered = plain._replace(ordinal=ordinal)
        yield (section, numbered), replace(item, key=numbered)
