"""One event: each time it happened, what it means, and what operators decided about it."""

from __future__ import annotations

from watcher.monitor.acknowledgement import LONGEST_NOTE, find_event
from watcher.registries.event_meanings import MEANINGS
from watcher.reports.events import observe_event
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST = 50


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (identifier,) = request.parts
    with context.open_store() as store:
        observation = context.observation(store)
        events = [observe_event(stored, observation) for stored in reversed(find_event(store, identifier)[-_MOST:])]
    newest = events[0].stored
    return render_html(
        "event.html",
        viewer=request.viewer,
        events=events,
        newest=newest,
        meaning=MEANINGS.get(newest.event.id, ""),
        attention=events[0].attention,
        longest_note=LONGEST_NOTE,
    )
