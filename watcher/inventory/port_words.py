"""Ports, ranges and protocols in the notations of lists and firewalls."""

from __future__ import annotations

import re

from watcher.core.errors import ParseError
from watcher.core.intervals import Interval
from watcher.core.patterns import regex
from watcher.core.port_ranges import find_ports
from watcher.inventory.base import check_name

PROTOCOL = regex(r"[a-z][a-z0-9-]{0,15}")
_HIGHEST = "65535"


def read_protocol(text: str, line: int | None = None) -> str:
    """Return a protocol in lower case. Raises ParseError."""
    protocol = text.lower()
    if not PROTOCOL.fullmatch(protocol):
        raise ParseError("not_well_formed", f"{text[:40]!r} is no protocol (tcp, udp, sctp, dccp)", line=line)
    return protocol


def read_port(text: str, line: int | None = None) -> tuple[Interval | None, str]:
    """Return the ports that a text names, `22`, `8000-8100`, `8000:8100`, `:1023`; or (None, the name of a service).

    Raises ParseError for a number or range that is no port, and for an empty text.
    """
    if not text:
        raise ParseError("not_well_formed", "a port is missing", line=line)
    if not re.fullmatch(r"[\d:-]+", text):
        return None, check_name(text, line)
    low, colon, high = text.partition(":")
    ports = find_ports(f"{low or '0'}-{high or _HIGHEST}" if colon else text)
    if ports is None:
        raise ParseError("not_well_formed", f"{text[:40]!r} is not a port or a range of ports", line=line)
    return ports, ""
