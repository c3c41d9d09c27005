"""Read an IANA XML document in chunks, one for each record and person, so that only new chunks are parsed.

How it works. The document is split behind each `</record>` and, after the last of those, behind each `</person>`. Every
piece is then a *prefix* (mostly white space, sometimes the end of one registry and the start of the next) and a
*chunk* (`<record>…</record>`). Three things avoid parsing:

1. `unchanged_ranges` copies the rows of byte ranges that are equal in the previous document.
2. A piece elsewhere whose digest the cache has is a known row.
3. The remaining chunks are collected, and parsed together inside one wrapper element.

Prefixes and the text after the last piece are what the chunks leave of the document. With a placeholder for every run
of rows, they make the *skeleton*:

    <registry xmlns="…" id="x"><updated>…</updated><record n="5"/><registry id="y"><record n="2"/></registry></registry>

`reader.py` walks the skeleton instead of the document: at `<record n="5"/>` it takes the next five rows.

Why that proves the whole document well-formed: every chunk was proven to be exactly one element when it was parsed, and
the skeleton is proven for every document. Putting balanced elements into a balanced document keeps it balanced. This
fails only for markup that can reach across a chunk's border: comments, CDATA, processing instructions, DOCTYPEs,
other namespaces, records inside records. If any sign of these is seen, or the skeleton does not fit the rows,
`ChunkError` is raised and the caller parses the whole document: slower, and never wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Self, cast

from lxml import etree
from msgspec import Struct, field

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.formats.base import FieldMap, Row, RowCache
from watcher.formats.iana_xml import NAMESPACE
from watcher.formats.iana_xml.elements import is_large, parse_xml, read_element
from watcher.formats.text import check_size
from watcher.formats.unchanged_ranges import BLOCK, RowTable, read_incrementally
from watcher.formats.xml_safety import check_well_formed

_FIRST_BLOCK = 2**12  # bytes that are split first where two documents differ
_MOST_KEPT = 32 * 2**20  # bytes: a larger document is not kept for the next one, it would take too much memory
_WHITE_SPACE = b" \t\r\n"  # as XML defines it
_ENCODING = regex(rb"""encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_WRAPPER = b'<registry xmlns="%b">%b</registry>'


class ChunkError(Exception):
    """The document may not be read in chunks; read it whole."""


