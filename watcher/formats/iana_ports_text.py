"""The port registry as plain text: the name, port and protocol of every row, and the release date. Nothing else.

The text is a browser's dump of a table. Its columns change width from release to release, cells wrap and are centred
vertically; the port and protocol stand on the middle line of their row. So the place of the first three columns is read
from the table's own header, and every line that has something there is a row.

What it cannot tell, and this reader does not guess: where in the lines around it a row's description begins and ends,
hence no description, assignee, contact, date, reference, note; no contacts. A row without name, port and protocol
would not be seen. A name wraps only where it has a space, as four of before RFC 6335 have ("Escale (Newton Dock)"): it
is put together by how a browser centres it and by its parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from watcher.core.errors import ParseError
from watcher.formats.base import Document, Row, RowCache
from watcher.formats.column_map import FieldMap
from watcher.formats.headings import field_names
from watcher.formats.text import bounded, decode, fold

TITLES = ("Service Name", "Port Number", "Transport Protocol")
# "Port Number" is as wide as its column; the next title, in one or two lines, begins where its column does.
_HEADER = re.compile(r"^ *Service Name +(Port Number) +(Transport|Protocol)\b.* Assignee .*$", re.MULTILINE)
_PROTOCOL_WIDTH = len("Transport ")
_UPDATED = re.compile(r"^ *Last Updated\s+([0-9]{4}-[0-9]{2}-[0-9]{2})\s*$", re.MULTILINE)
_END = re.compile(r"^ *(?:Contact Information|People) *$", re.MULTILINE)
_PORT = re.compile(r"(?:[0-9]+(?:-[0-9]+)?)?")
_PROTOCOL = re.compile(r"(?:[a-z][a-z0-9-]*)?")


@dataclass(slots=True, kw_only=True)
class _Line:
    """A line with something in the first three columns; `above` counts the lines of its name that stand over it."""

    number: int
    name: str
    port: str
    protocol: str
    above: int = 0

    @property
    def only_name(self) -> bool:
        return not (self.port or self.protocol)

    @property
    def wraps(self) -> bool:
        """Whether its name can be one line of several."""
        return bool(self.port) and any(char in " ()" for char in self.name)


def read(data: bytes, columns: FieldMap, memo: RowCache | None = None) -> Document:  # noqa: ARG001 - as all readers
    """Read the port registry's text; the header field `columns` names the three that a row can say something in.

    Raises ParseError: `empty`, `not_expected_format` (no table of ports), `not_well_formed` with the line (columns are
    not where the header says), `cut` (the contacts that follow the table are missing).
    """
    text = decode(data, "the text")
    header = _HEADER.search(text)
    if header is None:
        raise ParseError("not_expected_format", "the text has no table with service names and port numbers")
    end = _END.search(text, header.end())
    if end is None:
        raise ParseError("cut", "the text ends before its table does: no contacts follow it")
    port, protocol = (header.start(group) - header.start() for group in (1, 2))
    first = text.count("\n", 0, header.end()) + 2
    bounded(text.count("\n"), None)
    body = text[header.end() + 1 : end.start()].split("\n")
    lines = list(_lines(body, first, port, protocol))
    updated = _UPDATED.search(text, 0, header.start())
    names, _ = field_names(TITLES, columns, first)
    empty = dict.fromkeys(columns.always, "")
    return Document(
        id=None,
        published=updated[1] if updated else None,
        headers={"": {"id": "", "updated": updated[1] if updated else "", "columns": "\n".join(TITLES)}},
        rows=tuple(
            Row(registry="", fields=empty | dict(zip(names, (line.name, line.port, line.protocol), strict=True)))
            for line in _whole(lines)
        ),
        contacts=(),
    )


def _lines(body: Sequence[str], first: int, port: int, protocol: int) -> Iterator[_Line]:
    for number, line in enumerate(body, first):
        found = (line[:port], line[port:protocol], line[protocol : protocol + _PROTOCOL_WIDTH])
        name, at, over = map(fold, found)
        if not (name or at or over) or (number == first and over == "Protocol"):  # the rest of the header
            continue
        if not (_PORT.fullmatch(at) and _PROTOCOL.fullmatch(over)):
            raise ParseError("not_well_formed", "the columns are not where the header says", line=number)
        yield _Line(number=number, name=name, port=at, protocol=over)


def _whole(lines: Sequence[_Line]) -> Iterator[_Line]:
    """The rows, with the lines of a name that wraps put together."""
    row: _Line | None = None
    loose: list[_Line] = []
    for line in lines:
        if line.only_name:
            loose.append(line)
            continue
        before = line.wraps and bool(loose) and loose[-1].number == line.number - 1
        if row is not None:
            rest = _end(row, loose, before)
            yield row
        else:
            rest = loose
        if before and rest:
            line.name = " ".join([*(each.name for each in rest), line.name])
            line.above = len(rest)
        else:
            yield from rest
        row, loose = line, []
    if row is not None:
        loose = _end(row, loose, before=False)
        yield row
    yield from loose


def _end(row: _Line, loose: list[_Line], before: bool) -> list[_Line]:
    """Give a row the rest of its name, and return the lines that are not part of it.

    A centred cell has as many lines below its middle line as above, or one more; `before` says whether the lines can
    also be the beginning of the next row's name.
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
