"""The parameters of a query: what each may be, how it is read, and the filters of events of API, feeds and stream.

The API's OpenAPI document is made from the same schemas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from watcher.core.documents import parse_document
from watcher.core.errors import UsageError
from watcher.core.intervals import Interval
from watcher.core.model import Kind, Severity
from watcher.core.port_ranges import find_ports
from watcher.core.suggestions import PROTOCOLS
from watcher.core.times import is_date
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent
from watcher.web.page import PageRequest

Schema = Mapping[str, Any]
TEXT: Schema = {"type": "string", "minLength": 1}
DAY: Schema = {"type": "string", "format": "date"}
_PORT = "(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5]?[0-9]{1,4})"
_RANGE = f"{_PORT}(-{_PORT})?"
_PORTS: Schema = {"type": "string", "pattern": f"^{_RANGE}([, ]+{_RANGE}){{0,19}}$"}
_DOCUMENT: Schema = {"type": "string", "pattern": "^(([Rr][Ff][Cc][- ]?)?[0-9]{1,5}|draft-[a-z][a-z0-9-]*)$"}
PLACE: Schema = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\.-?[0-9]{1,18}\.[0-9]{1,18}$"}
MOST_PORTS = 1_024  # in one question about entries; the port map shows all


class BadRequestError(UsageError):
    """A parameter that makes no sense; status 400."""


class Parameter(NamedTuple):
    """One parameter of a query or, if its `place` is path, a part of the path."""

    name: str
    about: str
    schema: Schema = TEXT
    place: str = "query"


PROTOCOL = Parameter("protocol", "a transport protocol", {"type": "string", "enum": list(PROTOCOLS)})
EVENT_FILTERS: Sequence[Parameter] = (
    Parameter("source", "the name of a source, or a glob"),
    Parameter("port", "ports and ranges, up to 20: 443, 8000-8100", _PORTS),
    Parameter("service", "the name of a service, or of another entry"),
    PROTOCOL,
    Parameter("event", "an event id, or a glob"),
    Parameter("kind", "what happened to the entry", {"type": "string", "enum": list(map(str, Kind))}),
    Parameter("severity", "at least this", {"type": "string", "enum": list(map(str, Severity))}),
    Parameter("since", "of this day or later", DAY),
    Parameter("until", "of this day or earlier", DAY),
    Parameter("search", "words in the event or its entries"),
    Parameter("document", "an RFC or draft that the changed entries refer to: rfc9350", _DOCUMENT),
)
STREAM_PARAMETERS: Sequence[Parameter] = (
    *(parameter for parameter in EVENT_FILTERS if parameter.name not in ("since", "until")),
    Parameter("last_event_id", "the id of the last event that the client had; the header Last-Event-ID goes first"),
)


def read_values(parameters: Sequence[Parameter], request: PageRequest) -> Mapping[str, str]:
    """Return the last value of each parameter that a query has. Raises BadRequestError for an unknown or wrong one."""
    defined = {parameter.name: parameter for parameter in parameters if parameter.place == "query"}
    for name in request.query:
        if name not in defined:
            raise BadRequestError(f"unknown parameter {name!r}; there are {', '.join(defined) or 'none'}")
    values = {name: request.text(name) for name in defined if name in request.query}
    for name, value in values.items():
        _check(defined[name], value)
    return values


def _check(parameter: Parameter, value: str) -> None:
    """Raise BadRequestError for a value that does not fit the schema of its parameter."""
    schema = parameter.schema
    if not value:
        raise BadRequestError(f"{parameter.name}: is empty")
    if schema.get("format") == "date" and not is_date(value):
        raise BadRequestError(f"{parameter.name}: {value!r} is not a date (2024-02-29)")
    if "enum" in schema and value not in schema["enum"]:
        raise BadRequestError(f"{parameter.name}: {value!r} must be one of {', '.join(schema['enum'])}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        raise BadRequestError(f"{parameter.name}: {value!r} is not {parameter.about}")
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        if not (value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high):
            raise BadRequestError(f"{parameter.name}: {value!r} is not a number from {low} to {high}")


def event_query(values: Mapping[str, str], *, limit: int | None = None) -> EventQuery:
    """Return the query of the event filters in some values. Raises UsageError."""
    return EventQuery(
        sources=tuple(values.get("source", "").split()),
        ports=read_port_list("port", values.get("port", "")),
        services=_one(values, "service"),
        protocols=_one(values, "protocol"),
        events=tuple(values.get("event", "").split()),
        kinds=_one(values, "kind"),
        severity=Severity(values["severity"]) if "severity" in values else None,
        since=values.get("since"),
        until=values.get("until"),
        text=values.get("search"),
        document=read_document(values["document"]) if "document" in values else None,
        limit=limit,
    )


def read_document(name: str) -> str:
    """Return the document that a text names. Raises UsageError."""
    try:
        return parse_document(name)
    except ValueError as error:
        raise UsageError(str(error)) from error


def read_port_list(name: str, text: str) -> tuple[Interval, ...]:
    """Return the ports and ranges in the text of a parameter: "443, 8000-8100". Raises UsageError."""
    intervals = []
    for part in text.replace(",", " ").split():
        ports = find_ports(part)
        if ports is None:
            raise UsageError(f"{name}: {part!r} is no port or range of ports; write 443, 8000-8100")
        intervals.append(ports)
    return tuple(intervals)


def format_place(event: StoredEvent) -> str:
    """Return the place of an event in the order of events, for the part of a list that follows it."""
    return f"{event.release.dated}.{event.release.place}.{event.row}"


def read_place(text: str) -> tuple[str, int, int] | None:
    """Return the place that `format_place` wrote, None for "". Raises BadRequestError."""
    if not text:
        return None
    if not re.search(PLACE["pattern"], text):
        raise BadRequestError(f"{text!r} is no place in a list of events")
    day, place, row = text.split(".")
    return day, int(place), int(row)


def check_ports(ports: Interval) -> Interval:
    """Return a range of ports if it is short enough to show all entries in it. Raises BadRequestError."""
    if ports[1] - ports[0] >= MOST_PORTS:
        raise BadRequestError(f"a range has at most {MOST_PORTS:,} ports here; the port map shows all of them")
    return ports


def _one(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return (values[name],) if name in values else ()
