"""The rows of a CSV or TSV as lists of cells. Knows no titles. No state carries over: reading can start at any row."""

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
CsvRow = tuple[list[str], int, int]  # the cells of a row, and the offsets where it and the next one begin
_BOM = "\ufeff".encode()


class CsvRows:
    """The rows of one document, which must have no NUL."""

    def __init__(self, data: bytes, dialect: Dialect) -> None:
        self.data = data
        self.dialect = dialect
        self.begin = len(_BOM) if data.startswith(_BOM) else 0

    def read_from(self, offset: int) -> Iterator[CsvRow]:
        """Yield the rows from an offset on. Raises ParseError: `not_well_formed`, `too_large` (cells)."""
        end = offset

        def decoded_lines() -> Iterator[str]:
            nonlocal end
            for line in self._lines(offset):
                line_begin, end = end, end + len(line)
                try:
                    yield line.decode()
                except UnicodeDecodeError as error:
                    raise not_utf8(error, self.line_number(line_begin)) from None

        reader = csv.reader(decoded_lines(), **self.dialect)
        while True:
            begin = end
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise ParseError("not_well_formed", str(error), line=self.line_number(begin)) from None
            if cells is None:
                return
            if len(cells) > MAX_FIELDS:
                raise ParseError("too_large", f"more than {MAX_FIELDS} columns", line=self.line_number(begin))
            if cells:
                yield cells, begin, end

    def line_number(self, offset: int) -> int:
        return len(self.data[self.begin : offset].splitlines()) + 1

    def _lines(self, offset: int) -> Iterator[bytes]:
        file = io.BytesIO(self.data)  # shares the bytes
        file.seek(offset)
        for line in file:
            if line.count(b"\r") == line.endswith(b"\r\n"):
                yield line
            else:  # a single carriage return ends a line too
                yield from line.splitlines(keepends=True)
