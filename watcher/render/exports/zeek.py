r"""A table for the input framework of Zeek: tab-separated, with the header of Zeek's own logs.

One line for each port and protocol: its service, the other names there, the description. A byte that would end a field
is written as `\x09`.
"""

from __future__ import annotations

from collections.abc import Iterable

from watcher.core.patterns import regex
from watcher.render.exports.base import (
    ExportedRelease,
    ExportOptions,
    Omission,
    RenderedExport,
    ascii_comment,
    make_comment,
)
from watcher.render.exports.service_rows import ServiceRow, select_rows
from watcher.render.safe_text import visible

OTHER_PROTOCOL = "with a protocol that ports of Zeek do not have"
_PROTOCOLS = ("tcp", "udp")
_LONGEST_NAME = 255
_HEADER = (
    "#separator \\x09",
    "#set_separator\t,",
    "#empty_field\t(empty)",
    "#unset_field\t-",
    "#path\tservices",
    "#fields\tp\tproto\tname\taliases\tdescription",
    "#types\tport\tstring\tstring\tset[string]\tstring",
)
_SPECIAL = regex(r"[\\,\t]")
_EMPTY, _UNSET = "(empty)", "-"


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    rows, omissions = select_rows(state.entries, longest_name=_LONGEST_NAME)
    places: dict[tuple[int, int, str], list[ServiceRow]] = {}
    for row in rows:
        if row.protocol in _PROTOCOLS:
            places.setdefault(row.place, []).append(row)
        else:
            omissions.append(Omission(entry=row.entry, reason=OTHER_PROTOCOL))
    lines = [_render_place(group) for group in places.values()]
    comments = ascii_comment(make_comment(state, options, omissions))
    return RenderedExport(
        files={"": "\n".join([*_HEADER[:1], *comments, *_HEADER[1:], *lines, ""])},
        written=sum(map(len, places.values())),
        omissions=tuple(omissions),
    )


def _render_place(rows: list[ServiceRow]) -> str:
    first = rows[0]
    others = dict.fromkeys(row.name for row in rows[1:])
    others |= dict.fromkeys(old.name for row in rows for old in row.entry.old_names)
    others.pop(first.name, None)
    description = _escape(first.entry.fields.get("description", "")) or _EMPTY
    return "\t".join((str(first.low), first.protocol, _escape(first.name), _join(others), description))


def _join(names: Iterable[str]) -> str:
    return ",".join(map(_escape, names)) or _EMPTY


def _escape(text: str) -> str:
    """Return a field or a member of a set; one that reads as unset or empty begins with an escape."""
    text = _SPECIAL.sub(lambda match: f"\\x{ord(match[0]):02x}", visible(text))
    return f"\\x{ord(text[0]):02x}{text[1:]}" if text in (_EMPTY, _UNSET) else text
