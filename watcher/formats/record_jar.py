"""The record-jar format of the language subtag registry (RFC 5646 section 3.1.1). Knows no registry.

    %% separates records; a field is `Field-Name: body`; a line that begins with white space continues the body.

A field that is repeated in a record (`Description`) becomes one field with a line for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.core.model import Problem
from watcher.core.patterns import regex
from watcher.core.times import is_date
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.text import MAX_FIELD, MAX_FIELDS, check_last_line, check_size, decode, fold

_FIELD = regex(r"([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)[ \t]*:(.*)", re.DOTALL)
_DATE_FIELD = "File-Date"
_Record = tuple[int, dict[str, list[str]]]


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read a record jar. A first record with a `File-Date` is the header.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`.
    """
    text = decode(data, "the records")
    check_size(text.count("\n"), None, width=2)
    problems = list(check_last_line(data))
    header: dict[str, str] = {"id": ""}
    published = None
    rows = []
    for number, (line, record) in enumerate(_records(text)):
        fields = {field_map.titles.get(name, name): "\n".join(bodies) for name, bodies in record.items()}
        if number == 0 and _DATE_FIELD in record:
            header |= {("updated" if name == _DATE_FIELD else name): body for name, body in fields.items()}
            published = record[_DATE_FIELD][0] if is_date(record[_DATE_FIELD][0]) else None
            if published is None:
                problems.append(Problem(code="unknown_column", message=f"{_DATE_FIELD} is not a date", line=line))
            continue
        if len(fields) < len(record):
            raise ParseError("not_well_formed", "two fields have one name", line=line)
        rows.append(Row(registry="", fields=dict.fromkeys(field_map.always, "") | fields))
    return Document(published=published, headers={"": header}, rows=tuple(rows), problems=tuple(problems))


def _records(text: str) -> Iterator[_Record]:
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
            last = None  # no line may continue an empty one
        elif raw[0] in " \t":
            if last is None:
                raise ParseError("not_well_formed", "this line continues a field, but no field precedes it", line=line)
            last[-1] = f"{last[-1]} {fold(content)}".strip()
        else:
            field = _FIELD.fullmatch(content)
            if field is None:
                raise ParseError("not_well_formed", "not a field (Name: body)", line=line)
            last = record.setdefault(field[1], [])
            last.append(fold(field[2]))
        size += len(content)
        if size > MAX_FIELD or len(record) > MAX_FIELDS:
            raise ParseError("too_large", "a record too long", line=line)
    if record:
        yield start, record