class _ChunkTable(RowTable):
    """The rows of all chunks with one element name. `prefixes` has those that are not white space, by row number."""

    prefixes: list[tuple[int, bytes]] = field(default_factory=list)

    def copy_rows(self, old: Self, first: int, end: int) -> None:
        shift = len(self.rows) - first
        self.prefixes += [(number + shift, prefix) for number, prefix in old.prefixes if first <= number < end]
        super().copy_rows(old, first, end)

    def runs(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield each run of rows that only white space separates: its prefix, its first row and the end."""
        first, run_prefix = 0, b""
        for number, prefix in [*self.prefixes, (len(self.rows), b"")]:
            if number > first:
                yield run_prefix, first, number
            first, run_prefix = number, prefix


class PreviousChunks(Struct, frozen=True):
    data: bytes
    tables: Mapping[bytes, _ChunkTable]


class ChunkedDocument:
    """One document as `rows`, in order, and a `skeleton`. `problem_rows` are the numbers of the rows with problems."""

    def __init__(self, data: bytes, field_map: FieldMap, person_map: FieldMap, cache: RowCache) -> None:
        if not _may_be_chunked(data):
            raise ChunkError
        previous = cache.previous if isinstance(cache.previous, PreviousChunks) else None
        self.rows: list[Row] = []
        self.problem_rows: list[int] = []
        self._data = data
        self._tables: dict[bytes, _ChunkTable] = {}
        self._last_line = (0, 1)  # an offset, and the number of its line
        end = placeholders = 0
        for name, element_map in ((b"record", field_map), (b"person", person_map)):
            table = self._tables[name] = _ChunkReader(data, name, element_map, cache, previous).read(end)
            if name == b"record" and any(b"<person" in prefix for _, prefix in table.prefixes):
                raise ChunkError  # people between records: the rows would not be in document order
            self.rows += table.rows
            end = table.boundaries[-1]
            placeholders += len(list(table.runs()))
        text = self._skeleton_text()
        if _count_elements(text) != placeholders or b"<!" in text or text.count(b"xmlns") != 1:
            raise ChunkError
        self.skeleton = _parse_proven(text)
        if etree.QName(self.skeleton).namespace != NAMESPACE:
            raise ChunkError  # the one xmlns is on an inner element, so it does not hold for all rows
        cache.trim(self.rows)
        cache.previous = PreviousChunks(data, self._tables) if len(data) <= _MOST_KEPT else None
        if cache.has_problems:
            self.problem_rows = [number for number, row in enumerate(self.rows) if row.problems]

    def skeleton_with_lines(self) -> etree._Element:
        """Return a skeleton whose elements are on the same lines as in the document, for messages."""
        return _parse_proven(self._skeleton_text(with_lines=True))

    def line(self, number: int) -> int:
        """Return the line on which a row begins, counted from 1. Cheap for ascending row numbers."""
        name = b"record" if number < len(self._tables[b"record"].rows) else b"person"
        begin = self._data.index(b"<" + name, self._offsets[number])
        offset, line = self._last_line if self._last_line[0] <= begin else (0, 1)
        self._last_line = begin, line + self._data.count(b"\n", offset, begin)
        return self._last_line[1]

    @cached_property
    def _offsets(self) -> list[int]:
        return [offset for table in self._tables.values() for offset in table.boundaries[:-1]]

    def _skeleton_text(self, *, with_lines: bool = False) -> bytes:
        text: list[bytes] = []
        end = 0
        for name, table in self._tables.items():
            boundaries = table.boundaries
            for prefix, first, run_end in table.runs():
                begin = boundaries[first] + len(prefix)
                lines = self._data.count(b"\n", begin, boundaries[run_end]) if with_lines else 0
                text += [prefix, b'<%b n="%d"%b/>' % (name, run_end - first, b"\n" * lines)]
            end = boundaries[-1]
        return b"".join([*text, self._data[end:]])


def _count_elements(text: bytes) -> int:
    """Count what looks like the start of a record or person; never too few."""
    return text.count(b"<record") + text.count(b"<person")


def _may_be_chunked(data: bytes) -> bool:
    """Return whether namespace and encoding allow chunks; everything else is checked later."""
    encoding = _ENCODING.search(data[:200])
    return (
        f'xmlns="{NAMESPACE}"'.encode() in data[:2000]
        and (encoding is None or encoding[1].lower() == b"utf-8")
        and not data.startswith((b"\xff\xfe", b"\xfe\xff"))
    )


class _ChunkReader(Struct):
    data: bytes
    name: bytes
    field_map: FieldMap
    cache: RowCache
    previous: PreviousChunks | None
    _table: _ChunkTable = field(default_factory=lambda: _ChunkTable(0))
    _new_chunks: dict[bytes, bytes] = field(default_factory=dict)  # chunks to parse, by the digest of their piece
    _missing: list[tuple[int, bytes]] = field(default_factory=list)  # the numbers of the rows that they will fill
    _new_bytes: int = 0
    _end_tag: bytes = b""

    def __post_init__(self) -> None:
        self._end_tag = b"</%b>" % self.name

    def read(self, begin: int) -> _ChunkTable:
        table = self._table = _ChunkTable(begin)
        last = self.data.rfind(self._end_tag, begin)
        if self.previous:
            old_table, old_data = self.previous.tables[self.name], self.previous.data
        else:
            old_table, old_data = None, b""

        def read_block(offset: int, size: int) -> tuple[int, Row | None]:
            end = self.data.rfind(self._end_tag, offset, min(offset + size, last + len(self._end_tag)))
            if end < 0:
                end = self.data.index(self._end_tag, offset)
            row = self._add_pieces(self.data[offset:end].split(self._end_tag))
            return end + len(self._end_tag), row

        read_incrementally(table, self.data, last + 1, old_table, old_data, read_block, first_block=_FIRST_BLOCK)
        check_size(len(table.rows), None, at_once=False)  # copied rows count too
        self._parse_new_chunks()
        return table

    def _add_pieces(self, pieces: Sequence[bytes]) -> Row | None:
        """Append the rows of some pieces; return the last row if the cache had it."""
        table = self._table
        check_size(len(table.rows) + len(pieces), None, at_once=False)
        first = len(table.rows)
        # The name is part of the digest: the same bytes mean something else before another end tag.
        digests = [blake2b(piece, digest_size=15, person=self.name).digest() for piece in pieces]
        cached = list(map(self.cache.rows.get, digests))
        table.rows += cast("list[Row]", cached)
        table.lengths.extend([len(piece) + len(self._end_tag) for piece in pieces])
        for number, (piece, digest, row) in enumerate(zip(pieces, digests, cached, strict=True), first):
            if row is None:
                if digest not in self._new_chunks:
                    self._add_new_chunk(piece, digest)
                self._missing.append((number, digest))
            if prefix := self.cache.prefixes.get(digest):
                table.prefixes.append((number, prefix))
        if self._new_bytes >= BLOCK:
            self._parse_new_chunks()
        return cached[-1]

    def _add_new_chunk(self, piece: bytes, digest: bytes) -> None:
        begin = piece.find(b"<" + self.name)
        chunk = piece[begin:] + self._end_tag
        # Two starts: an element in another, one that closes itself, or one with a longer name.
        if _count_elements(chunk) != 1 or b"<!" in chunk or b"<?" in chunk or b"xmlns" in chunk:
            raise ChunkError
        if piece[:begin].strip(_WHITE_SPACE):
            self.cache.prefixes[digest] = piece[:begin]
        self._new_chunks[digest] = chunk
        self._new_bytes += len(chunk)

    def _parse_new_chunks(self) -> None:
        """Parse the new chunks together, and fill the rows that wait for them."""
        if not self._new_chunks:
            return
        document = _WRAPPER % (NAMESPACE.encode(), b"".join(self._new_chunks.values()))
        elements = list(_parse_proven(document))
        if len(elements) != len(self._new_chunks):
            raise ChunkError
        compact = is_large(self.data)
        for digest, element in zip(self._new_chunks, elements, strict=True):
            row = self.cache.rows[digest] = read_element(element, self.field_map, compact=compact)
            self.cache.has_problems = self.cache.has_problems or bool(row.problems)
        for number, digest in self._missing:
            self._table.rows[number] = self.cache.rows[digest]
        self._new_chunks, self._missing, self._new_bytes = {}, [], 0


def _parse_proven(data: bytes) -> etree._Element:
    try:
        check_well_formed(data)
        return parse_xml(data)
    except ParseError:
        raise ChunkError from None
