"""Read the objects of one list of a JSON document one after the other, and copy those that did not change.

The simple way parses the whole document first, which takes ten times its size in memory, and reads every object again
in the next document. Here each object is parsed, made a row and dropped; `unchanged_ranges` copies the rows of objects
that the previous document has in the same bytes. An object begins and ends with a brace, so it depends on its own
characters alone.

Only a list of objects can be read like this: the whole document, or the only list in an object. Anything else, and
any error, is left to `json_records.read`, which parses the whole document and gives the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.formats.base import CompactRow, Row, RowCache
from watcher.formats.text import check_size
from watcher.formats.unchanged_ranges import RowTable, read_incrementally

_SPACE = regex(r"[ \t\n\r]*")
_FIRST_BLOCK = 2**12  # characters that are read first where two documents differ
_MOST_KEPT = 128 * 2**20  # characters: a larger document is not kept for the next one, it would take too much memory
ReadRow = Callable[[Mapping[str, Any]], Row]


class _StreamError(Exception):
    """The document cannot be read object by object."""


class _PreviousList(Struct, frozen=True):
    text: str
    table: RowTable


class ListInDocument(Struct, frozen=True, kw_only=True):
    """A document with an empty list, `place`, where its list of objects was, and the rows of these."""

    document: Any
    place: list[Any]
    rows: list[Row]


def read_stream(text: str, decoder: json.JSONDecoder, read_row: ReadRow, cache: RowCache) -> ListInDocument | None:
    """Return a document that is or has one list of objects and nothing else; None if it must be read whole."""
    reader = _Reader(text, decoder, read_row, cache)
    try:
        document = reader.read()
    except (_StreamError, ValueError, RecursionError, ParseError):
        return None
    cache.trim(reader.table.rows)
    cache.previous = _PreviousList(text, reader.table) if len(text) <= _MOST_KEPT else None
    return ListInDocument(document=document, place=reader.place, rows=reader.table.rows)


class _Reader:
    def __init__(self, text: str, decoder: json.JSONDecoder, read_row: ReadRow, cache: RowCache) -> None:
        self._text = text
        self._decoder = decoder
        self._read_row = read_row
        self._cache = cache
        self.table = RowTable(0)
        self.place: list[Any] = []
        self._end = 0  # of the list

    def read(self) -> Any:
        document: Any = self.place
        begin = self._skip(0)
        if self._text.startswith("[", begin):
            end = self._read_list(begin)
        elif self._text.startswith("{", begin):
            document, end = self._read_object(begin)
        else:
            raise _StreamError
        if self._skip(end) != len(self._text):
            raise _StreamError
        return document

    def _skip(self, place: int) -> int:
        match = _SPACE.match(self._text, place)
        return match.end() if match else place

    def _read_object(self, begin: int) -> tuple[dict[str, Any], int]:
        """Read an object, one of whose values is the list; return it and where it ends."""
        values: dict[str, Any] = {}
        place, text = begin, self._text
        while text.startswith("{" if place == begin else ",", place):
            key_at = self._skip(place + 1)
            if not text.startswith('"', key_at):
                raise _StreamError
            key, place = self._decoder.raw_decode(text, key_at)
            place = self._skip(place)
            if key in values or not text.startswith(":", place):
                raise _StreamError
            place = self._skip(place + 1)
            if text.startswith("[", place):
                values[key], place = self.place, self._read_list(place)
            else:
                values[key], place = self._decoder.raw_decode(text, place)
            place = self._skip(place)
        if not text.startswith("}", place):
            raise _StreamError
        return values, place + 1

    def _read_list(self, begin: int) -> int:
        """Read the list that begins at a place; return where it ends."""
        if self._end:
            raise _StreamError  # a second list
        previous = self._cache.previous if isinstance(self._cache.previous, _PreviousList) else None
        old, old_text = (previous.table, previous.text) if previous else (None, "")
        self.table = RowTable(begin + 1)
        # `read_incrementally` only compares and slices, so text serves as well as bytes.
        data, old_data = cast("bytes", self._text), cast("bytes", old_text)
        read_incrementally(self.table, data, len(data), old, old_data, self._read_block, first_block=_FIRST_BLOCK)
        check_size(len(self.table.rows), None)
        return self._end

    def _read_block(self, begin: int, size: int) -> tuple[int, Row | None]:
        """Append the objects from a place on: each is the text from the end of the one before to its own end."""
        text, table = self._text, self.table
        place, row = begin, None
        while place - begin < size:
            at = self._skip(place)
            if text.startswith("]", at):
                self._end = at + 1
                return len(text), row
            if table.rows:
                if not text.startswith(",", at):
                    raise _StreamError
                at = self._skip(at + 1)
            if not text.startswith("{", at):
                raise _StreamError
            value, end = self._decoder.raw_decode(text, at)
            row = self._add(self._read_row(value))
            table.lengths.append(end - place)
            place = end
        return place, row

    def _add(self, row: Row) -> Row | None:
        """Append a row; return it if the cache had it."""
        fields = row.fields
        key = fields if isinstance(fields, CompactRow) else tuple(fields.items())
        cached = self._cache.rows.get(key)
        if cached is None or cached.problems != row.problems:
            cached = None
            self._cache.rows[key] = row
        self.table.rows.append(cached or row)
        return cached
