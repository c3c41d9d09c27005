"""Cut a document of the IANA vocabulary behind each record and person, so that only what is new is parsed.

A release is nearly the same as the one before it. Long stretches of bytes are: their records are the rows they were.
Round what differs the document is split at `</record>` and `</person>`; a piece that the memo knows is a row already,
the others are parsed in one go. What stands between the rows, the skeleton, says where each belongs: in it
`<record n="5"/>` stands for five records that follow each other.

The whole is well-formed because its parts are: each record is proven to be one element when it is seen first, and the
skeleton each time. Markup that could reach from one part into another (comments, CDATA, a DOCTYPE, instructions in a
record) is not cut at all. Where the cut could be wrong `CutError` is raised, and the document is to be read whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Self, cast

from lxml import etree

from watcher.core.errors import ParseError
from watcher.formats.base import Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.iana_xml.elements import NAMESPACE, parse, row
from watcher.formats.text import bounded
from watcher.formats.unchanged_ranges import BLOCK, Part, follow
from watcher.formats.xml_safety import prove

_SPOT = 2**12  # bytes that are cut at first where two documents differ
_LARGE = 32 * 2**20  # a document of this size is not kept until the next one comes: it takes too much room
_SPACE = b" \t\r\n"  # what XML says is white
_ENCODING = re.compile(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_WRAPPER = b'<registry xmlns="%b">%b</registry>'


class CutError(Exception):
    """The document is not built as the cut supposes."""


@dataclass
class _Part(Part):
    """The elements of one name.

    `befores` has what stood in a piece before the element, with the number of the row, where that is more than white
    space.
    """

    befores: list[tuple[int, bytes]] = field(default_factory=list)

    def take(self, old: Self, first: int, end: int) -> None:
        shift = len(self.rows) - first
        self.befores += [(index + shift, before) for index, before in old.befores if first <= index < end]
        super().take(old, first, end)

    def runs(self) -> Iterator[tuple[bytes, int, int]]:
        """What stands before each run of rows that follow each other, its first row and the one behind its last."""
        begun, text = 0, b""
        for number, before in [*self.befores, (len(self.rows), b"")]:
            if number > begun:
                yield text, begun, number
            begun, text = number, before


@dataclass(frozen=True, slots=True)
class ChunkedDocument:
    """A document that was cut, for the next one to be compared with."""

    data: bytes
    parts: Mapping[bytes, _Part]


class Cut:
    """A document as rows in their order and the skeleton that they stood in; `odd` are the rows that have problems."""

    def __init__(self, data: bytes, columns: FieldMap, persons: FieldMap, memo: RowCache) -> None:
        if not _may_be_cut(data):
            raise CutError
        before = memo.document if isinstance(memo.document, ChunkedDocument) else None
        self.rows: list[Row] = []
        self.odd: list[int] = []
        self._data = data
        self._parts: dict[bytes, _Part] = {}
        self._seen = (0, 1)  # a place, and the line it is on
        at = standing = 0
        for name, meant in ((b"record", columns), (b"person", persons)):
            part = self._parts[name] = _Cutting(data, name, meant, memo, before).part(at)
            if name == b"record" and any(b"<person" in each for _, each in part.befores):
                raise CutError  # people between records: the rows would not stand in their order
            self.rows += part.rows
            at = part.places[-1]
            standing += len(list(part.runs()))
        text = self._written()
        if _elements(text) != standing or b"<!" in text or text.count(b"xmlns") != 1:
            raise CutError
        self.skeleton = _proven(text)
        if etree.QName(self.skeleton).namespace != NAMESPACE:
            raise CutError  # what is named once is named inside, and does not hold for all
        memo.forget(self.rows)
        memo.document = ChunkedDocument(data, self._parts) if len(data) <= _LARGE else None
        if memo.problems:
            self.odd = [number for number, found in enumerate(self.rows) if found.problems]

    def lined(self) -> etree._Element:
        """The skeleton, with every element that was not cut on its line."""
        return _proven(self._written(lined=True))

    def line(self, index: int) -> int:
        """The line on which a row begins, counted from 1; asked in the order of the rows it costs one way through."""
        name = b"record" if index < len(self._parts[b"record"].rows) else b"person"
        begin = self._data.index(b"<" + name, self._places[index])
        at, line = self._seen if self._seen[0] <= begin else (0, 1)
        self._seen = begin, line + self._data.count(b"\n", at, begin)
        return self._seen[1]

    @cached_property
    def _places(self) -> list[int]:
        """Where the piece of every row begins."""
        return [place for part in self._parts.values() for place in part.places[:-1]]

    def _written(self, *, lined: bool = False) -> bytes:
        """The skeleton's text: `<record n="5"/>` stands for five records that follow each other."""
        text: list[bytes] = []
        end = 0
        for name, part in self._parts.items():
            ends = part.places
            for before, first, behind in part.runs():
                lines = self._data.count(b"\n", ends[first] + len(before), ends[behind]) if lined else 0
                text += [before, b'<%b n="%d"%b/>' % (name, behind - first, b"\n" * lines)]
            end = ends[-1]
        return b"".join([*text, self._data[end:]])


