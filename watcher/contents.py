"""Bytes to `Content`: reads a release in its format and gives every row the identity its registry says.

Knows no registry and no file format by itself; both are handed in. Pure: the memo is a value the caller keeps.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from watcher.errors import ParseError
from watcher.formats import csv_table, iana_xml, index_page, json_rows, ports_text, record_jar, xhtml
from watcher.formats.contract import Memo, Reader, Reading, Row
from watcher.model import Content, Fields, Item, ItemKey, Key, Problem, Section
from watcher.registries.contract import PATH, Registry

FORMATS: Mapping[str, Reader] = {
    "xml": iana_xml.read,
    "csv": csv_table.read,
    "tsv": csv_table.read_tsv,
    "json": json_rows.read,
    "jsonl": json_rows.read_lines,
    "record-jar": record_jar.read,
    "xhtml": xhtml.read,
    "txt": ports_text.read,
    "index": index_page.read,
}

_Pair = tuple[Item, bytes]
CONTACT_LABELS = ("id",)
HEADER_LABELS = (PATH,)


@dataclass(slots=True)
class Reads:
    """What was read before, so that the next release of the same source costs what changed. Holds one release."""

    rows: Memo = field(default_factory=Memo)
    items: dict[Row, _Pair] = field(default_factory=dict)


def read(data: bytes, registry: Registry, format: str = "xml", reads: Reads | None = None) -> Content:  # noqa: A002 - the config's word
    """Read one release.

    Raises ParseError where the bytes are not a whole document in that format, are another registry's
    (`wrong_registry`, `redirect`) or hold no entry at all (`empty`).
    """
    reads = reads if reads is not None else Reads()
    reading = FORMATS[format](data, registry.columns, reads.rows)
    moved_to = reading.headers.get("", {}).get("moved_to")
    if registry.document_id and moved_to:
        raise ParseError("redirect", f"this registry group is published as {moved_to!r} now")
    if registry.document_id and reading.id is not None and reading.id != registry.document_id:
        raise ParseError("wrong_registry", f"this is {reading.id!r}, not {registry.document_id!r}")
    if not reading.rows and not registry.may_be_empty:
        raise ParseError("empty", "the registry has not one record: an empty registry is never believed")
    if not reading.rows and not any(_says(header) for header in reading.headers.values()):
        raise ParseError("empty", "the document says nothing but its name: it is never believed")
    seen: dict[Row, _Pair] = {}
    pairs = [*_entries(reading, registry, reads, seen), *_contacts(reading, reads, seen), *_headers(reading)]
    reads.items = seen
    problems = list(reading.problems)
    items, digests = _numbered(pairs, registry, problems)
    return Content(
        published=reading.published,
        digest=hashlib.sha256(b"".join(sorted(digests))).hexdigest(),
        items=items,
        problems=tuple(problems),
    )


def _says(header: Fields) -> bool:
    return any(value for name, value in header.items() if name != "id")


def _entries(reading: Reading, registry: Registry, reads: Reads, seen: dict[Row, _Pair]) -> Iterator[_Pair]:
    """Every row as an entry: the key of a registry's rows is chosen from all of them together."""
    document = registry.document_id if reading.id is None else reading.id
    places: dict[str, list[Row]] = {}
    for row in reading.rows:
        places.setdefault(row.registry, []).append(row)
    for path, rows in places.items():
        labels = registry.identify(document, path, [row.fields for row in rows])
        for row in rows:
            pair = reads.items.get(row)
            if pair is None or pair[0].key.labels != labels:
                key = Key(labels, tuple(row.fields.get(label, path if label == PATH else "") for label in labels))
                status = registry.status(document, row.fields)
                item = Item(section=Section.ENTRY, key=key, fields=row.fields, status=status)
                pair = item, _digest(Section.ENTRY, path, row.fields)
            seen[row] = pair
            yield pair


def _contacts(reading: Reading, reads: Reads, seen: dict[Row, _Pair]) -> Iterator[_Pair]:
    for row in reading.contacts:
        pair = reads.items.get(row)
        if pair is None:
            key = Key(CONTACT_LABELS, (row.fields["id"],))
            item = Item(section=Section.CONTACT, key=key, fields=row.fields)
            pair = item, _digest(Section.CONTACT, row.registry, row.fields)
        seen[row] = pair
        yield pair


def _headers(reading: Reading) -> Iterator[_Pair]:
    for path, fields in reading.headers.items():
        item = Item(section=Section.REGISTRY, key=Key(HEADER_LABELS, (path,)), fields=fields)
        yield item, _digest(Section.REGISTRY, path, fields)


def _digest(section: Section, path: str, fields: Fields) -> bytes:
    """A digest of what the registry said, not of the key we gave it: a better identity makes no new releases."""
    text = json.dumps([section, path, sorted(fields.items())], ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def _numbered(
    pairs: Sequence[_Pair], registry: Registry, problems: list[Problem]
) -> tuple[dict[ItemKey, Item], list[bytes]]:
    """Number the items that share a key, in an order that does not depend on the order of rows."""
    items: dict[ItemKey, Item] = {}
    again: dict[ItemKey, None] = {}
    for item, _ in pairs:
        key = item.section, item.key
        if key in items:
            again[key] = None
        items[key] = item
    groups: dict[ItemKey, list[_Pair]] = {key: [] for key in again}
    for pair in pairs if again else ():
        if (key := (pair[0].section, pair[0].key)) in again:
            groups[key].append(pair)
    for (section, plain), group in groups.items():
        what = " ".join(filter(None, plain.values)) or "(no name)"
        problems.append(Problem(code="duplicate_key", message=f"{what} stands {len(group)} times as {section}"))
        group.sort(key=lambda pair: (pair[0].fields.get(registry.duplicate_order, ""), pair[1]))
        for ordinal, (item, _) in enumerate(group, 1):
            numbered = plain._replace(ordinal=ordinal)
            items[section, numbered] = replace(item, key=numbered)
    return items, [digest for _, digest in pairs]
