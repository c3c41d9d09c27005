"""CSV (RFC 4180) and TSV: a table whose first row usually has the titles of the columns. Knows no registry.

Strict: every row has as many cells as the first one, quotes are closed, the text is UTF-8. Every run of white space
becomes one space, line breaks inside a cell too: IANA has written those in three ways that all mean the same.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from itertools import islice

from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.patterns import regex
from watcher.core.tables import Layout
from watcher.formats.base import CompactRow, Document, FieldMap, Row, RowCache
from watcher.formats.csv_lines import CSV, TSV, CsvRows, Dialect, configured_dialect
from watcher.formats.headings import field_names
from watcher.formats.text import (
    check_is_text,
    check_last_line,
    check_size,
    ends_with_line_break,
    fold,
    most_rows,
    to_utf8,
)
from watcher.formats.unchanged_ranges import RowTable, read_incrementally

_FIRST_BLOCK = 2**8  # bytes that are read first where two documents differ
_MOST_KEPT = 128 * 2**20  # bytes: a larger document is not kept for the next one, it would take too much memory
# Texts that are data and never a title: references in brackets and nothing else, numbers and their ranges, dates, URLs.
# `Status [1]` is a title.
_DATA = regex(
    r"(\[[^\[\]]+\])+|(0x[0-9a-f]+|[0-9]+)([-,/. ]+(0x[0-9a-f]+|[0-9]+))*|(https?|ftp|mailto):\S+", re.IGNORECASE
)
_YEAR = regex(r"(19|20)[0-9]{2}")
# The title of a table with one column: a name that hardly any list of words begins with.
_TITLE_ALONE = regex(r"value|name|code|id|key|description|reference|<[^<>]*>", re.IGNORECASE)
_HEAD_ROWS = 20  # rows that decide whether the first one has titles
_SEPARATOR = "\x1f"  # white space, which no title and no folded cell has
_DELIMITERS = ";\t|"
_LARGEST_WITH_DICTIONARIES = 2**22  # bytes; rows of a larger table are compact: less memory, slower to read


class PreviousTable(Struct, frozen=True):
    """The last document of a source, whose rows the next one can reuse."""

    data: bytes
    dialect: Dialect
    names: tuple[str, ...]
    table: RowTable


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None, *, dialect: Dialect = CSV) -> Document:
    """Read a CSV; the header field `columns` has its titles, one on each line.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`, `ragged`, `wrong_registry`.
    """
    layout = field_map.layout
    data = to_utf8(data, layout)
    check_is_text(data, "the table", json=True)
    cache = cache if cache is not None else RowCache()
    csv_rows = CsvRows(data, configured_dialect(dialect, layout), layout)
    head = [*islice(csv_rows.read_from(csv_rows.begin), _HEAD_ROWS)]
    if not head:
        raise ParseError("empty", "the table has no cell")
    titles, line, second_row = head[0][0], csv_rows.line_number(head[0][1]), head[0][2]
    first_rows = [cells for cells, *_ in head]
    if not layout.delimiter:
        _check_is_separated(first_rows, line)
    has_titles = _are_titles(first_rows, field_map) if layout.has_titles is None else layout.has_titles
    if has_titles:
        names, problems = field_names(titles, field_map, line)
    else:
        names, problems = _configured_names(titles, layout, line), ()
    table = _read_rows(csv_rows, second_row if has_titles else csv_rows.begin, names, field_map, cache)
    cache.trim(table.rows)
    cache.previous = PreviousTable(data, csv_rows.dialect, names, table) if len(data) <= _MOST_KEPT else None
    return Document(
        headers={"": {"id": "", "columns": "\n".join(map(fold, titles)) if has_titles else ""}},
        rows=tuple(table.rows),
        problems=(
            *(Problem(code="unknown_column", message=problem, line=line) for problem in problems),
            *check_last_line(data),
        ),
    )


read_tsv = partial(read, dialect=TSV)  # as registered with IANA: quotes are ordinary characters


def _read_rows(csv_rows: CsvRows, begin: int, names: tuple[str, ...], field_map: FieldMap, cache: RowCache) -> RowTable:
    """Read the rows from an offset on; reuse those of the previous table if it has the same dialect and columns."""
    previous = cache.previous
    if isinstance(previous, PreviousTable) and previous.dialect == csv_rows.dialect and previous.names == names:
        try:
            return _TableReader(csv_rows, begin, names, field_map, cache).read(previous)
        except ParseError:
            pass  # reading the whole table finds the same error with its line
    return _TableReader(csv_rows, begin, names, field_map, cache).read(None)


class _TableReader:
    def __init__(
        self, csv_rows: CsvRows, begin: int, names: tuple[str, ...], field_map: FieldMap, cache: RowCache
    ) -> None:
        self._csv_rows = csv_rows
        self._names = names
        self._ragged = field_map.layout.ragged
        self._empty = dict.fromkeys(field_map.always, "")
        self._compact = len(csv_rows.data) > _LARGEST_WITH_DICTIONARIES
        self._cache = cache
        self._most_rows = most_rows(len(names))
        self._table = RowTable(begin)

    def read(self, previous: PreviousTable | None) -> RowTable:
        data, table = self._csv_rows.data, self._table
        old_table, old_data = (previous.table, previous.data) if previous else (None, b"")
        read_incrementally(table, data, len(data), old_table, old_data, self._read_block, first_block=_FIRST_BLOCK)
        check_size(len(table.rows), None, len(self._names), at_once=False)  # copied rows count too
        table.open = not ends_with_line_break(data)
        return table

    def _read_block(self, begin: int, size: int) -> tuple[int, Row | None]:
        end, cached = begin, None
        for cells, row_begin, row_end in self._csv_rows.read_from(begin):
            texts = self._read_cells(cells, row_begin)
            if not texts:
                continue  # commas alone, as spreadsheets write them: part of the next row's bytes, like an empty line
            cached = self._add_row(texts, row_begin)
            self._table.lengths.append(row_end - end)
            end = row_end
            if end - begin >= size:
                return end, cached
        return len(self._csv_rows.data), None

    def _read_cells(self, cells: list[str], begin: int) -> dict[str, str]:
        """Return the texts of a row by column. Surplus cells are allowed if they have no text."""
        names = self._names
        if len(cells) != len(names) and (any(cells[len(names) :]) or (len(cells) < len(names) and not self._ragged)):
            message = f"{len(cells)} cells in a table of {len(names)} columns"
            raise ParseError("ragged", message, line=self._csv_rows.line_number(begin))
        # As `fold` does: a call for each cell would take a fifth of the time of reading.
        return {
            name: text for name, cell in zip(names, cells, strict=False) if cell and (text := " ".join(cell.split()))
        }

    def _add_row(self, texts: dict[str, str], begin: int) -> Row | None:
        """Append the row of some texts; return it if the cache had it."""
        rows = self._table.rows
        fields: Mapping[str, str] = self._empty | texts if self._empty else texts
        if self._compact:
            key: Hashable = (fields := CompactRow(fields))
        else:
            # One text and no tuple: the cyclic garbage collector goes through tuples, which takes longer than reading.
            key = _SEPARATOR.join([*fields, *fields.values()])
        row = Row(registry="", fields=fields)
        cached = self._cache.rows.setdefault(key, row)
        rows.append(cached)
        if len(rows) > self._most_rows:
            check_size(len(rows), self._csv_rows.line_number(begin), len(self._names), at_once=False)
        return None if cached is row else cached


def _are_titles(head: Sequence[Sequence[str]], field_map: FieldMap) -> bool:
    """Return whether a first row has titles. Seven of IANA's CSVs have none and begin with their first record.

    A year is a title if the cell below is no year. A single column without a known title is a list of words.
    """
    texts = [fold(cell) for cell in head[0]]
    if any(text in field_map.titles for text in texts):
        return True
    if len(texts) == 1:
        return bool(_TITLE_ALONE.fullmatch(texts[0]))
    below = [fold(cell) for cell in head[1]] if len(head) > 1 else []
    years = {
        text for text, other in zip(texts, below, strict=False) if _YEAR.fullmatch(text) and not _YEAR.fullmatch(other)
    }
    data = [text for text in texts if _DATA.fullmatch(text) and text not in years]
    return not data and len(years) < len(texts)


def _check_is_separated(head: Sequence[Sequence[str]], line: int) -> None:
    """Refuse a table of one column whose rows all have the same number of another delimiter."""
    if len(head) == 1 or any(len(cells) != 1 for cells in head):
        return
    for delimiter in _DELIMITERS:
        counts = {cells[0].count(delimiter) for cells in head}
        if len(counts) == 1 and 0 not in counts:
            message = f"one column, and {counts.pop()} {delimiter!r} in every row; set delimiter"
            raise ParseError("not_expected_format", message, line=line)


def _configured_names(first: Sequence[str], layout: Layout, line: int) -> tuple[str, ...]:
    names, width = layout.columns, len(first)
    if names and (any(first[len(names) :]) or (width < len(names) and not layout.ragged)):
        raise ParseError("ragged", f"{width} columns, and names for {len(names)}", line=line)
    return names or tuple(f"column {number}" for number in range(1, width + 1))
