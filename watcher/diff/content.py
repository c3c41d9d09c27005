"""Build the `Content` of a release from its document: every row gets the identity that its registry defines.

This is the simple path; `incremental.py` gives the same answer faster for the next release of a source. Pure.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache, partial
from json.encoder import encode_basestring as quote

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import ParseError
from watcher.core.model import Content, Delta, Fields, Item, ItemKey, Key, Problem, Section
from watcher.core.texts import cut_text
from watcher.diff.item_map import ItemMap
from watcher.formats.base import PLACE, Document, Row
from watcher.formats.catalog import FORMATS
from watcher.registries.base import PATH, Labels, Registry

DigestedItem = tuple[Item, bytes]  # an item and the SHA-256 of its section, path and fields
_MOST_PROBLEMS = 100  # of one kind
_LONGEST_PROBLEM = 500  # characters
CONTACT_LABELS = ("id",)
HEADER_LABELS = (PATH,)


def read_content(data: bytes, registry: Registry, format: str = "xml") -> Content:  # noqa: A002 - the config's word
    """Return the content of a release.

    Raises ParseError with the reasons of the format's `read` and of `check_document`, and `no_key` (`with_key`).
    """
    document = FORMATS[format].read(data, registry.columns)
    check_document(document, registry)
    return build_content(document, registry)


def check_document(document: Document, registry: Registry) -> None:
    """Raise ParseError for a document of another registry (`wrong_registry`, `redirect`) or without entry (`empty`)."""
    moved_to = document.headers.get("", {}).get("moved_to")
    if registry.document_id and moved_to:
        raise ParseError("redirect", f"this registry group is published as {moved_to!r} now")
    if registry.document_id and document.id is not None and document.id != registry.document_id:
        raise ParseError("wrong_registry", f"this is {document.id!r}, not {registry.document_id!r}")
    if not document.rows and not registry.may_be_empty:
        raise ParseError("empty", "the registry has no entry; an empty registry is refused")
    if not document.rows and not any(_has_text(header) for header in document.headers.values()):
        raise ParseError("empty", "the document has nothing but an id; an empty registry is refused")


def _has_text(header: Fields) -> bool:
    return any(value for name, value in header.items() if name not in ("id", PLACE))


def build_content(document: Document, registry: Registry) -> Content:
    """Return the content of a document that passed `check_document`."""
    labels = choose_labels(document, registry, {row.registry for row in document.rows})
    digested = [
        *(digest_entry(row, document, registry, labels[row.registry]) for row in document.rows),
        *map(digest_contact, document.contacts),
        *(digest_header(path, fields) for path, fields in document.headers.items()),
    ]
    return key_items(digested, registry).content(document)


class KeyedItems(Struct, frozen=True, kw_only=True):
    """The items of one document by key.

    `duplicates` counts the items of every key that several share, whose `ordinal` is 1. `digests` are the sorted
    digests of all items, joined.
    """

    items: ItemMap
    duplicates: Mapping[ItemKey, int]
    digests: bytes

    def content(self, document: Document, delta: Delta | None = None) -> Content:
        """Return the content of the document that these are the items of."""
        duplicate_keys = (
            Problem(
                code="duplicate_key",
                message=f"{count} items of section {section} have the key "
                f"{' '.join(filter(None, key.values)) or '(empty)'}",
            )
            for (section, key), count in sorted(self.duplicates.items())
        )
        return Content(
            published=document.published,
            digest=hashlib.sha256(self.digests).hexdigest(),
            items=self.items,
            entries=len(document.rows),
            problems=_limit_problems([*document.problems, *duplicate_keys]),
            delta=delta,
        )


def _limit_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the first problems of each kind, cut, and how many more there are: they are stored with the release."""
    by_code: dict[str, list[Problem]] = {}
    for problem in problems:
        by_code.setdefault(problem.code, []).append(problem)
    limited: list[Problem] = []
    for code, same in by_code.items():
        limited += (
            replace(problem, message=cut_text(problem.message, _LONGEST_PROBLEM)) for problem in same[:_MOST_PROBLEMS]
        )
        if len(same) > _MOST_PROBLEMS:
            limited.append(Problem(code=code, message=f"and {len(same) - _MOST_PROBLEMS:,} more"))
    return tuple(limited)


