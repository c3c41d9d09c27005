"""The table of list formats. To add one: a module in this folder, a line here, a row in docs/audit.md, a test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase

from watcher.core.errors import ParseError
from watcher.core.suggestions import describe_unknown
from watcher.inventory import (
    code_csv,
    code_json,
    iptables_save,
    nftables_json,
    nmap_greppable,
    nmap_xml,
    plain_list,
    services_file,
    ss_output,
)
from watcher.inventory.base import MAX_BYTES, MAX_ENTRIES, ListFormat, ListText
from watcher.inventory.model import PORT_GROUP, PORT_SOURCES, Inventory, ListEntry, find_sources

# In the order in which they are tried: each is asked whether a text is one of its kind.
LIST_FORMATS: Mapping[str, ListFormat] = {
    entry.name: entry
    for entry in (
        ListFormat(
            name="nmap-xml", about="nmap -oX", is_format=nmap_xml.is_nmap_xml, read=nmap_xml.read, may_be_empty=True
        ),
        ListFormat(
            name="nftables",
            about="nft -j list ruleset",
            is_format=nftables_json.is_nftables_json,
            read=nftables_json.read,
        ),
        ListFormat(
            name="json",
            about="names and codes, or names and ports",
            is_format=code_json.is_code_json,
            read=code_json.read,
            for_codes=True,
        ),
        ListFormat(
            name="nmap-greppable",
            about="nmap -oG",
            is_format=nmap_greppable.is_nmap_greppable,
            read=nmap_greppable.read,
            may_be_empty=True,
        ),
        ListFormat(
            name="iptables", about="iptables-save", is_format=iptables_save.is_iptables_save, read=iptables_save.read
        ),
        ListFormat(name="ss", about="ss -tulnH", is_format=ss_output.is_ss_output, read=ss_output.read),
        ListFormat(
            name="services", about="/etc/services", is_format=services_file.is_services_file, read=services_file.read
        ),
        ListFormat(
            name="list",
            about="a port, code or name on each line",
            is_format=plain_list.is_plain_list,
            read=plain_list.read,
            for_codes=True,
        ),
        ListFormat(
            name="csv",
            about="names and codes, or names and ports",
            is_format=code_csv.is_code_csv,
            read=code_csv.read,
            for_codes=True,
        ),
    )
}


def read_list(
    data: bytes,
    *,
    file: str,
    name: str = "",
    source: str = "",
    registry: str = "",
    table: str = "",
    list_format: str = "",
    port_sources: Collection[str] = PORT_SOURCES,
) -> Inventory:
    """Return a list as an inventory, by the format that its text has, or the named one.

    `file` is its name in errors and places. `source` or `registry` say which registry it is of: without either, that of
    ports. `table` is the path of a nested registry. `port_sources` are the sources of the port registry, as globs.
    Raises ParseError, whose text names file and line.
    """
    of_ports = _is_of_ports(source, registry, table, port_sources)
    try:
        text = ListText(name=file, text=_decode(data), of_ports=of_ports)
        chosen = _named_format(list_format, of_ports=of_ports) if list_format else _detect_format(text)
        entries = tuple(_limit(chosen.read(text)))
    except ParseError as error:
        raise ParseError(error.reason, f"{file}: {error}") from None
    if not entries and not chosen.may_be_empty:
        raise ParseError("empty", f"{file}: no entry in a list of the format {chosen.name}")
    return Inventory(
        name=name or file,
        list_format=chosen.name,
        sources=find_sources(source, registry, port_sources),
        entries=entries,
        table=table,
    )


def _is_of_ports(source: str, registry: str, table: str, port_sources: Collection[str]) -> bool:
    if source:
        return any(fnmatchcase(source, glob) for glob in (*port_sources, *PORT_SOURCES))
    return registry in ("", PORT_GROUP) and not table


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise ParseError("too_large", f"a list of more than {MAX_BYTES // 2**20} MiB")
    if (place := data.find(b"\0")) >= 0:
        raise ParseError("not_well_formed", "a NUL in the text", line=data.count(b"\n", 0, place) + 1)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ParseError("not_well_formed", f"not UTF-8: {error.reason}", line=line) from None
    if not text.strip():
        raise ParseError("empty", "the list is empty")
    return text


def _named_format(name: str, *, of_ports: bool) -> ListFormat:
    usable = [key for key, entry in LIST_FORMATS.items() if of_ports or entry.for_codes]
    if name not in usable:
        raise ParseError("not_expected_format", f"unknown list format {describe_unknown(name, usable)}")
    return LIST_FORMATS[name]


def _detect_format(text: ListText) -> ListFormat:
    for entry in LIST_FORMATS.values():
        if (text.of_ports or entry.for_codes) and entry.is_format(text):
            return entry
    usable = [name for name, entry in LIST_FORMATS.items() if text.of_ports or entry.for_codes]
    raise ParseError("not_expected_format", f"a list of no known format; name one of {', '.join(usable)}")


def _limit(entries: Iterator[ListEntry]) -> Iterator[ListEntry]:
    for number, entry in enumerate(entries):
        if number >= MAX_ENTRIES:
            raise ParseError("too_large", f"more than {MAX_ENTRIES:,} entries", line=entry.line)
        yield entry
