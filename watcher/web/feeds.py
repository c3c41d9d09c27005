"""Atom feeds (RFC 4287) of events: of all sources, a source, an entry, a document, a search; and of deadlines."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from lxml import etree

from watcher.core.event_words import say_event
from watcher.core.times import is_date
from watcher.render.safe_text import visible
from watcher.reports.events import find_events
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent
from watcher.web.filters import read_globs, read_ports
from watcher.web.html import link
from watcher.web.page import PageContext, PageRequest, PageResponse

ATOM = "application/atom+xml; charset=utf-8"
_MOST = 50
_NAMESPACE = "http://www.w3.org/2005/Atom"
_IDS = uuid.UUID("5f4b9d3c-8f0a-5c8e-9b1d-2a7f1f0c6e11")  # the ids of entries are derived from it: it never changes


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return the newest events of all sources, or of those that the query names: source, event, port, service, text."""
    query = EventQuery(
        sources=read_globs(request, "source"),
        events=read_globs(request, "event"),
        ports=read_ports(request, "port"),
        services=read_globs(request, "service"),
        text=request.text("text") or None,
        since=request.text("since") if is_date(request.text("since")) else None,
        limit=_MOST,
    )
    with context.open_store() as store:
        events = [observed.stored for observed in find_events(store.history, context.observation(store), query).events]
    named = " ".join(filter(None, (*query.sources, *query.events, *query.services, request.text("port"), query.text)))
    title = f"registry-watcher: {named}" if named else "registry-watcher: all registries"
    base = request.base
    return PageResponse(body=write_atom(title, base, events), content_type=ATOM)


def write_atom(title: str, base: str, events: Sequence[StoredEvent]) -> bytes:
    """Return a feed, the newest event first. `base` is the address of the first page, "" if none is configured."""
    feed = etree.Element(f"{{{_NAMESPACE}}}feed", nsmap={None: _NAMESPACE})
    _add(feed, "title", title)
    _add(feed, "id", _id(title))
    newest = max((_time(event) for event in events), default="1970-01-01T00:00:00Z")
    _add(feed, "updated", newest)
    author = etree.SubElement(feed, f"{{{_NAMESPACE}}}author")
    _add(author, "name", "registry-watcher")
    for event in reversed(events):
        entry = etree.SubElement(feed, f"{{{_NAMESPACE}}}entry")
        _add(entry, "title", f"{event.source}: {say_event(event.event)}")
        _add(entry, "id", _id(f"{event.source} {event.release.release.id} {event.event.fingerprint}"))
        _add(entry, "updated", _time(event))
        page = base.rstrip("/") + link(event.source, "release", event.release.release.id)
        etree.SubElement(entry, f"{{{_NAMESPACE}}}link", href=page)
        etree.SubElement(entry, f"{{{_NAMESPACE}}}category", term=event.event.id)
        words = f"{event.event.severity} {event.event.id}, release of {event.release.dated}: {say_event(event.event)}"
        _add(entry, "content", words)
    return etree.tostring(feed, xml_declaration=True, encoding="utf-8")


def _add(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{_NAMESPACE}}}{name}").text = visible(text)


def _id(text: str) -> str:
    return f"urn:uuid:{uuid.uuid5(_IDS, text)}"


def _time(event: StoredEvent) -> str:
    """Return when an event was first seen; an imported one has the day of its release."""
    return event.release.release.observed or f"{event.release.dated}T00:00:00Z"
