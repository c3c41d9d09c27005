"""The open ports in nmap's greppable output (`nmap -oG`). The names are nmap's own guesses, so they are labels."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.inventory.base import ListText
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_protocol

_HOST = regex(r"Host: (\S+) \(")
_PORTS = "Ports: "
_NEXT = regex(r", (?=\d+/)")  # a version can have a comma: `Apache httpd 2.4 ((Debian), PHP 8.2)`


def is_nmap_greppable(text: ListText) -> bool:
    first = next((line for _, line in text.lines() if not line.startswith("# Nmap ")), "")
    return text.text.lstrip().startswith("# Nmap ") or _HOST.match(first) is not None


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield the open ports of every host. Raises ParseError."""
    for number, line in text.lines():
        if line.startswith("#"):
            continue
        host = _HOST.match(line)
        if host is None:
            raise ParseError("not_well_formed", f"not a line of nmap -oG: {line[:60]!r}", line=number)
        sections = [section.removeprefix(_PORTS) for section in line.split("\t") if section.startswith(_PORTS)]
        for port in _NEXT.split(", ".join(filter(str.strip, sections))) if any(map(str.strip, sections)) else ():
            # port/state/protocol/owner/service/rpc/version/
            parts = port.strip().split("/")
            ports = find_ports(parts[0])
            if len(parts) < 5 or ports is None:
                raise ParseError("not_well_formed", f"not a port of nmap -oG: {port[:60]!r}", line=number)
            if parts[1] == "open":
                label = " ".join(filter(None, (host[1], parts[4])))
                yield ListEntry(
                    ports=ports, protocol=read_protocol(parts[2], number), label=label, file=text.name, line=number
                )
