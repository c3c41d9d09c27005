"""A plain list, one entry on a line: a port (`443/tcp`, `8000-8100`), a code (`0x13,0x01`) or a name."""

from __future__ import annotations

from collections.abc import Iterator

from watcher.core.errors import ParseError
from watcher.inventory.base import ListText, check_name
from watcher.inventory.model import ListEntry
from watcher.inventory.names import parse_code
from watcher.inventory.port_words import read_port, read_protocol

_PREFIX = 50  # lines that decide


def is_plain_list(text: ListText) -> bool:
    """Return whether the first lines have one entry each: no table, no sentence."""
    lines = [_content(line) for number, line in text.lines() if number <= _PREFIX]
    return all(not line or _is_entry(line, of_ports=text.of_ports) for line in lines)


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield the entries; the text behind ` #` or `;` at the start is a comment. Raises ParseError."""
    for number, line in text.lines():
        content = _content(line)
        if not content:
            continue
        if text.of_ports:
            yield _read_port_entry(text.name, number, content)
        elif parse_code(content):
            yield ListEntry(code=content, file=text.name, line=number)
        else:
            yield ListEntry(name=check_name(content, number), file=text.name, line=number)


def _content(line: str) -> str:
    if line.startswith(("#", ";")):
        return ""
    return line.partition(" #")[0].partition("\t#")[0].strip()


def _is_entry(line: str, *, of_ports: bool) -> bool:
    if of_ports:
        return " " not in line and "," not in line and "\t" not in line
    return bool(parse_code(line)) or not any(mark in line for mark in (",", "\t", ";"))


def _read_port_entry(file: str, number: int, content: str) -> ListEntry:
    if len(content.split()) > 1:
        raise ParseError("not_well_formed", f"more than one entry: {content[:60]!r}", line=number)
    place, slash, protocol = content.partition("/")
    ports, name = read_port(place, number)
    if slash and not protocol:
        raise ParseError("not_well_formed", f"no protocol after the slash: {content[:60]!r}", line=number)
    protocol = read_protocol(protocol, number) if slash else ""
    return ListEntry(name=name, ports=ports, protocol=protocol, file=file, line=number)
