"""The API: what the command line prints as JSON, and its OpenAPI document, which is made from the same table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from watcher import __version__
from watcher.core.documents import parse_document
from watcher.core.errors import UsageError
from watcher.core.model import Kind, Severity
from watcher.core.port_ranges import find_ports
from watcher.core.suggestions import PROTOCOLS
from watcher.core.times import is_date
from watcher.render.document import change_document, comparison_document, hold_document, release_document
from watcher.reports.deadlines import deadline_document, find_deadlines
from watcher.reports.diff import compare_releases
from watcher.reports.documents import report_as_dict, report_document
from watcher.reports.entry import find_entry, life_document, version_document
from watcher.reports.events import event_document, find_events
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.page import PageContext, PageRequest, PageResponse

PREFIX = "/api/v1"
_MOST, _USUAL = 500, 100
Schema = Mapping[str, Any]
_TEXT: Schema = {"type": "string"}
_DAY: Schema = {"type": "string", "format": "date"}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}


class Parameter(NamedTuple):
    """One parameter of an endpoint; `place` is path or query."""

    name: str
    about: str
    schema: Schema = _TEXT
    place: str = "query"


class Endpoint(NamedTuple):
    """One path of the API below PREFIX; `{name}` is a part of it."""

    path: str
    about: str
    answer: Callable[[PageContext, Store, Mapping[str, str]], Any]
    parameters: tuple[Parameter, ...] = ()
    properties: Mapping[str, Schema] = {}


class BadRequestError(UsageError):
    """A parameter that makes no sense."""


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return the answer of an endpoint as JSON; every error is JSON too."""
    if list(request.parts) == ["openapi.json"]:
        return _json(openapi_document())
    try:
        endpoint, values = _find_endpoint(request)
        with context.open_store() as store:
            return _json(endpoint.answer(context, store, values))
    except BadRequestError as error:
        return _json({"error": str(error)}, 400)
    except UsageError as error:
        return _json({"error": str(error)}, 404)


def _json(document: Any, status: int = 200) -> PageResponse:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return PageResponse(status=status, body=body, content_type="application/json")


def _find_endpoint(request: PageRequest) -> tuple[Endpoint, Mapping[str, str]]:
    """Return the endpoint of a path, and the values of its parameters. Raises UsageError."""
    for endpoint in ENDPOINTS:
        wanted = endpoint.path.strip("/").split("/")
        if len(wanted) == len(request.parts):
            pairs = list(zip(wanted, request.parts, strict=True))
            if all(part.startswith("{") or part == given for part, given in pairs):
                values = {part.strip("{}"): given for part, given in pairs if part.startswith("{")}
                return endpoint, {**values, **_read_query(endpoint, request)}
    raise UsageError("no such endpoint; see /api/v1/openapi.json")


def _read_query(endpoint: Endpoint, request: PageRequest) -> Mapping[str, str]:
    known = {parameter.name: parameter for parameter in endpoint.parameters if parameter.place == "query"}
    for name in request.query:
        if name not in known:
            raise BadRequestError(f"unknown parameter {name!r}; there are {', '.join(known) or 'none'}")
    values = {name: request.text(name) for name in known if request.text(name)}
    for name, value in values.items():
        _check(known[name], value)
    return values


def _check(parameter: Parameter, value: str) -> None:
    """Raise BadRequestError for a value that does not fit the schema of its parameter."""
    schema = parameter.schema
    if schema.get("format") == "date" and not is_date(value):
        raise BadRequestError(f"{parameter.name}: {value!r} is not a date (2024-02-29)")
    if "enum" in schema and value not in schema["enum"]:
        raise BadRequestError(f"{parameter.name}: {value!r} must be one of {', '.join(schema['enum'])}")
    if schema["type"] == "integer":
        low, high = schema["minimum"], schema["maximum"]
        if not (value.isascii() and value.isdigit() and len(value) < 10 and low <= int(value) <= high):
            raise BadRequestError(f"{parameter.name}: {value!r} is not a number from {low} to {high}")


