"""The file `services` of Wireshark and tshark: protocols of one name share a line, and a line can have a range.

Wireshark keeps the last name of a port that it reads, so each port and protocol is written once.
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
from watcher.render.exports.service_rows import ServiceRow, describe_row, select_rows

OTHER_PROTOCOL = "with a protocol that Wireshark does not name ports of"
OTHER_NAME = "whose port has another name before"
_PROTOCOLS = ("tcp", "udp", "sctp", "dccp")
_PORTS = 65536
_LONGEST_NAME = 255
_LONGEST_COMMENT = 100


def render(state: ExportedRelease, options: ExportOptions) -> RenderedExport:
    rows, omissions = select_rows(state.entries, longest_name=_LONGEST_NAME, ranges=True)
    groups: dict[tuple[object, ...], list[ServiceRow]] = {}
    taken = {protocol: bytearray(_PORTS) for protocol in _PROTOCOLS}  # 1: the port has a name
    for row in rows:
        named = taken.get(row.protocol)
        if named is None or named.find(1, row.low, row.high + 1) >= 0:
            reason = OTHER_PROTOCOL if named is None else OTHER_NAME
            omissions.append(Omission(entry=row.entry, reason=reason))
            continue
        named[row.low : row.high + 1] = b"\1" * (row.high + 1 - row.low)
        groups.setdefault((row.ports, row.name, describe_row(row, _LONGEST_COMMENT)), []).append(row)
    lines = []
    for (ports_text, name, comment), group in groups.items():
        protocols = "/".join(row.protocol for row in group)
        lines.append(f"{name}\t{ports_text}/{protocols}" + (f"\t# {comment}" if comment else ""))
    comments = make_comment(state, options, omissions)
    text = ascii_comment(comments) + lines
    return RenderedExport(
        files={"": "\n".join([*text, ""])}, written=sum(map(len, groups.values())), omissions=tuple(omissions)
    )
