"""port_ranges."""

from __future__ import annotations

Ports = tuple[int, int]


_HIGHEST = 65535


def parse_ports(text: str) -> Ports:
    """Read "443" or "8000-8100". Raises ValueError for anything else."""
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise ValueError(f"{text!r} is not a port or a range of ports (443, 8000-8100)")
    found = int(low), int(high) if dash else int(low)
    if found[0] > found[1] or found[1] > _HIGHEST:
        raise ValueError(f"{text!r} is not a range of ports between 0 and {_HIGHEST}")
    return found
