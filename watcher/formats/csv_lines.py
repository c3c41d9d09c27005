"""The rows of a CSV or TSV as lists of cells. Knows no titles. No state carries over: reading can start at any row."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any

from watcher.core.errors import ParseError
from watcher.core.tables import Layout
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, not_utf8

Dialect = Mapping[str, Any]
CSV: Dialect = MappingProxyType({"strict": True})
TSV: Dialect = MappingProxyType({"strict": True, "delimiter": "\t", "quoting": csv.QUOTE_NONE})
CsvRow = tuple[list[str], int, int]  # the cells of a row, and the offsets where it and the next one begin
_NO_QUOTES = {"quoting": csv.QUOTE_NONE}
_BOM = "\ufeff".encode()

csv.field_size_limit(MAX_FIELD)  # of this process; the module's own is 131,072


def configured_dialect(dialect: Dialect, layout: Layout) -> Dialect:
    """Return a dialect with what a layout says of delimiter, quote and escape."""
    changed: dict[str, Any] = dict(dialect)
    if layout.delimiter:
        changed["delimiter"] = layout.delimiter
    if layout.quote is not None:
        changed |= {"quoting": csv.QUOTE_MINIMAL, "quotechar": layout.quote} if layout.quote else _NO_QUOTES
    if layout.escape:
        changed["escapechar"] = layout.escape
    return changed


class CsvRows:
    """The rows of one document, which must have no NUL, without skipped lines and comments."""

    def __init__(self, data: bytes, dialect: Dialect, layout: Layout) -> None:
        self.data = data
        self.dialect = dialect
        self._comment = tuple([text.encode() for text in layout.comment])
        self._text = len(_BOM) if data.startswith(_BOM) else 0
        self.begin = self._text + sum(map(len, islice(self._lines(self._text), layout.skip)))

    def read_from(self, offset: int) -> Iterator[CsvRow]:
        """Yield the rows from an offset on. Raises ParseError: `not_well_formed`, `too_large` (cells)."""
        begin = end = offset
        is_first_line = True

        def decoded_lines() -> Iterator[str]:
            nonlocal begin, end, is_first_line
            for line in self._lines(offset):
                line_begin, end = end, end + len(line)
                if is_first_line:
                    if self._comment and line.startswith(self._comment):
                        continue
                    begin, is_first_line = line_begin, False
                try:
                    yield line.decode()
                except UnicodeDecodeError as error:
                    raise not_utf8(error, self.line_number(line_begin)) from None

        reader = csv.reader(decoded_lines(), **self.dialect)
        while True:
            begin, is_first_line = end, True
            try:
                cells = next(reader, None)
            except csv.Error as error:
                reason = "too_large" if "field limit" in str(error) else "not_well_formed"
                raise ParseError(reason, str(error), line=self.line_number(begin)) from None
            if cells is None:
                return
            if len(cells) > MAX_FIELDS:
                raise ParseError("too_large", f"more than {MAX_FIELDS} columns", line=self.line_number(begin))
            if cells:
                yield cells, begin, end

    def line_number(self, offset: int) -> int:
        return len(self.data[self._text : offset].splitlines()) + 1

    def _lines(self, offset: int) -> Iterator[bytes]:
        file = io.BytesIO(self.data)  # shares the bytes
        file.seek(offset)
        for line in file:
            if line.count(b"\r") == line.endswith(b"\r\n"):
                yield line
            else:  # a single carriage return ends a line too
                yield from line.splitlines(keepends=True)
