"""The input and output of every format: a field map; a document of rows, contacts and headers. Knows no registry."""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Protocol

from msgspec import Struct, field

from watcher.core.model import Problem
from watcher.core.tables import Layout

UNPLACED = "\0"  # the `registry` of a row that is read and not placed in its document yet
PLACE = "path"  # the header field that says where the rows of a JSON document are
_JOINABLE = 64  # fields: splitting a longer row for every access would cost too much
_SEPARATOR = "\x1f"  # not allowed in XML, and rare in any other text
_CACHE_SHARE = 1.2  # a cache may hold this many times the rows of the newest document
_EMPTY: Mapping[str, str] = MappingProxyType({})


class FieldMap(Struct, frozen=True):
    """Maps the element names, attributes and column titles of one registry to fields."""

    elements: Mapping[str, str] = _EMPTY  # XML name → field
    attributes: Mapping[str, str] = _EMPTY  # XML name → field; an unknown one is reported
    titles: Mapping[str, str] = _EMPTY  # printed title of a column, former ones too → field
    shown_for: Mapping[str, str] = _EMPTY  # field → the field whose text printed tables show where this one is empty
    layout: Layout = Layout()
    people: str | None = None  # the field for the person references of a row; None: among the other references
    references: str = "references"
    always: tuple[str, ...] = ()  # fields that every row has, "" without text
    closed: bool = False  # there are no other columns: an unknown one keeps its own name and is reported


class CompactRow(Mapping[str, str]):
    """The fields of one row, in a fifth of the memory of a dictionary: shared names, and values joined if possible."""

    __slots__ = ("_places", "_values")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._places = _shared_places(tuple(fields))
        joined = _SEPARATOR.join(fields.values())
        can_split = len(fields) <= _JOINABLE and joined.count(_SEPARATOR) == len(fields) - 1
        self._values: str | tuple[str, ...] = joined if can_split else tuple(fields.values())

    def _split(self) -> Sequence[str]:
        return self._values.split(_SEPARATOR) if isinstance(self._values, str) else self._values

    def __getitem__(self, name: str) -> str:
        return self._split()[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def get(self, name: str, default: Any = None) -> Any:
        place = self._places.get(name)
        if place is None:
            return default
        values = self._values  # not `_split`: rules ask a million rows
        return values.split(_SEPARATOR)[place] if isinstance(values, str) else values[place]

    def keys(self) -> KeysView[str]:
        return self._places.keys()

    def values(self) -> ValuesView[str]:
        return self._as_dict().values()

    def items(self) -> ItemsView[str, str]:
        return self._as_dict().items()

    @property
    def text(self) -> str:
        """All values in one text, to search for words in: of a million rows none is split for it."""
        return self._values if isinstance(self._values, str) else _SEPARATOR.join(self._values)

    def _as_dict(self) -> dict[str, str]:
        return dict(zip(self._places, self._split(), strict=True))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CompactRow):
            same = self._places is other._places and self._values == other._values
            return same or self._as_dict() == other._as_dict()
        return self._as_dict() == other

    def __hash__(self) -> int:
        return hash(frozenset(self._split()))

    def __repr__(self) -> str:
        return repr(self._as_dict())


@lru_cache(maxsize=4096)
def _shared_places(names: tuple[str, ...]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


class Row(Struct, eq=False, gc=False):  # in no cycle: the collector need not go through a million of them
    """One row as read, compared by identity. `registry` is set once: when the row is placed."""

    registry: str
    fields: Mapping[str, str]
    problems: tuple[str, ...] = ()


class Document(Struct, frozen=True, kw_only=True):
    """A whole document as read. `headers`: path of a registry (`""` for the root) → fields; `id`: its own, if any."""

    id: str | None = None
    published: str | None = None
    headers: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]
    contacts: tuple[Row, ...] = ()
    problems: tuple[Problem, ...] = ()


class RowCache(Struct):
    """The rows of the previous document of one source, so that reading the next one costs what changed."""

    rows: dict[Hashable, Row] = field(default_factory=dict)  # by the digest of their bytes, or by their content
    prefixes: dict[Hashable, bytes] = field(default_factory=dict)  # the bytes that preceded some rows
    has_problems: bool = False  # whether any row has a problem
    placed: dict[tuple[str, Row], Row] = field(default_factory=dict)  # copies of rows that are in several registries
    previous: object = None  # the previous document in the format's own form

    def trim(self, rows: Sequence[Row]) -> None:
        """Drop all rows but those of the newest document, if there are many others."""
        if len(self.rows) <= _CACHE_SHARE * len(rows):
            return
        kept = set(rows)
        self.rows = {key: row for key, row in self.rows.items() if row in kept}
        self.prefixes = {key: prefix for key, prefix in self.prefixes.items() if key in self.rows}
        self.has_problems = any(row.problems for row in rows)


class Reader(Protocol):
    """Reads a document. Raises ParseError if the bytes are not a whole document in this format, with a reason:

    empty                nothing but white space
    not_expected_format  another kind of document, such as a web page in place of a table
    not_well_formed      damaged: the syntax, the encoding, or the places of columns
    too_large            more rows, fields, nesting or attributes than any registry has
    cut                  a part is missing
    mixed_pages          pages of different releases
    ragged               a row has another number of cells than the titles
    doctype              XML with a DOCTYPE, which could define entities
    wrong_registry       no title of the table is a column of the registry
    too_many_groups      an index of more groups than IANA will ever have
    """

    def __call__(self, data: bytes, field_map: FieldMap, cache: RowCache | None = None, /) -> Document: ...


class Format(Struct, frozen=True):
    """A file format as `formats/catalog.py` lists it.

    `next_page` gets the bytes and the URL of a page and returns the URL of the next one, None after the last. A format
    that is `beside_xml` can be the second format of IANA's XML; one that is not `is_for_sources` is only read by the
    watcher itself.
    """

    name: str
    suffixes: tuple[str, ...]  # of file names and URLs, in lower case and without the dot
    read: Reader
    options: frozenset[str] = frozenset()  # settings of a [[source]] that only some formats take, and this one does
    next_page: Callable[[bytes, str], str | None] | None = None
    beside_xml: bool = False
    is_for_sources: bool = True
    also_named: tuple[str, ...] = ()  # other suffixes of its files; "": a name without a suffix

    @property
    def file_suffixes(self) -> tuple[str, ...]:
        """The suffixes of the files that a folder of this format is searched for."""
        return self.suffixes + self.also_named
