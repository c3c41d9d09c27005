"""CSV (RFC 4180) and TSV: a table whose first row mostly holds the titles of its columns. Knows no registry.

Strict: every row has as many cells as the first, quotes are closed, the text is UTF-8. A run of white space is one
space, so a line break inside a cell too: IANA's writer has written those in three ways and meant nothing by it. What
no CSV can carry: a release date, the registry's title and notes, contacts, nested registries, and whether it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.formats.base import CompactRow, Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.csv_lines import CSV, TSV, Dialect, Lines
from watcher.formats.headings import field_names
from watcher.formats.text import bounded, ends_with_a_line, fold, seem_text, unfinished
from watcher.formats.unchanged_ranges import Part, follow

_SPOT = 2**8  # bytes that are read at first where two documents differ
_LARGE = 128 * 2**20  # a document of this size is not kept until the next one comes: it takes too much room
# What stands in a row of data and is never a title: references in brackets and nothing else, numbers and their
# ranges, dates, URLs. `Status [1]` is a title.
_DATA = re.compile(
    r"(\[[^\[\]]+\])+|(0x[0-9a-f]+|[0-9]+)([-,/. ]+(0x[0-9a-f]+|[0-9]+))*|(https?|ftp|mailto):\S+", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class TableBytes:
    """A table that was read, for the next one to be compared with."""

    data: bytes
    dialect: Dialect
    names: tuple[str, ...]
    part: Part


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:
    """Read a CSV. The titles are the header field `columns`, one a line; an empty cell is an absent field.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed` (encoding, NUL, quotes), `ragged`,
    `too_large`, `wrong_registry` (not one title of a closed registry), each with the line where there is one.
    """
    return _table(data, CSV, columns, memo)


def read_tsv(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:
    """Read tab-separated values as registered with IANA: a quote is a character like others. Raises as `read`."""
    return _table(data, TSV, columns, memo)


def _table(data: bytes, dialect: Dialect, columns: FieldMap, memo: RowCache | None) -> Document:
    seem_text(data, "the table")
    memo = memo if memo is not None else RowCache()
    lines = Lines(data, dialect)
    first = next(lines.since(lines.begin), None)
    if first is None:
        raise ParseError("empty", "the table has not one cell")
    titles, line, behind = first[0], lines.number(first[1]), first[2]
    titled = _is_header(titles, columns) if columns.layout.header is None else columns.layout.header
    names, said = field_names(titles, columns, line) if titled else (_given(len(titles), columns), ())
    part = _rows(lines, behind if titled else lines.begin, tuple(names), columns, memo)
    memo.forget(part.rows)
    memo.document = TableBytes(data, dialect, tuple(names), part) if len(data) <= _LARGE else None
    unknown = tuple(Problem(code="unknown_column", message=each, line=line) for each in said)
    return Document(
        id=None,
        published=None,
        headers={"": {"id": "", "columns": "\n".join(map(fold, titles)) if titled else ""}},
        rows=tuple(part.rows),
        contacts=(),
        problems=unknown + unfinished(data),
    )


def _rows(lines: Lines, begin: int, names: tuple[str, ...], columns: FieldMap, memo: RowCache) -> Part:
    """Read the rows from a place on, those alone that the document before does not have."""
    before = memo.document
    if isinstance(before, TableBytes) and before.dialect is lines.dialect and before.names == names:
        try:
            return _Rows(lines, begin, names, columns, memo).part(before)
        except ParseError:
            pass  # what is wrong where is said by reading all of it
    return _Rows(lines, begin, names, columns, memo).part(None)


class _Rows:
    """Makes the rows of a table of its lines."""

    def __init__(self, lines: Lines, begin: int, names: tuple[str, ...], columns: FieldMap, memo: RowCache) -> None:
        self._lines = lines
        self._names = names
        self._empty = dict.fromkeys(columns.always, "")
        self._memo = memo
        self._part = Part(begin)

    def part(self, before: TableBytes | None) -> Part:
        data, part = self._lines.data, self._part
        old, text = (before.part, before.data) if before else (None, b"")
        follow(part, data, len(data), old, text, self._read, spot=_SPOT)
        bounded(len(part.rows), None, len(self._names), at_once=False)  # with what was taken over
        part.open = not ends_with_a_line(data)
        return part

    def _read(self, at: int, block: int) -> tuple[int, Row | None]:
        end, known = at, None
        for cells, begin, behind in self._lines.since(at):
            known = self._add(cells, begin)
            self._part.lengths.append(behind - end)
            end = behind
            if end - at >= block:
                return end, known
        return len(self._lines.data), None

    def _add(self, cells: list[str], begin: int) -> Row | None:
        """Make a row of its cells; return it where it was known."""
        names, rows, known = self._names, self._part.rows, self._memo.rows
        if len(cells) != len(names):
            what = f"{len(cells)} cells in a table of {len(names)} columns"
            raise ParseError("ragged", what, line=self._lines.number(begin))
        found = {name: text for name, cell in zip(names, cells, strict=True) if cell and (text := fold(cell))}
        fields = CompactRow(self._empty | found)
        row = known.get(fields)
        rows.append(row or known.setdefault(fields, Row(registry="", fields=fields)))
        bounded(len(rows), lambda: self._lines.number(begin), len(names), at_once=False)
        return row


def _is_header(cells: Sequence[str], columns: FieldMap) -> bool:
    """Whether a first row holds titles. Seven of IANA's CSVs have none and begin with their first record."""
    texts = [fold(cell) for cell in cells]
    if any(text in columns.titles for text in texts):
        return True
    return not any(_DATA.fullmatch(text) for text in texts)


def _given(number: int, columns: FieldMap) -> tuple[str, ...]:
    names = columns.layout.names
    if names and len(names) != number:
        raise ParseError("ragged", f"{number} columns, and names for {len(names)}", line=1)
    return names or tuple(f"column {each}" for each in range(1, number + 1))
