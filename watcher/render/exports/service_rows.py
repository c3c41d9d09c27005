"""The entries of the port registry that a file of services can have, and why it cannot have the others."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.render.exports.base import ExportEntry, Omission, ascii_text

# The reasons complete "12 entries …", and stand alone behind the name of one.
NO_NAME = "without a service name"
NO_PORT = "without a port"
NO_PROTOCOL = "without a protocol"
BAD_PORT = "with a port that is no number"
RANGE = "with a range of ports"
REPEATED = "that repeat another entry"
BAD_WORD = "with a name or protocol that is not one word of printable ASCII without #"
TOO_LONG = "with a name that is too long"

_WORD = regex(r"[\x21\x22\x24-\x7e]+")  # printable ASCII without space and #


class ServiceRow(Struct, frozen=True, kw_only=True):
    """A named entry with a protocol and a port, or a range from `low` to `high`."""

    entry: ExportEntry
    name: str
    low: int
    high: int
    protocol: str

    @property
    def place(self) -> tuple[int, int, str]:
        return self.low, self.high, self.protocol

    @property
    def ports(self) -> str:
        """The port, or the range as `6000-6063`."""
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


def is_word(text: str) -> bool:
    """Return whether a text can be a field of a line: other programs end a field at a space and a line at a #."""
    return _WORD.fullmatch(text) is not None


def select_rows(
    entries: Iterable[ExportEntry], *, longest_name: int, ranges: bool = False
) -> tuple[list[ServiceRow], list[Omission]]:
    """Return the rows that a file of services can have, in their order, and the entries that it cannot have."""
    rows: list[ServiceRow] = []
    omissions: list[Omission] = []
    written: set[tuple[str, int, int, str]] = set()
    for entry in entries:
        row = _read_row(entry, longest_name)
        if isinstance(row, ServiceRow):
            identity = (row.name, *row.place)
            if row.low != row.high and not ranges:
                row = RANGE
            elif identity in written:
                row = REPEATED
            written.add(identity)
        if isinstance(row, ServiceRow):
            rows.append(row)
        else:
            omissions.append(Omission(entry=entry, reason=row))
    return rows, omissions


def _read_row(entry: ExportEntry, longest_name: int) -> ServiceRow | str:
    """Return an entry as a row, or the reason why it cannot be one."""
    name, port, protocol = (entry.fields.get(field, "") for field in ("name", "port", "protocol"))
    for text, reason in ((name, NO_NAME), (port, NO_PORT), (protocol, NO_PROTOCOL)):
        if not text:
            return reason
    ports = find_ports(port) if port.isascii() else None
    if ports is None:
        return BAD_PORT
    if not (is_word(name) and is_word(protocol)):
        return BAD_WORD
    if len(name) > longest_name or len(protocol) > longest_name:
        return TOO_LONG
    return ServiceRow(entry=entry, name=name, low=ports[0], high=ports[1], protocol=protocol)


def describe_row(row: ServiceRow, longest: int) -> str:
    """Return the description of a row as one line of ASCII, "" if not even its beginning fits."""
    return ascii_text(row.entry.fields.get("description", ""), longest)