def _list_sources(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    rows = []
    for name in store.history.list_sources():
        latest = store.history.find_latest(name)
        rows.append(
            {
                "source": name,
                "registry": store.history.read_registry_id(name),
                "releases": store.history.count_releases(name),
                "latest": release_document(latest.release) if latest else None,
            }
        )
    return {"sources": rows}


def _list_releases(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    source = values["source"]
    releases = list(reversed(store.history.list_releases(source)))
    start, number = _page(values)
    rows = [{**release_document(stored.release), **stored.counts} for stored in releases[start : start + number]]
    return {"source": source, "number": len(releases), "releases": rows, "next": _next(start, number, len(releases))}


def _diff(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:
    old, new = values.get("from"), values.get("to")
    if old is None and new is not None:
        raise BadRequestError("from: missing; give both releases, or neither for the newest two")
    comparison = compare_releases(store.history, context.settings().severity, values["source"], old, new)
    start, number = _page(values)
    changes = comparison.changes.changes
    document = comparison_document(comparison)
    document["changes"] = [change_document(change) for change in changes[start : start + number]]
    return {**document, "start": start, "next": _next(start, number, len(changes))}


def _show(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:
    source, what, protocol = values["source"], values["what"], values.get("protocol")
    ports = find_ports(what) if store.history.read_registry_id(source) == "ports" else None
    entry = find_entry(
        store.history,
        context.observation(store),
        source,
        ports=(ports,) if ports else (),
        services=() if ports else (what,),
        protocols=(protocol,) if protocol else (),
        at=values.get("at"),
    )
    return {
        "source": source,
        "what": what,
        "release": release_document(entry.release.release),
        "versions": [version_document(version) for version in entry.versions],
        "current": [version.item.key.as_dict() for version in entry.current],
        "contacts": {name: dict(fields) for name, fields in entry.contacts.items()},
        "lives": life_document(entry.lives),
        "events": [event_document(event) for event in entry.events],
    }


def _events(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:
    ports = find_ports(values["port"]) if "port" in values else None
    if "port" in values and ports is None:
        raise BadRequestError(f"port: {values['port']!r} is not a port or a range (443, 8000-8100)")
    query = EventQuery(
        sources=_one(values, "source"),
        ports=(ports,) if ports else (),
        services=_one(values, "service"),
        protocols=_one(values, "protocol"),
        events=_one(values, "event"),
        kinds=_one(values, "kind"),
        severity=Severity(values["severity"]) if "severity" in values else None,
        since=values.get("since"),
        until=values.get("until"),
        text=values.get("search"),
        limit=_page(values)[1],
    )
    report = find_events(store.history, context.observation(store), query)
    return {"events": [event_document(event) for event in reversed(report.events)]}


def _deadlines(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    deadlines = find_deadlines(store, [], context.clock.now().date())
    return {"deadlines": list(map(deadline_document, deadlines))}


def _document(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:
    try:
        name = parse_document(values["name"])
    except ValueError as error:
        raise BadRequestError(str(error)) from error
    return report_as_dict(report_document(store.history, context.observation(store), EventQuery(document=name)))


def _holds(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    return {"held": [{"source": hold.source, **hold_document(hold)} for hold in store.holds.list_holds()]}


def _one(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return (values[name],) if name in values else ()


def _page(values: Mapping[str, str]) -> tuple[int, int]:
    return int(values.get("start", "0")), int(values.get("limit", str(_USUAL)))


def _next(start: int, number: int, whole: int) -> int | None:
    return start + number if start + number < whole else None


_SOURCE = Parameter("source", "the name of a source, such as ports or iana.tls-parameters", place="path")
_LIMIT = Parameter("limit", "the most to return", {"type": "integer", "minimum": 1, "maximum": _MOST})
_PAGED = (_LIMIT, Parameter("start", "where to start", {"type": "integer", "minimum": 0, "maximum": 10**8}))
_RELEASE = "a date, the id of a release, or the beginning of its SHA-256"
_PROTOCOL = Parameter("protocol", "a transport protocol", {"type": "string", "enum": list(PROTOCOLS)})
_NEXT: Schema = {"type": ["integer", "null"]}

ENDPOINTS: Sequence[Endpoint] = (
    Endpoint("/sources", "List the sources that have a history.", _list_sources, (), {"sources": _OBJECTS}),
    Endpoint(
        "/sources/{source}/releases",
        "List the releases of a source, the newest first.",
        _list_releases,
        (_SOURCE, *_PAGED),
        {"source": _TEXT, "number": {"type": "integer"}, "releases": _OBJECTS, "next": _NEXT},
    ),
    Endpoint(
        "/sources/{source}/diff",
        "Compare two releases, by default the newest two.",
        _diff,
        (_SOURCE, Parameter("from", f"the older: {_RELEASE}"), Parameter("to", f"the newer: {_RELEASE}"), *_PAGED),
        {"schema": {"type": "integer"}, "events": _OBJECTS, "changes": _OBJECTS, "next": _NEXT},
    ),
    Endpoint(
        "/sources/{source}/entries/{what}",
        "Show an entry with its whole life.",
        _show,
        (
            _SOURCE,
            Parameter("what", "a port, a name, a value or the id of a contact", place="path"),
            _PROTOCOL,
            Parameter("at", "as of this day", _DAY),
        ),
        {"source": _TEXT, "what": _TEXT, "versions": _OBJECTS, "events": _OBJECTS},
    ),
    Endpoint(
        "/events",
        "List events, the newest first. Filters are combined with AND.",
        _events,
        (
            Parameter("source", "the name of a source"),
            Parameter("port", "a port or a range: 443, 8000-8100"),
            Parameter("service", "the name of a service"),
            _PROTOCOL,
            Parameter("event", "an event id, or a glob"),
            Parameter("kind", "what happened to the entry", {"type": "string", "enum": list(map(str, Kind))}),
            Parameter("severity", "at least this", {"type": "string", "enum": list(map(str, Severity))}),
            Parameter("since", "of this day or later", _DAY),
            Parameter("until", "of this day or earlier", _DAY),
            Parameter("search", "words in the event or its entries"),
            _LIMIT,
        ),
        {"events": _OBJECTS},
    ),
    Endpoint("/deadlines", "List early allocations.", _deadlines, (), {"deadlines": _OBJECTS}),
    Endpoint(
        "/documents/{name}",
        "Tell what an RFC or a draft did to all registries.",
        _document,
        (Parameter("name", "rfc9350, or the name of a draft", place="path"),),
        {"document": _TEXT, "summary": _TEXT},
    ),
    Endpoint("/holds", "List held releases and how they were settled.", _holds, (), {"held": _OBJECTS}),
)


def openapi_document() -> Mapping[str, Any]:
    """Return the OpenAPI 3.1 document of all endpoints."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "registry-watcher", "version": __version__},
        "servers": [{"url": PREFIX}],
        "paths": {endpoint.path: {"get": _operation(endpoint)} for endpoint in ENDPOINTS},
    }


def _operation(endpoint: Endpoint) -> Mapping[str, Any]:
    error = {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]}
    answer = {"type": "object", "properties": endpoint.properties, "required": list(endpoint.properties)}
    return {
        "summary": endpoint.about,
        "parameters": [
            {
                "name": parameter.name,
                "in": parameter.place,
                "required": parameter.place == "path",
                "description": parameter.about,
                "schema": parameter.schema,
            }
            for parameter in endpoint.parameters
        ],
        "responses": {
            "200": {"description": "the answer", "content": {"application/json": {"schema": answer}}},
            "4XX": {"description": "the question is wrong", "content": {"application/json": {"schema": error}}},
            "503": {"description": "the history cannot be read", "content": {"application/json": {"schema": error}}},
        },
    }
