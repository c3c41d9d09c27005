"""The early allocations (RFC 7120) of all registries, the first to expire first."""

from __future__ import annotations

from watcher.reports.deadlines import find_deadlines
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse


def render(context: PageContext, request: PageRequest) -> PageResponse:
    today = context.clock.now().date()
    with context.open_store() as store:
        deadlines = find_deadlines(store, [], today)
    return render_html("deadlines.html", viewer=request.viewer, deadlines=deadlines, today=today.isoformat())
