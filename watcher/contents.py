"""Bytes to `Content`: reads a release in its format and gives every row the identity its registry says.

Knows no registry and no file format by itself; both are handed in. Pure: the memo is a value the caller keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.errors import ParseError
from watcher.formats import iana_xml, index_page
from watcher.formats.contract import Memo, Reader, Reading, Row
from watcher.model import Content, Fields, Item, ItemKey, Key, Problem, Section, Status
from watcher.registries.contract import Registry

FORMATS: Mapping[str, Reader] = {
    "xml": iana_xml.read,
    "index": index_page.read,
}

CONTACT_LABELS = ("id",)
HEADER_LABELS = ("registry",)


@dataclass(slots=True)
class Reads:
    """What was read before, so that the next release of the same source costs what changed. Holds one release."""

    rows: Memo = field(default_factory=Memo)
    items: dict[Row, tuple[Item, bytes]] = field(default_factory=dict)


def read(data: bytes, registry: Registry, format: str = "xml", reads: Reads | None = None) -> Content:  # noqa: A002 - the config's word
    """Read one release.

    Raises ParseError where the bytes are not a whole document in that format, are another registry's
    (`wrong_registry`) or hold no entry at all (`empty`).
    """
    reads = reads if reads is not None else Reads()
    reading = FORMATS[format](data, registry.columns, reads.rows)
    if registry.document_id and reading.id != registry.document_id:
        raise ParseError("wrong_registry", f"this is {reading.id!r}, not {registry.document_id!r}")
    if not reading.rows:
        raise ParseError("empty", "the registry has not one record: an empty registry is never believed")
    seen: dict[Row, tuple[Item, bytes]] = {}
    entries = _items(reading.rows, registry, Section.ENTRY, reads.items, seen)
    contacts = _items(reading.contacts, registry, Section.CONTACT, reads.items, seen)
    reads.items = seen
    problems = list(reading.problems)
    items, digests = _numbered([*entries, *contacts, *_headers(reading)], registry, problems)
    return Content(
        published=reading.published,
        digest=hashlib.sha256(b"".join(sorted(digests))).hexdigest(),
        items=items,
        problems=tuple(problems),
    )


def identified(section: Section, fields: Fields, registry: Registry, ordinal: int = 1) -> Item:
    """Give some fields their identity and status, as `read` does."""
    if section is Section.ENTRY:
        key = Key(registry.labels, registry.key(fields), ordinal)
        return Item(section=section, key=key, fields=fields, status=registry.status(fields))
    if section is Section.CONTACT:
        return Item(section=section, key=Key(CONTACT_LABELS, (fields["id"],), ordinal), fields=fields)
    return Item(section=section, key=Key(HEADER_LABELS, (fields["registry"],), ordinal), fields=fields)


def _items(
    rows: Iterable[Row],
    registry: Registry,
    section: Section,
    known: Mapping[Row, tuple[Item, bytes]],
    seen: dict[Row, tuple[Item, bytes]],
) -> list[tuple[Item, bytes]]:
    pairs = []
    for row in rows:
        pair = known.get(row)
        if pair is None:
            item = identified(section, row.fields, registry)
            pair = (item, _digest(item))
        seen[row] = pair
        pairs.append(pair)
    return pairs


def _headers(reading: Reading) -> Iterator[tuple[Item, bytes]]:
    for path, fields in reading.headers.items():
        key = Key(HEADER_LABELS, (path or fields["id"],))
        item = Item(section=Section.REGISTRY, key=key, fields=fields, status=Status.ASSIGNED)
        yield item, _digest(item)


def _digest(item: Item) -> bytes:
    text = json.dumps([item.section, item.key.values, sorted(item.fields.items())], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _numbered(
    pairs: Sequence[tuple[Item, bytes]], registry: Registry, problems: list[Problem]
) -> tuple[dict[ItemKey, Item], list[bytes]]:
    """Number the items that share a key, in an order that does not depend on the order of rows."""
    items = {(item.section, item.key): item for item, _ in pairs}
    if len(items) < len(pairs):
        groups: dict[ItemKey, list[tuple[Item, bytes]]] = {}
        for pair in pairs:
            groups.setdefault((pair[0].section, pair[0].key), []).append(pair)
        for (section, key), group in groups.items():
            if len(group) > 1:
                what = " ".join(filter(None, key.values)) or "(no name)"
                problems.append(Problem(code="duplicate_key", message=f"{what} stands {len(group)} times as {section}"))
                group.sort(key=lambda pair: (pair[0].fields.get(registry.duplicate_order, ""), pair[1]))
                for ordinal, (item, _) in enumerate(group, 1):
                    numbered = key._replace(ordinal=ordinal)
                    items[section, numbered] = replace(item, key=numbered)
    return items, [digest for _, digest in pairs]
