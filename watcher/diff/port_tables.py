"""Cut two CSVs of the port registry down to what can matter to their comparison, as `port_files.py` does for XML.

All rows are split into cells. What takes most of the time of a comparison, to make entries of them, is done only for
the rows that are left: those that only one table has, and those that a rule can ask about, which are on a port of a
changed row, have the name of a changed row without a port, or are for a range of ports.
Wherever a row that is left out could matter, because reading it would be refused or its port or name is not plain,
`cut_tables` returns None and the caller reads both files whole. A test holds both ways to the same comparison.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.diff.port_files import CutFiles
from watcher.formats.csv_lines import CSV
from watcher.formats.text import check_is_text, fold

_HEADER = b"Service Name,Port Number,Transport Protocol,"
_NAME, _PORT = 0, 1  # the places of these columns
_LARGEST = 5 * 2**20  # bytes of a file: fewer rows, of five bytes and more, than a reader refuses
_SEPARATOR = "\x1f"
_PLAIN_PORT = regex(r"((0|[1-9][0-9]*)(-[0-9]+)?)?")


class _Table:
    """The rows of a CSV, the header first, as cells and as one text each. Raises _CutError."""

    def __init__(self, data: bytes) -> None:
        if not data.startswith(_HEADER) or len(data) > _LARGEST:
            raise _CutError
        check_is_text(data, "the table", json=True)
        text = data.decode()
        self.rows = [*csv.reader(io.StringIO(text, newline=""), **CSV)]
        if len({*map(len, self.rows)}) != 1:
            raise _CutError
        ports = {row[_PORT] for row in self.rows[1:]}
        names = " ".join([row[_NAME] for row in self.rows if row[_NAME]])
        is_plain = fold(names) == names and all(map(_PLAIN_PORT.fullmatch, ports)) and _SEPARATOR not in text
        if not is_plain or not all([row[_PORT] or row[_NAME] for row in self.rows]):  # noqa: C419 - faster than a generator
            raise _CutError
        self.texts = [*map(_SEPARATOR.join, self.rows)]

    def cut(self, kept: Collection[str], names: Collection[str], ports: Collection[str]) -> tuple[bytes, int]:
        """Return the CSV of some rows, those for names, ports and ranges, and the number of those left out."""
        chosen = [
            row
            for row, text in zip(self.rows, self.texts, strict=True)
            if row[_PORT] in ports or row[_NAME] in names or "-" in row[_PORT] or text in kept
        ]
        file = io.StringIO(newline="")
        csv.writer(file).writerows(chosen)
        return file.getvalue().encode(), len(self.rows) - len(chosen)


class _CutError(Exception):
    """Reading a row of the table could be refused, or its name or port is not plain."""


def cut_tables(old: bytes, new: bytes) -> CutFiles | None:
    """Return two tables whose comparison is that of two files; None where the files must be read whole."""
    try:
        before, after = _Table(old), _Table(new)
    except (ParseError, UnicodeError, csv.Error, _CutError):
        return None
    counts, others = Counter(before.texts), Counter(after.texts)
    equal = {text for text, number in counts.items() if others.get(text) == number}
    changed = (counts.keys() | others.keys()) - equal
    cells = [text.split(_SEPARATOR) for text in changed]
    ports = {row[_PORT].partition("-")[0] for row in cells} - {""}  # of a range, the rules ask about the first
    names = {row[_NAME] for row in cells if not row[_PORT]}
    # Without an equal row the tables would look as if they had nothing in common.
    shared = next((text for text in before.texts[1:] if text in equal), None)
    if before.texts[0] not in equal or shared is None:
        return None
    kept = {*changed, before.texts[0], shared}
    (old_rows, left_out), (new_rows, _) = (table.cut(kept, names, ports) for table in (before, after))
    return CutFiles(old=old_rows, new=new_rows, left_out=left_out)
