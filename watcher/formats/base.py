"""What every format gives: rows, contacts and headers as flat fields, not yet identified. Knows no registry."""

from __future__ import annotations

from collections.abc import Callable, Hashable, ItemsView, Iterator, KeysView, Mapping, Sequence, ValuesView
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol

from watcher.core.model import Problem
from watcher.formats.column_map import FieldMap


class CompactRow(Mapping[str, str]):
    """The fields of a row in a fifth of a dictionary's room: rows of one shape share their names, a row is one text."""

    __slots__ = ("_places", "_texts")

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._places = _shape(tuple(fields))
        texts = _BETWEEN.join(fields.values())
        # A text that has the separator in it, or none at all, cannot be taken apart again; a long one not each time.
        whole = len(fields) <= _FEW and texts.count(_BETWEEN) == len(fields) - 1
        self._texts: str | tuple[str, ...] = texts if whole else tuple(fields.values())

    def _apart(self) -> Sequence[str]:
        return self._texts.split(_BETWEEN) if isinstance(self._texts, str) else self._texts

    def __getitem__(self, name: str) -> str:
        return self._apart()[self._places[name]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def get(self, name: str, default: Any = None) -> Any:
        place = self._places.get(name)
        return default if place is None else self._apart()[place]

    def keys(self) -> KeysView[str]:
        return self._places.keys()

    def values(self) -> ValuesView[str]:
        return self._plain().values()

    def items(self) -> ItemsView[str, str]:
        return self._plain().items()

    def _plain(self) -> dict[str, str]:
        return dict(zip(self._places, self._apart(), strict=True))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, CompactRow):
            same = self._places is other._places and self._texts == other._texts
            return same or self._plain() == other._plain()
        return self._plain() == other

    def __hash__(self) -> int:
        return hash(frozenset(self._apart()))

    def __repr__(self) -> str:
        return repr(self._plain())


_FEW = 64
_BETWEEN = "\x1f"  # no XML has it, and hardly any other text


@lru_cache(maxsize=4096)
def _shape(names: tuple[str, ...]) -> Mapping[str, int]:
    return {name: place for place, name in enumerate(names)}


NOWHERE = "\0"  # the registry of a row that was read and not placed yet


@dataclass(slots=True, eq=False)
class Row:
    """One row as read. Compared by identity: the same bytes give the same object while a memo remembers them.

    `registry` is set once, when the row is placed in its document.
    """

    registry: str
    fields: Mapping[str, str]
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole document as read. `headers` maps a registry's path (`""` for the root) to its header fields.

    `id` is what the document calls its registry group; None in a format that has no place for it.
    """

    id: str | None
    published: str | None
    headers: Mapping[str, Mapping[str, str]]
    rows: tuple[Row, ...]
    contacts: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class RowCache:
    """Rows already read, so that the next release costs what changed. Holds little more than one release's worth.

    `rows` are by what they were read from, or by a digest of it; `befores` has what stood before some of them;
    `problems` says whether any row has one. `placed` are the rows that stand in several registries. `document` is
    what a format keeps of the one before.
    """

    rows: dict[Hashable, Row] = field(default_factory=dict)
    befores: dict[Hashable, bytes] = field(default_factory=dict)
    problems: bool = False
    placed: dict[tuple[str, Row], Row] = field(default_factory=dict)
    document: object = None

    def forget(self, rows: Sequence[Row]) -> None:
        """Keep the rows that a document holds, once there are many others."""
        if len(self.rows) <= _ROOM * len(rows):
            return
        held = set(rows)
        self.rows = {mark: row for mark, row in self.rows.items() if row in held}
        self.befores = {mark: before for mark, before in self.befores.items() if mark in self.rows}
        self.problems = any(row.problems for row in rows)


_ROOM = 1.2  # how many more rows than a document has are remembered


class Reader(Protocol):
    """Reads a document. Raises ParseError if the bytes are not a whole document in this format."""

    def __call__(self, data: bytes, columns: FieldMap, memo: RowCache | None = None, /) -> Document: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A file format as `formats/catalog.py` lists it.

    `suffixes` are the endings of file names and URLs that stand for it, in lower case and without the dot. `options`
    are the settings of a [[source]] that only some formats take and this one does. `next_page` returns the URL of the
    page after a page, None after the last one, where a document is published in several pages; it gets a page and
    the URL of that page, and raises ParseError. `beside_xml`: IANA publishes it beside the XML of the same release, so
    it may be the `also_format` of a source. `is_for_sources` is False for what no [[source]] may name as its format.
    """

    name: str
    suffixes: tuple[str, ...]
    read: Reader
    options: frozenset[str] = frozenset()
    next_page: Callable[[bytes, str], str | None] | None = None
    beside_xml: bool = False
    is_for_sources: bool = True
