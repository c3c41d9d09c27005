"""A collection: its groups, and the newest changes in all of them."""

from __future__ import annotations

from watcher.reports.events import find_events
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_EVENTS, _RELEASES = 10, 10


def render(context: PageContext, request: PageRequest, store: Store, name: str) -> PageResponse:
    groups = store.history.summarize_groups(name)
    query = EventQuery(sources=tuple(group.source for group in groups), limit=_EVENTS)
    events = find_events(store.history, context.observation(store), query).events if groups else ()
    has_index = store.history.count_releases(name) > 0
    by_date = request.text("order") == "newest"
    return render_html(
        "collection.html",
        viewer=request.viewer,
        collection=name,
        groups=sorted(groups, key=lambda group: group.dated, reverse=True) if by_date else groups,
        by_date=by_date,
        events=list(reversed(events)),
        index=list(reversed(store.history.list_releases(name)))[:_RELEASES] if has_index else [],
    )
