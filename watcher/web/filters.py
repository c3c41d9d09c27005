"""The filters of pages, read from the query. A value that makes no sense filters nothing."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.core.intervals import Interval
from watcher.core.port_ranges import find_ports
from watcher.web.page import PageRequest


def one_of(request: PageRequest, name: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Return the value of a parameter as a tuple, empty if the choices do not have it."""
    value = request.text(name)
    return (value,) if value in {str(choice) for choice in choices} else ()


def read_globs(request: PageRequest, name: str) -> tuple[str, ...]:
    return tuple(request.text(name).split()[:20])


def read_ports(request: PageRequest, name: str) -> tuple[Interval, ...]:
    ports = find_ports(request.text(name))
    return () if ports is None else (ports,)


def read_number(request: PageRequest, name: str, default: int, most: int) -> int:
    """Return a number between 0 and `most`."""
    value = request.text(name)
    return min(int(value), most) if value.isascii() and value.isdigit() and len(value) < 10 else default
