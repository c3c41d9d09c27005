"""The columns of a table of names and codes: which is which, and an entry of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.core.errors import ParseError
from watcher.core.patterns import regex
from watcher.inventory.base import check_name
from watcher.inventory.model import ListEntry
from watcher.inventory.names import parse_code
from watcher.inventory.port_words import read_port, read_protocol

# The titles of columns, in lower case without space and punctuation.
_TITLES: Mapping[str, frozenset[str]] = {
    "name": frozenset({"name", "servicename", "service", "constant", "symbol", "key", "identifier", "mnemonic"}),
    "code": frozenset({"code", "value", "number", "codepoint", "port", "portnumber", "ports", "id", "dec", "hex"}),
    "protocol": frozenset({"protocol", "transportprotocol", "transport", "proto"}),
    "table": frozenset({"table", "registry", "subregistry"}),
    "label": frozenset({"description", "label", "comment", "note", "notes"}),
}
_NOT_PLAIN = regex(r"[^a-z0-9]")


def find_columns(titles: Sequence[str]) -> dict[str, int] | None:
    """Return the place of each known column by its title; None if there is neither a name nor a code."""
    places: dict[str, int] = {}
    for place, title in enumerate(titles):
        plain = _NOT_PLAIN.sub("", title.casefold())
        for column, names in _TITLES.items():
            if plain in names:
                places.setdefault(column, place)
    return places if {"name", "code"} & {*places} else None


def guess_columns(row: Sequence[str]) -> dict[str, int]:
    """Return the places of name and code in a row without titles. Raises ParseError if it has neither."""
    codes = [place for place, cell in enumerate(row) if parse_code(cell)]
    names = [place for place, cell in enumerate(row) if cell and place not in codes]
    places = {"code": codes[0]} if codes else {}
    if names:
        places["name"] = names[0]
    if not places:
        raise ParseError("not_expected_format", "no column with names or codes")
    return places


def make_entry(cells: Mapping[str, str], file: str, line: int, *, of_ports: bool) -> ListEntry | None:
    """Return the entry of a row, by the name of its columns; None for one without name and code. Raises ParseError."""
    texts = {column: text.strip() for column, text in cells.items()}
    name, code = check_name(texts.get("name", ""), line), check_name(texts.get("code", ""), line)
    if not name and not code:
        return None
    ports, protocol = None, ""
    if of_ports:
        place, slash, suffix = code.partition("/")
        ports, other_name = read_port(place, line) if place else (None, "")
        if other_name:
            raise ParseError("not_well_formed", f"{place[:40]!r} is not a port", line=line)
        protocol = suffix if slash else texts.get("protocol", "")
    return ListEntry(
        name=name,
        ports=ports,
        protocol=read_protocol(protocol, line) if protocol else "",
        code="" if of_ports else code,
        table=texts.get("table", ""),
        label=texts.get("label", ""),
        file=file,
        line=line,
    )
