"""The first page: the sources and their health, what changed this week, the deadlines ahead."""

from __future__ import annotations

from datetime import timedelta

from watcher.reports.deadlines import find_deadlines
from watcher.reports.events import find_events
from watcher.reports.status import report_status
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST_EVENTS, _NEWEST_EVENTS, _MOST_DEADLINES = 30, 10, 12
_WEEK, _AHEAD = timedelta(days=7), 90


def render(context: PageContext, request: PageRequest) -> PageResponse:
    now = context.clock.now()
    since = (now - _WEEK).date().isoformat()
    with context.open_store() as store:
        status = report_status(context.settings().overview, store, now)
        observation = context.observation(store)
        recent = find_events(store.history, observation, EventQuery(since=since, limit=_MOST_EVENTS)).events
        shown = recent or find_events(store.history, observation, EventQuery(limit=_NEWEST_EVENTS)).events
        allocations = find_deadlines(store, [], now.date(), _AHEAD)
        histories = store.history.list_sources()
    groups = {
        source.name: sum(name.startswith(f"{source.name}.") for name in histories)
        for source in context.settings().overview.sources
        if source.collection
    }
    return render_html(
        "overview.html",
        viewer=request.viewer,
        status=status,
        since=since,
        events=list(reversed(shown)),
        is_quiet=not recent,
        deadlines=[deadline for deadline in allocations if (deadline.days_left or 0) >= 0][:_MOST_DEADLINES],
        groups=groups,
    )
