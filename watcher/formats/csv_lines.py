"""The rows of a CSV or TSV as their cells, and from where to where in the document each goes. Knows no titles.

A row ends where a line ends outside of quotes. Nothing of a row reaches into the next: they can be read from the begin
of any of them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from watcher.core.errors import ParseError
from watcher.formats.text import MAX_FIELDS, not_utf8

Dialect = Mapping[str, Any]
CSV: Dialect = MappingProxyType({"strict": True})
TSV: Dialect = MappingProxyType({"strict": True, "delimiter": "\t", "quoting": csv.QUOTE_NONE})
Line = tuple[list[str], int, int]  # its cells, where it begins, and where the one after it does
_MARK = "\ufeff".encode()


class Lines:
    """The rows of a document without a NUL."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self.data = data
        self.dialect = dialect
        self.begin = len(_MARK) if data.startswith(_MARK) else 0

    def since(self, place: int) -> Iterator[Line]:
        """Yield every row that is not an empty line, from a place on at which one begins.

        Raises ParseError: `not_well_formed` (encoding, quotes), `too_large` (cells).
        """
        end = place

        def texts() -> Iterator[str]:
            nonlocal end
            for line in self._lines(place):
                begun, end = end, end + len(line)
                try:
                    yield line.decode()
                except UnicodeDecodeError as error:
                    raise not_utf8(error, self.number(begun)) from None

        reader = csv.reader(texts(), **self.dialect)
        while True:
            begin = end
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise ParseError("not_well_formed", str(error), line=self.number(begin)) from None
            if cells is None:
                return
            if len(cells) > MAX_FIELDS:
                raise ParseError("too_large", f"more than {MAX_FIELDS} columns", line=self.number(begin))
            if cells:
                yield cells, begin, end

    def number(self, place: int) -> int:
        """The number of the line that begins at a place, counted from 1."""
        return len(self.data[self.begin : place].splitlines()) + 1

    def _lines(self, place: int) -> Iterator[bytes]:
        file = io.BytesIO(self.data)  # shares the bytes
        file.seek(place)
        for line in file:
            if line.count(b"\r") == line.endswith(b"\r\n"):
                yield line
            else:  # a carriage return alone ends a line too
                yield from line.splitlines(keepends=True)
