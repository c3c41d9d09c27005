"""The one reader of a port or a range of ports: "443", "8000-8100"."""

from __future__ import annotations

from functools import lru_cache

from watcher.core.intervals import Interval

_HIGHEST = 65535


@lru_cache(maxsize=4096)
def find_ports(text: str) -> Interval | None:
    """Return the ports that a text names, both ends included; None if it names no ports."""
    low, dash, high = text.partition("-")
    if not low.isdecimal() or len(low) > 5 or (dash and (not high.isdecimal() or len(high) > 5)):
        return None
    ports = int(low), int(high) if dash else int(low)
    return ports if ports[0] <= ports[1] <= _HIGHEST else None


def parse_ports(text: str) -> Interval:
    """Return the ports that a text names, both ends included. Raises ValueError for anything else."""
    ports = find_ports(text)
    if ports is None:
        raise ValueError(f"{text!r} is not a port or a range of ports between 0 and {_HIGHEST} (443, 8000-8100)")
    return ports