def key_items(digested: Sequence[DigestedItem], registry: Registry) -> KeyedItems:
    """Return items by key; items that share one are numbered."""
    items = ItemMap()
    duplicates: dict[ItemKey, list[DigestedItem]] = {}
    for item, _ in digested:
        key = item.section, item.key
        if key in items:
            duplicates[key] = []
        else:
            items[key] = item
    for pair in digested if duplicates else ():
        if (group := duplicates.get((pair[0].section, pair[0].key))) is not None:
            group.append(pair)
    for key, group in duplicates.items():
        items.update(number_duplicates(key, group, registry))
    return KeyedItems(
        items=items,
        duplicates={key: len(group) for key, group in duplicates.items()},
        digests=b"".join(sorted(digest for _, digest in digested)),
    )


def number_duplicates(key: ItemKey, group: list[DigestedItem], registry: Registry) -> Iterator[tuple[ItemKey, Item]]:
    """Yield the items that share a key under ordinals that do not depend on the order of rows; sorts the group."""
    section, plain = key
    group.sort(key=lambda pair: (pair[0].fields.get(registry.duplicate_order, ""), pair[1]))
    for ordinal, (item, _) in enumerate(group, 1):
        numbered = plain._replace(ordinal=ordinal)
        yield (section, numbered), replace(item, key=numbered)


def choose_labels(document: Document, registry: Registry, paths: Iterable[str]) -> dict[str, Labels]:
    """Return the key columns by registry path, each chosen from all rows of that registry together."""
    wanted = frozenset(paths)

    @cache
    def rows_by_path() -> dict[str, list[Fields]]:
        rows: dict[str, list[Fields]] = {path: [] for path in wanted}
        for row in document.rows:
            if row.registry in wanted:
                rows[row.registry].append(row.fields)
        return rows

    def rows_of(path: str) -> list[Fields]:
        return rows_by_path()[path]

    group = document_id(document, registry)
    return {path: registry.identify(group, path, partial(rows_of, path)) for path in wanted}


def document_id(document: Document, registry: Registry) -> str:
    """Return the id of the registry group that a document is of."""
    return registry.document_id if document.id is None else document.id


def digest_entry(row: Row, document: Document, registry: Registry, labels: Labels) -> DigestedItem:
    """Return the item of an entry's row."""
    fields = dict(row.fields.items())
    return make_entry(row, fields, document, registry, labels), _digest(Section.ENTRY, row.registry, fields)


def make_entry(row: Row, fields: Fields, document: Document, registry: Registry, labels: Labels) -> Item:
    """Return the item of an entry's row; `fields` are those of the row."""
    key = make_key(fields, row.registry, labels)
    status = registry.status(document_id(document, registry), fields)
    return Item(section=Section.ENTRY, key=key, fields=row.fields, status=status)


def make_key(fields: Fields, path: str, labels: Labels) -> Key:
    """Return the key of a row in the registry with a path."""
    return Key(labels, tuple([fields.get(label, path if label == PATH else "") for label in labels]))


def digest_contact(row: Row) -> DigestedItem:
    """Return the item of a contact's row."""
    fields = dict(row.fields.items())
    item = Item(section=Section.CONTACT, key=Key(CONTACT_LABELS, (fields["id"],)), fields=row.fields)
    return item, _digest(Section.CONTACT, row.registry, fields)


def digest_header(path: str, fields: Fields) -> DigestedItem:
    """Return the item of a registry's header."""
    item = Item(section=Section.REGISTRY, key=Key(HEADER_LABELS, (path,)), fields=fields)
    return item, _digest(Section.REGISTRY, path, fields)


def _digest(section: Section, path: str, fields: Fields) -> bytes:
    """Digest the fields as published, without the key: a change of our identity rules must not make a new release."""
    # The JSON of a list; JSONEncoder, which sets up a new encoder for every row, takes nearly twice as long.
    pairs = ", ".join([f"[{quote(name)}, {quote(text)}]" for name, text in sorted(fields.items())])
    text = f"[{quote(section)}, {quote(path)}, [{pairs}]]"
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
