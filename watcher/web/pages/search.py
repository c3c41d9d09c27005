"""Search over the names of sources, their entries and their events. Without words the page lists all sources.

Every page asks for the part with the results while words are typed; without words that part is empty.
"""

from __future__ import annotations

from watcher.core.documents import find_documents, format_document
from watcher.core.port_ranges import find_ports
from watcher.registries.item_lines import name_item
from watcher.reports.events import find_events
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import HTML, PageContext, PageRequest, PageResponse

_ENTRIES, _EVENTS, _SOURCES, _ALL_SOURCES, _DOCUMENTS = 50, 30, 20, 2_000, 3


def render(context: PageContext, request: PageRequest) -> PageResponse:
    text, is_part = request.text("q")[:200], bool(request.text("part"))
    if is_part and not text.strip():
        return PageResponse(content_type=HTML)
    with context.open_store() as store:
        versions = store.history.versions.search(text, limit=_ENTRIES) if text else []
        query = EventQuery(text=text, limit=_EVENTS)
        events = find_events(store.history, context.observation(store), query).events if text else ()
        sources = [name for name in store.history.list_sources() if text.casefold() in name.casefold()]
        ports = store.history.list_sources_of("ports")
    return render_html(
        "_results.html" if is_part else "search.html",
        viewer=request.viewer,
        text=text,
        port=text if find_ports(text) else "",
        port_sources=ports,
        documents=[(name, format_document(name)) for name in dict.fromkeys(find_documents(text))][:_DOCUMENTS],
        sources=sources[: _SOURCES if text else _ALL_SOURCES],
        entries=[(version, name_item(version.item)) for version in versions],
        events=list(reversed(events)),
    )
