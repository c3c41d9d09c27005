"""A list: one entry on each line, such as domains, words or suffixes. Knows no registry."""

from __future__ import annotations

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.text import MAX_FIELD, check_is_text, check_last_line, check_size, decode, fold, to_utf8

_COLUMN = "value"
_LINE_BREAK = regex(r"\r\n|\n|\r")  # no other: U+2028 is part of an entry


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read a list. Empty lines and comments are no entries; the column is called `value` unless `columns` names it.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`, `ragged` (several names).
    """
    layout = field_map.layout
    if len(layout.columns) > 1:
        raise ParseError("ragged", f"a list has one column, and columns names {len(layout.columns)}")
    name = layout.columns[0] if layout.columns else _COLUMN
    data = to_utf8(data, layout)
    check_is_text(data, "the list", json=True)
    lines = _LINE_BREAK.split(decode(data, "the list"))
    check_size(len(lines), None)
    rows = []
    for number, line in enumerate(lines, 1):
        entry = fold(line)
        if number <= layout.skip or not entry or line.startswith(layout.comment):
            continue
        if len(entry) > MAX_FIELD:
            raise ParseError("too_large", "a line too long", line=number)
        rows.append(Row(registry="", fields={**dict.fromkeys(field_map.always, ""), name: entry}))
    return Document(headers={"": {"id": ""}}, rows=tuple(rows), problems=check_last_line(data))
