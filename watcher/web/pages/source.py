"""The first page of a source: the timeline of a registry, or the groups of a collection."""

from __future__ import annotations

from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.pages import collection, timeline


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (name,) = request.parts
    if any(source.name == name and source.collection for source in context.settings().overview.sources):
        with context.open_store() as store:
            return collection.render(context, request, store, name)
    return timeline.render(context, request)
