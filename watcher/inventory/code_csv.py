"""A CSV or TSV of names and codes, with or without titles: `TLS_AES_128_GCM_SHA256,"0x13,0x01"`."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice

from watcher.core.errors import ParseError
from watcher.inventory.base import ListText
from watcher.inventory.code_cells import find_columns, guess_columns, make_entry
from watcher.inventory.model import ListEntry

_DELIMITERS = ",\t;"
_MOST_COLUMNS = 100


def is_code_csv(text: ListText) -> bool:
    """Return whether the first line that is no comment has one of the delimiters."""
    return _delimiter(text) is not None


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield an entry for each row. Lines that begin with `#` are comments. Raises ParseError."""
    lines = list(text.lines())  # checks their length
    numbers = [number for number, line in lines if not line.startswith("#")]
    delimiter = _delimiter(text) or ","
    rows = [f"{line}\n" for _, line in lines if not line.startswith("#")]
    reader = csv.reader(rows, delimiter=delimiter, strict=True)
    columns: dict[str, int] | None = None
    line = 1
    try:
        for row in reader:
            line = numbers[reader.line_num - 1]  # the last one, if a cell has a line break
            if len(row) > _MOST_COLUMNS:
                raise ParseError("too_large", f"more than {_MOST_COLUMNS} columns", line=line)
            if columns is None:
                columns = find_columns(row)
                if columns is not None:
                    continue
                columns = guess_columns(row)
            cells = {column: row[place] for column, place in columns.items() if place < len(row)}
            if (entry := make_entry(cells, text.name, line, of_ports=text.of_ports)) is not None:
                yield entry
    except csv.Error as error:
        raise ParseError("not_well_formed", f"not CSV: {error}", line=numbers[max(reader.line_num - 1, 0)]) from None


def _delimiter(text: ListText) -> str | None:
    first = next(islice((line for _, line in text.lines() if not line.startswith("#")), 1), "")
    counts = {delimiter: first.count(delimiter) for delimiter in _DELIMITERS}
    best = max(counts, key=lambda delimiter: counts[delimiter])
    return best if counts[best] else None
