"""The listening sockets that `ss -tulnH` prints; without -n, with a header or with processes as well."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.core.intervals import Interval
from watcher.core.patterns import regex
from watcher.inventory.base import ListText
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_port

_NETIDS = ("tcp", "udp", "sctp", "dccp", "mptcp")
_OTHER_NETIDS = ("raw", "icmp6", "nl", "p_raw", "p_dgr", "u_str", "u_dgr", "u_seq", "v_str", "v_dgr", "xdp", "tipc")
_STATES = {"LISTEN": "tcp", "UNCONN": "udp"}
_LINE = regex(rf"(?:(?:{'|'.join(_NETIDS + _OTHER_NETIDS)})\s+)?[A-Z0-9-]+\s+\d+\s+\d+\s+(\S+)\s+(\S+).*")
_PROCESS = regex(r'users:\(\("([^"]{1,64})"')


def is_ss_output(text: ListText) -> bool:
    """Return whether the first line is one of ss, or its header."""
    first = next((line for _, line in text.lines()), "")
    return first.startswith(("Netid ", "State ")) or _is_line(first)


def _is_line(line: str) -> bool:
    """Return whether a line has the columns of ss, the last two of them with an address and a port."""
    match = _LINE.fullmatch(line)
    return match is not None and ":" in match[1][1:-1] and ":" in match[2][1:-1]


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield each port and protocol once, with the process as label if it is printed. Raises ParseError."""
    listed: set[tuple[Interval | None, str, str]] = set()
    for number, line in text.lines():
        words = line.split()
        if words[0] in ("Netid", "State"):
            continue
        if not _is_line(line):
            raise ParseError("not_well_formed", f"not a line of ss: {line[:60]!r}", line=number)
        netid = words.pop(0) if words[0] in _NETIDS + _OTHER_NETIDS else _STATES.get(words[0], "")
        if netid in _OTHER_NETIDS or words[0] not in _STATES:
            continue  # a connection, or a socket without a port
        protocol = "tcp" if netid == "mptcp" else netid
        ports, name = read_port(words[3].rpartition(":")[2], number)
        if name == "*" or (ports, name, protocol) in listed:
            continue
        listed.add((ports, name, protocol))
        process = _PROCESS.search(line)
        yield ListEntry(
            name=name, ports=ports, protocol=protocol, label=process[1] if process else "", file=text.name, line=number
        )
