"""/etc/services: `name port/protocol aliases # comment`, as services(5) describes it."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.inventory.base import ListText, check_name
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_protocol

_LINE = regex(r"(\S+)\s+(\d+(?:-\d+)?)\s*/\s*([A-Za-z][\w-]*)(?:\s+(.*))?")


def is_services_file(text: ListText) -> bool:
    """Return whether the first line that is no comment has a name, a port and a protocol."""
    first = next((line for _, line in text.lines() if not line.startswith("#")), "")
    return _LINE.fullmatch(first.partition("#")[0].strip()) is not None


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield the services of a file. The text behind `#` is the label. Raises ParseError for any other line."""
    for number, line in text.lines():
        content, _, comment = line.partition("#")
        if not (content := content.strip()):
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            raise ParseError("not_well_formed", f"not `name port/protocol aliases`: {content[:60]!r}", line=number)
        name, port, protocol, aliases = match.groups()
        ports = find_ports(port)
        if ports is None:
            raise ParseError("not_well_formed", f"{port[:40]!r} is not a port", line=number)
        yield ListEntry(
            name=check_name(name, number),
            aliases=tuple(check_name(alias, number) for alias in (aliases or "").split()),
            ports=ports,
            protocol=read_protocol(protocol, number),
            label=comment.strip(),
            file=text.name,
            line=number,
        )