def _elements(text: bytes) -> int:
    """How many there seem to be that are cut."""
    return text.count(b"<record") + text.count(b"<person")


def _may_be_cut(data: bytes) -> bool:
    """Whether a piece of the document means the same outside of it, by what its beginning says.

    Comments, CDATA and other namespaces, in which `<record` can be something else, are looked for in what is read.
    """
    declaration = _ENCODING.search(data[:200])
    return (
        f'xmlns="{NAMESPACE}"'.encode() in data[:2000]
        and (declaration is None or declaration[1].lower() == b"utf-8")
        and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
    )


class _Cutting:
    """Finds the row of every element of one name in a document, with the help of the document before it."""

    def __init__(
        self, data: bytes, name: bytes, columns: FieldMap, memo: RowCache, before: ChunkedDocument | None
    ) -> None:
        self._data = data
        self._name = name
        self._ending = b"</%b>" % name
        self._columns = columns
        self._memo = memo
        self._before = before
        self._fresh: dict[bytes, bytes] = {}  # pieces that nobody knows yet, without what stands before, by their marks
        self._waiting: list[tuple[int, bytes]] = []  # which rows are theirs
        self._size = 0  # of them, in bytes

    def part(self, begin: int) -> _Part:
        """Cut from there to the last element of the name."""
        part = _Part(begin)
        last = self._data.rfind(self._ending, begin)

        def read(at: int, block: int) -> tuple[int, Row | None]:
            end = self._data.rfind(self._ending, at, min(at + block, last + len(self._ending)))
            if end < 0:
                end = self._data.index(self._ending, at)
            found = self._resolve(part, self._data[at:end].split(self._ending))
            return end + len(self._ending), found

        old, before = (self._before.parts[self._name], self._before.data) if self._before else (None, b"")
        follow(part, self._data, last + 1, old, before, read, spot=_SPOT)
        bounded(len(part.rows), None, at_once=False)  # with what was taken over
        self._parse(part)
        return part

    def _resolve(self, part: _Part, pieces: Sequence[bytes]) -> Row | None:
        """Find the row of every piece; return the last piece's, None where nobody knows it yet."""
        bounded(len(part.rows) + len(pieces), None, at_once=False)
        number = len(part.rows)
        # The same bytes are something else where another tag ends them.
        marks = [blake2b(piece, digest_size=15, person=self._name).digest() for piece in pieces]
        known = list(map(self._memo.rows.get, marks))
        part.rows += cast("list[Row]", known)
        part.lengths.extend([len(piece) + len(self._ending) for piece in pieces])
        for index, (piece, mark, found) in enumerate(zip(pieces, marks, known, strict=True), number):
            if found is None:
                if mark not in self._fresh:
                    self._see(piece, mark)
                self._waiting.append((index, mark))
            if before := self._memo.befores.get(mark):
                part.befores.append((index, before))
        if self._size >= BLOCK:
            self._parse(part)
        return known[-1]

    def _see(self, piece: bytes, mark: bytes) -> None:
        opening = b"<" + self._name
        start = piece.find(opening)
        chunk = piece[start:] + self._ending
        # Not one: an element in another, one that closes itself, or one whose name only begins so.
        if _elements(chunk) != 1 or b"<!" in chunk or b"<?" in chunk or b"xmlns" in chunk:
            raise CutError
        if before := piece[:start].strip(_SPACE) and piece[:start]:
            self._memo.befores[mark] = before
        self._fresh[mark] = chunk
        self._size += len(chunk)

    def _parse(self, part: _Part) -> None:
        """Make the fresh pieces rows, and put them where they are waited for."""
        if not self._fresh:
            return
        document = _WRAPPER % (NAMESPACE.encode(), b"".join(self._fresh.values()))
        elements = list(_proven(document))
        if len(elements) != len(self._fresh):
            raise CutError
        for mark, element in zip(self._fresh, elements, strict=True):
            found = self._memo.rows[mark] = row(element, self._columns)
            self._memo.problems = self._memo.problems or bool(found.problems)
        for index, mark in self._waiting:
            part.rows[index] = self._memo.rows[mark]
        self._fresh, self._waiting, self._size = {}, [], 0


def _proven(data: bytes) -> etree._Element:
    """A part of a document, proven and read as if it were one."""
    try:
        prove(data)
        return parse(data)
    except ParseError:
        raise CutError from None
