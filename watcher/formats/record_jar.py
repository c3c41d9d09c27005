"""The record-jar format of the language subtag registry (RFC 5646 section 3.1.1). Knows no registry.

    %% separates records; `Field-Name: body`; a line that begins with white space goes on with the body before it.

A field that stands several times in a record (`Description`) is one field, a line for each. The format cannot carry
contacts or nested registries, and cannot prove that it is whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, bounded, decode, fold, unfinished

_FIELD = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)[ \t]*:(.*)", re.DOTALL)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATED = "File-Date"
_Record = tuple[int, dict[str, list[str]]]


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read a record jar. A first record with a `File-Date` is the header and gives `published`.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed` with the line, `too_large`.
    """
    text = decode(data, "the records")
    bounded(text.count("\n"), None, width=2)
    problems = list(unfinished(data))
    header: dict[str, str] = {"id": ""}
    published = None
    rows = []
    for number, (line, record) in enumerate(_records(text)):
        fields = {columns.titles.get(name, name): "\n".join(bodies) for name, bodies in record.items()}
        if number == 0 and _DATED in record:
            header |= {("updated" if name == _DATED else name): body for name, body in fields.items()}
            published = record[_DATED][0] if _DATE.fullmatch(record[_DATED][0]) else None
            if published is None:
                problems.append(Problem(code="unknown_column", message=f"{_DATED} is no date", line=line))
            continue
        if len(fields) < len(record):
            raise ParseError("not_well_formed", "two fields have one name", line=line)
        rows.append(Row(registry="", fields=dict.fromkeys(columns.always, "") | fields))
    return Document(
        id=None,
        published=published,
        headers={"": header},
        rows=tuple(rows),
        contacts=(),
        problems=tuple(problems),
    )


def _records(text: str) -> Iterator[_Record]:
    """Every record that has a field, with the line it begins on."""
    record: dict[str, list[str]] = {}
    start, size = 1, 0
    last: list[str] | None = None
    for line, raw in enumerate(text.split("\n"), 1):
        content = raw.rstrip()
        if content == "%%":
            if record:
                yield start, record
            record, last, start, size = {}, None, line + 1, 0
        elif not content:
            last = None  # an empty line goes on with nothing
        elif raw[0] in " \t":
            if last is None:
                raise ParseError("not_well_formed", "this line goes on with a field, but there is none", line=line)
            last[-1] = f"{last[-1]} {fold(content)}".strip()
        else:
            field = _FIELD.fullmatch(content)
            if field is None:
                raise ParseError("not_well_formed", "not a field, `Name: body`", line=line)
            last = record.setdefault(field[1], [])
            last.append(fold(field[2]))
        size += len(content)
        if size > MAX_FIELD or len(record) > MAX_FIELDS:
            raise ParseError("too_large", "a record too long", line=line)
    if record:
        yield start, record
