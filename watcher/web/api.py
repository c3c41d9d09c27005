"""The API: what the command line prints as JSON, and its OpenAPI document, which is made from the same table."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from watcher import __version__
from watcher.core.errors import UsageError
from watcher.core.port_ranges import find_ports
from watcher.render.document import change_document, comparison_document, hold_document, release_document
from watcher.reports.deadlines import deadline_document, find_deadlines
from watcher.reports.diff import compare_releases
from watcher.reports.documents import report_as_dict, report_document
from watcher.reports.entry import find_entry, life_document, version_document
from watcher.reports.events import event_document, find_events
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import (
    DAY,
    EVENT_FILTERS,
    PROTOCOL,
    TEXT,
    BadRequestError,
    Parameter,
    Schema,
    event_query,
    read_document,
    read_values,
)

PREFIX = "/api/v1"
_MOST, _USUAL = 500, 100
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}


class Endpoint(NamedTuple):
    """One path of the API below PREFIX; `{name}` is a part of it."""

    path: str
    about: str
    answer: Callable[[PageContext, Store, Mapping[str, str]], Any]
    parameters: tuple[Parameter, ...] = ()
    properties: Mapping[str, Schema] = {}


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return the answer of an endpoint as JSON."""
    if list(request.parts) == ["openapi.json"]:
        return _json(openapi_document())
    endpoint, values = _find_endpoint(request)
    with context.open_store() as store:
        return _json(endpoint.answer(context, store, values))


def _json(document: Any) -> PageResponse:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return PageResponse(body=body, content_type="application/json")


def _find_endpoint(request: PageRequest) -> tuple[Endpoint, Mapping[str, str]]:
    """Return the endpoint of a path, and the values of its parameters. Raises UsageError."""
    for endpoint in ENDPOINTS:
        wanted = endpoint.path.strip("/").split("/")
        if len(wanted) == len(request.parts):
            pairs = list(zip(wanted, request.parts, strict=True))
            if all(part.startswith("{") or part == given for part, given in pairs):
                values = {part.strip("{}"): given for part, given in pairs if part.startswith("{")}
                return endpoint, {**values, **read_values(endpoint.parameters, request)}
    raise UsageError("no such endpoint; see /api/v1/openapi.json")


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
    query = event_query(values, limit=_page(values)[1])
    report = find_events(store.history, context.observation(store), query)
    return {"events": [event_document(event) for event in reversed(report.events)]}


def _deadlines(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    deadlines = find_deadlines(store, [], context.clock.now().date())
    return {"deadlines": list(map(deadline_document, deadlines))}


def _document(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:
    name = read_document(values["name"])
    return report_as_dict(report_document(store.history, context.observation(store), EventQuery(document=name)))


def _holds(context: PageContext, store: Store, values: Mapping[str, str]) -> Any:  # noqa: ARG001 - the shape
    return {"held": [{"source": hold.source, **hold_document(hold)} for hold in store.holds.list_holds()]}


def _page(values: Mapping[str, str]) -> tuple[int, int]:
    return int(values.get("start", "0")), int(values.get("limit", str(_USUAL)))


def _next(start: int, number: int, whole: int) -> int | None:
    return start + number if start + number < whole else None


_SOURCE = Parameter("source", "the name of a source, such as ports or iana.tls-parameters", place="path")
_LIMIT = Parameter("limit", "the most to return", {"type": "integer", "minimum": 1, "maximum": _MOST})
_PAGED = (_LIMIT, Parameter("start", "where to start", {"type": "integer", "minimum": 0, "maximum": 10**8}))
_RELEASE = "a date, the id of a release, or the beginning of its SHA-256"
_NEXT: Schema = {"type": ["integer", "null"]}

ENDPOINTS: Sequence[Endpoint] = (
    Endpoint("/sources", "List the sources that have a history.", _list_sources, (), {"sources": _OBJECTS}),
    Endpoint(
        "/sources/{source}/releases",
        "List the releases of a source, the newest first.",
        _list_releases,
        (_SOURCE, *_PAGED),
        {"source": TEXT, "number": {"type": "integer"}, "releases": _OBJECTS, "next": _NEXT},
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
            PROTOCOL,
            Parameter("at", "as of this day", DAY),
        ),
        {"source": TEXT, "what": TEXT, "versions": _OBJECTS, "events": _OBJECTS},
    ),
    Endpoint(
        "/events",
        "List events, the newest first. Filters are combined with AND.",
        _events,
        (
            *EVENT_FILTERS,
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
        {"document": TEXT, "summary": TEXT},
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
    error = {"type": "object", "properties": {"error": TEXT}, "required": ["error"]}
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
