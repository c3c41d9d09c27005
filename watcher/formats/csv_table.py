"""CSV (RFC 4180) and TSV: a table whose first row mostly holds the titles of its columns. Knows no registry.

Strict: every row has as many cells as the first, quotes are closed, the text is UTF-8. A run of white space is one
space, so a line break inside a cell too: IANA's writer has written those in three ways and meant nothing by it. What
no CSV can carry: a release date, the registry's title and notes, contacts, nested registries, and whether it is whole.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from watcher.errors import ParseError
from watcher.formats.columns import Columns
from watcher.formats.contract import Cells, Memo, Reading, Row
from watcher.formats.decoding import MAX_FIELDS, bounded, decode, unfinished
from watcher.formats.iana_cells import fold
from watcher.formats.titles import field_names
from watcher.model import Problem

# What stands in a row of data and is never a title: references in brackets and nothing else, numbers and their
# ranges, dates, URLs. `Status [1]` is a title.
_DATA = re.compile(
    r"(\[[^\[\]]+\])+|(0x[0-9a-f]+|[0-9]+)([-,/. ]+(0x[0-9a-f]+|[0-9]+))*|(https?|ftp|mailto):\S+", re.IGNORECASE
)
_Line = tuple[int, list[str]]


def read(data: bytes, columns: Columns, memo: Memo | None = None) -> Reading:
    """Read a CSV. The titles are the header field `columns`, one a line; an empty cell is an absent field.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed` (encoding, NUL, quotes), `ragged`,
    `too_large`, `wrong_registry` (not one title of a closed registry), each with the line where there is one.
    """
    problems = unfinished(decode(data, "the table"))
    return _table(csv.reader(_text(data), strict=True), columns, problems, memo)


def read_tsv(data: bytes, columns: Columns, memo: Memo | None = None) -> Reading:
    """Read tab-separated values as registered with IANA: a quote is a character like others. Raises as `read`."""
    problems = unfinished(decode(data, "the table"))
    lines = csv.reader(_text(data), delimiter="\t", quoting=csv.QUOTE_NONE, strict=True)
    return _table(lines, columns, problems, memo)


def _text(data: bytes) -> io.TextIOWrapper:
    """The text of a document that can be decoded, a little at a time: all of it takes up to four times its room."""
    return io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")


def _table(reader: Iterator[list[str]], columns: Columns, problems: tuple[Problem, ...], memo: Memo | None) -> Reading:
    memo = memo if memo is not None else Memo()
    lines = _lines(reader)
    first = list(islice(lines, 1))
    if not first:
        raise ParseError("empty", "the table has not one cell")
    line, titles = first[0]
    titled = _is_header(titles, columns) if columns.layout.header is None else columns.layout.header
    if titled:
        names, said = field_names(titles, columns, line)
    else:
        names, said = _given(len(titles), columns), ()
    empty = dict.fromkeys(columns.always, "")
    rows = []
    for line, cells in lines if titled else chain(first, lines):
        if len(cells) != len(names):
            raise ParseError("ragged", f"{len(cells)} cells in a table of {len(names)} columns", line=line)
        found = {name: cell for name, cell in zip(names, map(fold, cells), strict=True) if cell}
        fields = Cells(empty | found)
        rows.append(memo.rows.get(fields) or memo.rows.setdefault(fields, Row(registry="", fields=fields)))
        bounded(len(rows), line, len(names), at_once=False)
    memo.forget(rows)
    unknown = tuple(Problem(code="unknown_column", message=each, line=first[0][0]) for each in said)
    return Reading(
        id=None,
        published=None,
        headers={"": {"id": "", "columns": "\n".join(map(fold, titles)) if titled else ""}},
        rows=tuple(rows),
        contacts=(),
        problems=unknown + problems,
    )


def _lines(reader: Iterator[list[str]]) -> Iterator[_Line]:
    """Every row that is not an empty line, with the line it begins on."""
    line = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ParseError("not_well_formed", str(error), line=line) from None
        if cells is None:
            return
        if len(cells) > MAX_FIELDS:
            raise ParseError("too_large", f"more than {MAX_FIELDS} columns", line=line)
        if cells:
            yield line, cells
        line = reader.line_num + 1  # type: ignore[attr-defined]


def _is_header(cells: Sequence[str], columns: Columns) -> bool:
    """Whether a first row holds titles. Seven of IANA's CSVs have none and begin with their first record."""
    texts = [fold(cell) for cell in cells]
    if any(text in columns.titles for text in texts):
        return True
    return not any(_DATA.fullmatch(text) for text in texts)


def _given(number: int, columns: Columns) -> tuple[str, ...]:
    names = columns.layout.names
    if names and len(names) != number:
        raise ParseError("ragged", f"{number} columns, and names for {len(names)}", line=1)
    return names or tuple(f"column {each}" for each in range(1, number + 1))
