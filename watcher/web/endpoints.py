"""The endpoints of the API: what each answers, and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec.structs import replace

from watcher.core.model import ChangeSet, count_changes
from watcher.core.port_ranges import find_ports
from watcher.render.document import comparison_document, hold_document, release_document
from watcher.reports.deadlines import deadline_document, find_deadlines
from watcher.reports.documents import report_as_dict, report_document
from watcher.reports.entry import Subject, find_entry, life_document, version_document
from watcher.reports.events import event_document, find_events
from watcher.reports.release_diff import compare_releases
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.memento import api_original, describe_memento, describe_original
from watcher.web.page import PageContext, PageRequest
from watcher.web.parameters import (
    EVENT_FILTERS,
    PLACE,
    PROTOCOL,
    TEXT,
    Parameter,
    Schema,
    check_ports,
    event_query,
    format_place,
    read_document,
    read_place,
)

_MOST, _USUAL = 500, 100
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
Values = Mapping[str, str]


def _no_headers(store: Store, request: PageRequest, values: Values) -> Mapping[str, str]:  # noqa: ARG001 - the shape
    return {}


class Endpoint(NamedTuple):
    """One path of the API below its prefix; `{name}` is a part of it. `properties` are those of the answer."""

    path: str
    about: str
    answer: Callable[[PageContext, Store, Values], Any]
    parameters: tuple[Parameter, ...] = ()
    properties: Mapping[str, Schema] = {}
    headers: Callable[[Store, PageRequest, Values], Mapping[str, str]] = _no_headers


class Part(NamedTuple):
    """The part of a list that a request asks for."""

    start: int
    number: int

    @classmethod
    def of(cls, values: Values) -> Part:
        return cls(int(values.get("start", "0")), int(values.get("limit", str(_USUAL))))

    def cut(self, rows: Sequence[Any]) -> Sequence[Any]:
        return rows[self.start : self.start + self.number]

    def next(self, *lists: Sequence[Any]) -> int | None:
        """Return the start of the next part, None if no list goes on."""
        end = self.start + self.number
        return end if any(end < len(rows) for rows in lists) else None


def _list_sources(context: PageContext, store: Store, values: Values) -> Any:  # noqa: ARG001 - the shape
    names, part = store.history.list_sources(), Part.of(values)
    rows = []
    for name in part.cut(names):
        latest = store.history.find_latest(name)
        rows.append(
            {
                "source": name,
                "registry": store.history.read_registry_id(name),
                "releases": store.history.count_releases(name),
                "latest": release_document(latest.release) if latest else None,
            }
        )
    return {"sources": rows, "next": part.next(names)}


def _list_releases(context: PageContext, store: Store, values: Values) -> Any:  # noqa: ARG001 - the shape
    source, part = values["source"], Part.of(values)
    releases = list(reversed(store.history.list_releases(source)))
    rows = [{**release_document(stored.release), **stored.counts} for stored in part.cut(releases)]
    return {"source": source, "number": len(releases), "releases": rows, "next": part.next(releases)}


def _diff(context: PageContext, store: Store, values: Values) -> Any:
    old, new = values.get("from"), values.get("to")
    pair = (old, new or "latest") if old else (new,)
    comparison = compare_releases(store.history, context.settings().severity, values["source"], *pair)
    part, changes, events = Part.of(values), comparison.changes.changes, comparison.events
    shown = replace(comparison, changes=ChangeSet(changes=tuple(part.cut(changes))), events=tuple(part.cut(events)))
    return {
        **comparison_document(shown),
        "counts": count_changes(comparison.changes),
        "start": part.start,
        "next": part.next(changes, events),
    }


def _show(context: PageContext, store: Store, values: Values) -> Any:
    source, what, part = values["source"], values["what"], Part.of(values)
    number, _, suffix = what.partition("/")
    ports = find_ports(number) if store.history.read_registry_id(source) == "ports" else None
    protocol = values.get("protocol", suffix if ports else "")
    entry = find_entry(
        store.history,
        context.observation(store),
        source,
        Subject(
            ports=(check_ports(ports),) if ports else (),
            names=() if ports else (what,),
            protocols=(protocol,) if protocol else (),
        ),
        at=values.get("at"),
    )
    lives = life_document(entry.lives)
    return {
        "source": source,
        "what": what,
        "release": release_document(entry.release.release),
        "versions": [version_document(version) for version in part.cut(entry.versions)],
        "current": [version.item.key.as_dict() for version in part.cut(entry.current)],
        "contacts": {name: dict(fields) for name, fields in part.cut([*entry.contacts.items()])},
        "lives": part.cut(lives),
        "events": [event_document(event) for event in part.cut(entry.events)],
        "next": part.next(entry.versions, entry.current, [*entry.contacts], lives, entry.events),
    }


def _describe_entry(store: Store, request: PageRequest, values: Values) -> Mapping[str, str]:
    original = api_original(values["source"], values["what"])
    if "at" not in values:
        return describe_original(request, original)
    return describe_memento(request, original, store.history.find_release(values["source"], values["at"]))


def _events(context: PageContext, store: Store, values: Values) -> Any:
    number = int(values.get("limit", str(_USUAL)))
    query = replace(event_query(values, limit=number), before=read_place(values.get("start", "")))
    events = find_events(store.history, context.observation(store), query).events
    place = format_place(events[0].stored) if len(events) == number else None
    return {"events": [event_document(event) for event in reversed(events)], "next": place}


def _deadlines(context: PageContext, store: Store, values: Values) -> Any:
    deadlines, part = find_deadlines(store, [], context.clock.now().date()), Part.of(values)
    return {"deadlines": list(map(deadline_document, part.cut(deadlines))), "next": part.next(deadlines)}


def _document(context: PageContext, store: Store, values: Values) -> Any:
    name, part = read_document(values["name"]), Part.of(values)
    report = report_document(store.history, context.observation(store), EventQuery(document=name))
    lists = (*report.parts.values(), report.later)
    parts = {name: part.cut(events) for name, events in report.parts.items()}
    return {**report_as_dict(replace(report, parts=parts, later=part.cut(report.later))), "next": part.next(*lists)}


def _holds(context: PageContext, store: Store, values: Values) -> Any:  # noqa: ARG001 - the shape
    holds, part = store.holds.list_holds(), Part.of(values)
    return {
        "held": [{"source": hold.source, **hold_document(hold)} for hold in part.cut(holds)],
        "next": part.next(holds),
    }


_SOURCE = Parameter("source", "the name of a source, such as ports or iana.tls-parameters", place="path")
_LIMIT = Parameter("limit", "the most to return", {"type": "integer", "minimum": 1, "maximum": _MOST})
_START = Parameter("start", "`next` of the answer before", {"type": "integer", "minimum": 0, "maximum": 10**8})
_PAGED = (_LIMIT, _START)
_RELEASE = "a date, the id of a release, or the beginning of its SHA-256"
_NUMBER: Schema = {"type": "integer"}
_NEXT: Mapping[str, Schema] = {"next": {"type": ["integer", "null"]}}

ENDPOINTS: Sequence[Endpoint] = (
    Endpoint(
        "/sources", "List the sources that have a history.", _list_sources, _PAGED, {"sources": _OBJECTS, **_NEXT}
    ),
    Endpoint(
        "/sources/{source}/releases",
        "List the releases of a source, the newest first.",
        _list_releases,
        (_SOURCE, *_PAGED),
        {"source": TEXT, "number": _NUMBER, "releases": _OBJECTS, **_NEXT},
    ),
    Endpoint(
        "/sources/{source}/diff",
        "Compare two releases: `from` with the newest, `to` with the one before it, or the newest two. "
        "Events and changes are parts of their lists alike.",
        _diff,
        (_SOURCE, Parameter("from", f"the older: {_RELEASE}"), Parameter("to", f"the newer: {_RELEASE}"), *_PAGED),
        {"schema": _NUMBER, "counts": {"type": "object"}, "events": _OBJECTS, "changes": _OBJECTS, **_NEXT},
    ),
    Endpoint(
        "/sources/{source}/entries/{what}",
        "Show an entry with its whole life. All lists are parts of the whole ones alike.",
        _show,
        (
            _SOURCE,
            Parameter("what", "a port (443, 443/tcp), a name, a value or the id of a contact", place="path"),
            PROTOCOL,
            Parameter("at", f"as of {_RELEASE}"),
            *_PAGED,
        ),
        {"source": TEXT, "what": TEXT, "versions": _OBJECTS, "current": _OBJECTS, "events": _OBJECTS, **_NEXT},
        _describe_entry,
    ),
    Endpoint(
        "/events",
        "List events, the newest first. Filters are combined with AND.",
        _events,
        (*EVENT_FILTERS, _LIMIT, Parameter("start", "`next` of the answer before", PLACE)),
        {"events": _OBJECTS, "next": {"type": ["string", "null"]}},
    ),
    Endpoint("/deadlines", "List early allocations.", _deadlines, _PAGED, {"deadlines": _OBJECTS, **_NEXT}),
    Endpoint(
        "/documents/{name}",
        "Tell what an RFC or a draft did to all registries. All lists are parts of the whole ones alike.",
        _document,
        (Parameter("name", "rfc9350, or the name of a draft", place="path"), *_PAGED),
        {"document": TEXT, "summary": TEXT, "created": _OBJECTS, "changed": _OBJECTS, "retired": _OBJECTS, **_NEXT},
    ),
    Endpoint("/holds", "List held releases and how they were settled.", _holds, _PAGED, {"held": _OBJECTS, **_NEXT}),
)
