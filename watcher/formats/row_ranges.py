"""Find the bytes that rows of a document were read from, so that evidence can point at them.

A range counts only if it alone, read again by the format's own reader, gives the same row. Formats whose rows have no
range of their own (JSON, web pages) and rows that cannot be found give None.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate

from watcher.core.errors import ParseError
from watcher.core.model import Fields
from watcher.core.patterns import regex
from watcher.formats.base import Document, FieldMap, Row
from watcher.formats.catalog import FORMATS
from watcher.formats.iana_xml import NAMESPACE

ByteRange = tuple[int, int]

_ELEMENTS = {
    "record": regex(rb"<record\b.*?</record\s*>", re.DOTALL),
    "person": regex(rb"<person\b.*?</person\s*>", re.DOTALL),
}
_WRAPPERS = {
    "record": b'<registry xmlns="%s" id="x"><title>x</title>%s</registry>',
    "person": b'<registry xmlns="%s" id="x"><title>x</title><people>%s</people></registry>',
}
_TEXT_FORMATS = frozenset({"csv", "tsv", "lines", "jsonl", "record-jar"})
_MOST_HEADER_LINES = 20
_MOST_LINES = 12  # of one row
_MOST_PLACES = 50  # where a word of a row is looked for


class RowRanges:
    """The rows of one document and where they are. Lives as long as one document is searched."""

    def __init__(self, data: bytes, format: str, field_map: FieldMap) -> None:  # noqa: A002 - the config's word
        self._data = data
        self._format = format
        self._field_map = field_map
        self._document = FORMATS[format].read(data, field_map)

    def find_entry(self, fields: Fields, registry: str | None) -> ByteRange | None:
        """Return the range of the row with some fields, in the registry with a path; None is any registry."""
        if self._format == "xml":
            return self._find_element("record", self._document.rows, fields, registry)
        return self._find_lines(fields) if self._format in _TEXT_FORMATS else None

    def find_contact(self, fields: Fields) -> ByteRange | None:
        """Return the range of the contact with some fields."""
        return self._find_element("person", self._document.contacts, fields, None) if self._format == "xml" else None

    def _find_element(self, name: str, rows: tuple[Row, ...], fields: Fields, registry: str | None) -> ByteRange | None:
        ranges = self._element_ranges[name]
        if len(ranges) != len(rows):
            return None  # an element in a comment, or markup that this search does not know
        for number in self._numbers[name].get(frozenset(fields.items()), ()):
            if registry in (None, rows[number].registry):
                begin, end = ranges[number]
                document = self._read(_WRAPPERS[name] % (NAMESPACE.encode(), self._data[begin:end]))
                return (begin, end) if _is_only_row(document, fields) else None
        return None

    @cached_property
    def _numbers(self) -> Mapping[str, Mapping[frozenset[tuple[str, str]], list[int]]]:
        """The numbers of the rows with some fields, by the name of their element."""
        by_name: dict[str, dict[frozenset[tuple[str, str]], list[int]]] = {}
        for name, rows in (("record", self._document.rows), ("person", self._document.contacts)):
            numbers = by_name.setdefault(name, {})
            for number, row in enumerate(rows):
                numbers.setdefault(frozenset(row.fields.items()), []).append(number)
        return by_name

    @cached_property
    def _element_ranges(self) -> Mapping[str, list[ByteRange]]:
        return {name: [match.span() for match in pattern.finditer(self._data)] for name, pattern in _ELEMENTS.items()}

    def _find_lines(self, fields: Fields) -> ByteRange | None:
        """Return the lines that have the longest word of a row and, behind the lines of the header, give this row."""
        offsets = self._line_offsets
        words = [word for text in fields.values() for word in re.split(r"[\s\"\\]", text)]
        for line in self._list_lines_with(max(words, key=len, default="")):
            for number in range(1, _MOST_LINES + 1):
                for first in range(max(line - number + 1, 0), min(line + 1, len(offsets) - number)):
                    begin, end = offsets[first], offsets[first + number]
                    if self._gives_row(self._data[begin:end], fields) and self._is_separate(begin, end, fields):
                        return begin, end
        return None

    def _list_lines_with(self, word: str) -> Iterator[int]:
        pattern = re.escape(word.encode(self._field_map.layout.encoding or "utf-8", "replace"))
        if not pattern:
            return
        for number, match in enumerate(re.finditer(pattern, self._data)):
            if number == _MOST_PLACES:
                return
            yield bisect_right(self._line_offsets, match.start()) - 1

    def _gives_row(self, lines: bytes, fields: Fields) -> bool:
        return any(_is_only_row(self._read(header + lines), fields) for header in self._headers)

    def _is_separate(self, begin: int, end: int, fields: Fields) -> bool:
        """Return whether the document without a range has every other row: no line of another one is part of it."""
        rest = self._read(self._data[:begin] + self._data[end:])
        remaining = Counter(frozenset(row.fields.items()) for row in (rest.rows if rest else ()))
        remaining[frozenset(fields.items())] += 1
        return remaining == Counter(frozenset(row.fields.items()) for row in self._document.rows)

    @cached_property
    def _line_offsets(self) -> Sequence[int]:
        return list(accumulate(map(len, self._data.splitlines(keepends=True)), initial=0))

    @cached_property
    def _headers(self) -> Sequence[bytes]:
        """The first lines of the document, none or some: a row of a table needs those with the titles before it."""
        if self._format not in ("csv", "tsv"):
            return [b""]
        return [self._data[:offset] for offset in self._line_offsets[: _MOST_HEADER_LINES + 1]]

    def _read(self, data: bytes) -> Document | None:
        try:
            return FORMATS[self._format].read(data, self._field_map)
        except ParseError:
            return None


def _is_only_row(document: Document | None, fields: Fields) -> bool:
    """Return whether a document has one row or contact, with some fields."""
    rows = (*document.rows, *document.contacts) if document else ()
    return len(rows) == 1 and rows[0].fields == fields
