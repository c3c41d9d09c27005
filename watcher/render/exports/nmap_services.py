"""nmap-services, for `nmap --servicedb FILE`: name, port and protocol, how often the port is open.

No registry knows how often a port is open, so the frequency is 0.000000 throughout: names are found, and `--top-ports`
and `-F` have no order to go by. nmap keeps one name for a port and protocol.
"""

from __future__ import annotations

from watcher.render.exports.base import (
    ExportedRelease,
    ExportOptions,
    Omission,
    RenderedExport,
    ascii_comment,
    make_comment,
)
from watcher.render.exports.service_rows import describe_row, select_rows

OTHER_PROTOCOL = "with a protocol that nmap does not scan"
OTHER_NAME = "whose port has another name before"
_PROTOCOLS = ("tcp", "udp", "sctp")
_FREQUENCY = "0.000000"
_LONGEST_NAME = 127  # nmap reads "%127s"
_LONGEST_COMMENT = 100


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    rows, omissions = select_rows(state.entries, longest_name=_LONGEST_NAME)
    lines: list[str] = []
    places: set[tuple[int, int, str]] = set()
    for row in rows:
        reason = OTHER_NAME if row.place in places else "" if row.protocol in _PROTOCOLS else OTHER_PROTOCOL
        if reason:
            omissions.append(Omission(entry=row.entry, reason=reason))
            continue
        places.add(row.place)
        comment = describe_row(row, _LONGEST_COMMENT)
        lines.append(f"{row.name}\t{row.low}/{row.protocol}\t{_FREQUENCY}" + (f"\t# {comment}" if comment else ""))
    comments = make_comment(state, options, omissions)
    text = ascii_comment(comments) + lines
    return RenderedExport(files={"": "\n".join([*text, ""])}, written=len(lines), omissions=tuple(omissions))
