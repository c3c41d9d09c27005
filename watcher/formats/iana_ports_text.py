"""The port registry as plain text: only the name, port and protocol of every row, and the release date.

The text is a browser's dump of a table. The widths of the columns change from release to release. Cells wrap and are
centred vertically, so the port and protocol are on the middle line of their row. The reader takes the places of the
first three columns from the table's header, and makes a row of every line with text there.

The lines do not show where the description of a row begins and ends, and this reader does not guess: there is no
description, assignee, contact, date, reference or note. Only "Unassigned" and "Reserved" beside a port without name are
read: they do not wrap. A row without name, port and protocol is not found. A name
wraps only at a space; four names from before RFC 6335 have one ("Escale (Newton Dock)"). Such a name is joined by the
way a browser centres it and by its parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from msgspec import Struct

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.core.times import is_date
from watcher.formats.base import Document, FieldMap, Row, RowCache
from watcher.formats.headings import field_names
from watcher.formats.text import check_size, decode, fold

TITLES = ("Service Name", "Port Number", "Transport Protocol")
# "Port Number" is as wide as its column; the next title, on one or two lines, begins where its column begins.
_HEADER = regex(r"^ *Service Name +(Port Number) +(Transport|Protocol)\b.* Assignee .*$", re.MULTILINE)
_PROTOCOL_WIDTH = len("Transport ")
_UPDATED = regex(r"^ *Last Updated\s+([0-9]{4}-[0-9]{2}-[0-9]{2})\s*$", re.MULTILINE)
_END = regex(r"^ *(?:Contact Information|People) *$", re.MULTILINE)
_PORT = regex(r"(?:[0-9]+(?:-[0-9]+)?)?")
_STATUS = regex(r"\s*(Unassigned|Reserved)(?:\s{2,}|\s*$)")
_DESCRIPTION = "Description"
_PROTOCOL = regex(r"(?:[a-z][a-z0-9-]*)?")


class _Line(Struct, kw_only=True):
    """A line with text in the first three columns; `above` counts the lines of its name above it."""

    number: int
    name: str
    port: str
    protocol: str
    status: str = ""
    above: int = 0

    @property
    def only_name(self) -> bool:
        return not (self.port or self.protocol)

    @property
    def wraps(self) -> bool:
        """Whether its name can have several lines."""
        return bool(self.port) and any(char in " ()" for char in self.name)


def read(data: bytes, field_map: FieldMap, cache: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read the port registry's text.

    Raises ParseError: `empty`, `not_expected_format`, `not_well_formed`, `too_large`, `wrong_registry`, `cut` (the
    contacts after the table are missing).
    """
    text = decode(data, "the text")
    header = _HEADER.search(text)
    if header is None:
        raise ParseError("not_expected_format", "the text has no table with service names and port numbers")
    end = _END.search(text, header.end())
    if end is None:
        raise ParseError("cut", "the text ends inside the table: no contacts follow it")
    port, protocol = (header.start(group) - header.start() for group in (1, 2))
    first = text.count("\n", 0, header.end()) + 2
    check_size(text.count("\n"), None)
    body = text[header.end() + 1 : end.start()].split("\n")
    lines = list(_lines(body, first, port, protocol))
    updated = _UPDATED.search(text, 0, header.start())
    names, _ = field_names(TITLES, field_map, first)
    empty = dict.fromkeys(field_map.always, "")
    return Document(
        published=updated[1] if updated and is_date(updated[1]) else None,
        headers={"": {"id": "", "updated": updated[1] if updated else "", "columns": "\n".join(TITLES)}},
        rows=tuple(
            Row(registry="", fields=empty | _read_fields(line, names, field_map)) for line in _join_names(lines)
        ),
    )


def _read_fields(line: _Line, names: Sequence[str], field_map: FieldMap) -> dict[str, str]:
    fields = dict(zip(names, (line.name, line.port, line.protocol), strict=True))
    description = field_map.titles.get(_DESCRIPTION)
    return fields | {description: line.status} if description and line.status else fields


def _lines(body: Sequence[str], first: int, port: int, protocol: int) -> Iterator[_Line]:
    for number, line in enumerate(body, first):
        cells = (line[:port], line[port:protocol], line[protocol : protocol + _PROTOCOL_WIDTH])
        name, port_text, protocol_text = map(fold, cells)
        is_rest_of_header = number == first and protocol_text == "Protocol"
        if is_rest_of_header or not (name or port_text or protocol_text):
            continue
        if not (_PORT.fullmatch(port_text) and _PROTOCOL.fullmatch(protocol_text)):
            raise ParseError("not_well_formed", "the columns are not where the header says", line=number)
        status = None if name else _STATUS.match(line, protocol + _PROTOCOL_WIDTH)
        yield _Line(
            number=number, name=name, port=port_text, protocol=protocol_text, status=status[1] if status else ""
        )


def _join_names(lines: Sequence[_Line]) -> Iterator[_Line]:
    row: _Line | None = None
    loose: list[_Line] = []  # lines with only a name since the row
    for line in lines:
        if line.only_name:
            loose.append(line)
            continue
        before = line.wraps and bool(loose) and loose[-1].number == line.number - 1
        if row is not None:
            rest = _complete_name(row, loose, before)
            yield row
        else:
            rest = loose
        if before and rest:
            line.name = " ".join([*(part.name for part in rest), line.name])
            line.above = len(rest)
        else:
            yield from rest
        row, loose = line, []
    if row is not None:
        loose = _complete_name(row, loose, before=False)
        yield row
    yield from loose


def _complete_name(row: _Line, loose: list[_Line], before: bool) -> list[_Line]:
    """Append the rest of its name to a row; return the lines that are not part of it.

    A centred cell has as many lines below its middle line as above, or one more. `before`: the lines can also be the
    start of the next row's name.
    """
    if not (row.wraps and loose and loose[0].number == row.number + 1):
        return loose
    take = min(row.above, len(loose))
    name = " ".join([row.name, *(line.name for line in loose[:take])])
    if len(loose) > take and (name.count("(") > name.count(")") or (not before and len(loose) == take + 1)):
        name = f"{name} {loose[take].name}"
        take += 1
    row.name = name
    return loose[take:]
