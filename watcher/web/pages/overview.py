"""The first page: the sources and their health, what changed this week, the deadlines ahead."""

from __future__ import annotations

from datetime import timedelta

from watcher.reports.deadlines import find_deadlines
from watcher.reports.events import find_events
from watcher.reports.status import report_status
from watcher.store.event_query import EventQuery
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST_EVENTS, _MOST_DEADLINES, _MOST_SOURCES = 40, 12, 200
_WEEK, _AHEAD = timedelta(days=7), 90


def render(context: PageContext, request: PageRequest) -> PageResponse:  # noqa: ARG001 - the shape of every page
    now = context.clock.now()
    since = (now - _WEEK).date().isoformat()
    with context.open_store() as store:
        status = report_status(context.settings().overview, store, now)
        query = EventQuery(since=since, limit=_MOST_EVENTS)
        recent = find_events(store.history, context.observation(store), query).events
        newest = () if recent else store.history.events.find(EventQuery(limit=10))
        allocations = find_deadlines(store, [], now.date(), _AHEAD)
        others = _list_others(store.history.list_sources(), [source.source for source in status.sources])
    return render_html(
        "overview.html",
        status=status,
        since=since,
        events=[observed.stored for observed in reversed(recent)] or list(reversed(newest)),
        is_quiet=not recent,
        deadlines=[deadline for deadline in allocations if (deadline.days_left or 0) >= 0][:_MOST_DEADLINES],
        others=others[:_MOST_SOURCES],
        more_others=max(0, len(others) - _MOST_SOURCES),
    )


def _list_others(stored: list[str], configured: list[str]) -> list[str]:
    """Return the sources that have a history and no line of their own: the groups of collections, above all."""
    return [name for name in stored if name not in set(configured)]
