"""The filters of pages, read from the query.

An invalid value is an error: a page that ignored it would show more than was asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from watcher.core.errors import UsageError
from watcher.core.intervals import Interval
from watcher.core.times import is_date
from watcher.web.page import PageRequest
from watcher.web.parameters import BadRequestError, read_port_list

_MOST_VALUES = 20


def one_of(request: PageRequest, name: str, choices: Iterable[str]) -> tuple[str, ...]:
    """Return the value of a parameter as a tuple, empty without one. Raises BadRequestError for none of the choices."""
    value, allowed = request.text(name), list(map(str, choices))
    if value and value not in allowed:
        raise BadRequestError(f"{name}: {value!r} must be one of {', '.join(allowed)}")
    return (value,) if value else ()


def read_globs(request: PageRequest, name: str) -> tuple[str, ...]:
    return tuple(request.text(name).split()[:_MOST_VALUES])


def read_ports(request: PageRequest, name: str) -> tuple[Interval, ...]:
    """Return the ports and ranges of a parameter: "443, 8000-8100". Raises BadRequestError."""
    try:
        return read_port_list(name, request.text(name))
    except UsageError as error:
        raise BadRequestError(str(error)) from error


def read_day(request: PageRequest, name: str) -> str | None:
    """Return the day of a parameter, None without one. Raises BadRequestError."""
    day = request.text(name)
    if day and not is_date(day):
        raise BadRequestError(f"{name}: {day!r} is not a date (2024-02-29)")
    return day or None


def read_number(request: PageRequest, name: str, default: int, most: int) -> int:
    """Return a number between 0 and `most`."""
    value = request.text(name)
    return min(int(value), most) if value.isascii() and value.isdigit() and len(value) < 10 else default
