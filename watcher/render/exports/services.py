"""`/etc/services` as services(5) describes it and glibc reads it: one service, port and protocol in a line.

getservbyport gives the first line of a port and protocol, getservbyname the first line that has a name or an alias.
glibc compares whole words, takes everything from a # on for a comment, and ignores a line with a range of ports. musl
reads a line in pieces of 127 bytes, so a comment ends before that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from watcher.render.exports.base import (
    LONGEST_LINE,
    ExportedRelease,
    ExportOptions,
    Omission,
    RenderedExport,
    ascii_comment,
    make_comment,
)
from watcher.render.exports.service_rows import ServiceRow, describe_row, is_word, select_rows

OTHER_PORT = "whose name has a lower port, which getservbyname gives"
TAKEN = "that another entry has as its name"
TAKEN_BEFORE = "that an entry before has as its old name"
NO_WORD = "that are not one word of printable ASCII without #"
FULL = "for which the line has no room"
_LONGEST_NAME = 255
_LONGEST_ALIASES = 1000  # older libraries read lines of 1,024 bytes


class _Line(Struct, kw_only=True):
    row: ServiceRow
    aliases: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        aliases = "\t" + " ".join(self.aliases) if self.aliases else ""
        return f"{self.row.name:<15}\t{self.row.low}/{self.row.protocol}{aliases}"

    def has_room(self, alias: str) -> bool:
        return len(self.text) + len(alias) + 1 <= _LONGEST_ALIASES

    def render(self) -> str:
        text = self.text
        comment = describe_row(self.row, LONGEST_LINE - len(text) - len("\t# "))
        return f"{text}\t# {comment}" if comment else text


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    rows, omissions = select_rows(state.entries, longest_name=_LONGEST_NAME)
    lines, line_of, overfull = _make_lines(rows)
    omissions += overfull
    lost_names = tuple(_add_old_names(rows, line_of))
    limited = tuple(_find_limited(rows))
    comment = make_comment(state, options, omissions, limited, lost_names)
    text = [*ascii_comment(comment), "", *(line.render() for line in lines)]
    return RenderedExport(
        files={"": "\n".join([*text, ""])},
        written=len(rows) - len(overfull),
        omissions=tuple(omissions),
        limited=limited,
        lost_names=lost_names,
    )


def _make_lines(rows: Sequence[ServiceRow]) -> tuple[list[_Line], dict[int, _Line], list[Omission]]:
    """Return the lines in order, the line of each row by its position, and the aliases for which a line had no room.

    A row that the registry calls another name of a service on the same port and protocol is an alias in its line.
    """
    lines: list[_Line] = []
    line_of: dict[int, _Line] = {}
    named: dict[tuple[object, ...], _Line] = {}
    overfull = []
    for position, row in enumerate(rows):
        target = named.get((*row.place, row.entry.alias_of)) if row.entry.alias_of else None
        if target is None:
            line = _Line(row=row)
            lines.append(line)
        elif target.has_room(row.name):
            line = target
            line.aliases.append(row.name)
        else:
            overfull.append(Omission(entry=row.entry, reason=FULL))
            continue
        line_of[position] = named[(*row.place, row.name)] = line
    return lines, line_of, overfull


def _add_old_names(rows: Sequence[ServiceRow], line_of: dict[int, _Line]) -> Iterator[Omission]:
    """Add the old names of entries to their lines and yield those that would be found in place of another entry."""
    present = {(row.name, row.protocol) for row in rows}
    given: dict[tuple[str, str], _Line] = {}
    for position, row in enumerate(rows):
        line = line_of.get(position)
        for old in row.entry.old_names if line else ():
            name, reason = (old.name, row.protocol), ""
            if not is_word(old.name):
                reason = NO_WORD
            elif name in present:
                reason = TAKEN
            elif given.get(name, line) is not line:
                reason = TAKEN_BEFORE
            elif line is not None and not line.has_room(old.name):
                reason = FULL
            elif line is not None and name not in given:
                line.aliases.append(old.name)
                given[name] = line
            if reason:
                yield Omission(entry=row.entry, reason=reason, old_name=old.name)


def _find_limited(rows: Sequence[ServiceRow]) -> Iterator[Omission]:
    """Yield the entries that getservbyport gives and getservbyname does not: their name has another port before."""
    first: dict[tuple[str, str], int] = {}
    for row in rows:
        if first.setdefault((row.name, row.protocol), row.low) != row.low:
            yield Omission(entry=row.entry, reason=OTHER_PORT)
