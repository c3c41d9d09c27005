"""The open ports in nmap's XML (`nmap -oX`). The names are nmap's own guesses, so they are labels."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers import expat

from watcher.core.errors import ParseError
from watcher.core.port_ranges import find_ports
from watcher.formats.xml_safety import check_xml_attributes
from watcher.inventory.base import MAX_ENTRIES, ListText
from watcher.inventory.model import ListEntry
from watcher.inventory.port_words import read_protocol

_MAX_DEPTH = 100
_BEGIN = 4096


def is_nmap_xml(text: ListText) -> bool:
    head = text.text[:_BEGIN].lstrip()
    return head.startswith("<") and "<nmaprun" in head


def read(text: ListText) -> Iterator[ListEntry]:
    """Yield the open ports of every host. Raises ParseError: `not_well_formed`, `doctype`, `too_large`."""
    data = text.text.encode()
    check_xml_attributes(data)
    return iter(_NmapParser(text.name).parse(data))


class _NmapParser:
    """One pass over a document. It builds no tree: a scan of a network has hundreds of megabytes."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._entries: list[ListEntry] = []
        self._depth = 0
        self._address = ""
        self._port: dict[str, str] | None = None
        self._port_line = 1
        self._parser = expat.ParserCreate("utf-8")

    def parse(self, data: bytes) -> list[ListEntry]:
        parser = self._parser
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.StartDoctypeDeclHandler = self._check_doctype
        parser.EntityDeclHandler = self._refuse
        try:
            parser.Parse(data, True)
        except expat.ExpatError as error:
            message = f"not well-formed: {expat.ErrorString(error.code)}"
            raise ParseError("not_well_formed", message, line=error.lineno, column=error.offset + 1) from None
        finally:  # breaks reference cycles
            parser.StartElementHandler = parser.EndElementHandler = None
            parser.StartDoctypeDeclHandler = parser.EntityDeclHandler = None
        return self._entries

    def _check_doctype(self, name: str, _system: object, _public: object, internal: bool) -> None:
        # nmap writes `<!DOCTYPE nmaprun>`, which defines nothing.
        if internal or name != "nmaprun":
            self._refuse()

    def _refuse(self, *_: object) -> None:
        line = self._parser.CurrentLineNumber
        raise ParseError("doctype", "a DOCTYPE that can define entities is refused", line=line)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        line = self._parser.CurrentLineNumber
        if self._depth > _MAX_DEPTH:
            raise ParseError("too_large", f"elements nested deeper than {_MAX_DEPTH}", line=line)
        if self._depth == 1 and name != "nmaprun":
            raise ParseError("not_expected_format", f"not nmap's XML: the root is {name[:40]!r}", line=line)
        if name == "host":
            self._address = ""
        elif name == "address" and not self._address:
            self._address = attributes.get("addr", "")
        elif name == "port":
            self._port = {"protocol": attributes.get("protocol", ""), "port": attributes.get("portid", "")}
            self._port_line = line
        elif name == "state" and self._port is not None:
            self._port["state"] = attributes.get("state", "")
        elif name == "service" and self._port is not None:
            self._port["service"] = attributes.get("name", "")

    def _end(self, name: str) -> None:
        self._depth -= 1
        if name == "port" and self._port is not None:
            port, self._port = self._port, None
            if port.get("state") == "open":
                self._add(port)

    def _add(self, port: dict[str, str]) -> None:
        ports = find_ports(port["port"])
        if ports is None:
            raise ParseError("not_well_formed", f"{port['port'][:40]!r} is not a port", line=self._port_line)
        if len(self._entries) >= MAX_ENTRIES:
            raise ParseError("too_large", f"more than {MAX_ENTRIES:,} entries", line=self._port_line)
        self._entries.append(
            ListEntry(
                ports=ports,
                protocol=read_protocol(port["protocol"], self._port_line),
                label=" ".join(filter(None, (self._address, port.get("service", "")))),
                file=self._file,
                line=self._port_line,
            )
        )
