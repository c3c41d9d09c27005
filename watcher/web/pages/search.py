"""Search over the entries and the events of all sources."""

from __future__ import annotations

from watcher.core.port_ranges import find_ports
from watcher.registries.item_lines import name_item
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_ENTRIES, _EVENTS = 50, 30


def render(context: PageContext, request: PageRequest) -> PageResponse:
    text = request.text("q")[:200]
    with context.open_store() as store:
        versions = store.history.versions.search(text, limit=_ENTRIES) if text else []
        events = store.history.events.find(EventQuery(text=text, limit=_EVENTS)) if text else []
        ports = [name for name in store.history.list_sources() if store.history.read_registry_id(name) == "ports"]
    return render_html(
        "_results.html" if request.text("part") else "search.html",
        text=text,
        port=text if find_ports(text) else "",
        port_sources=ports,
        entries=[(version, name_item(version.item)) for version in versions],
        events=list(reversed(events)),
    )
