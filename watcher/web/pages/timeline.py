"""One source: its changes over the years, its releases, and its events, which can be filtered."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.core.model import Kind, Severity
from watcher.render.charts import draw_bars
from watcher.reports.events import find_events
from watcher.reports.plot_numbers import count_changes_by_year
from watcher.store.event_query import EventQuery
from watcher.web.filters import one_of, read_day, read_globs, read_ports
from watcher.web.html import render_html
from watcher.web.memento import describe_original, source_original
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import format_place, read_place

_EVENTS, _RELEASES = 50, 30


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (source,) = request.parts
    with context.open_store() as store:
        releases = store.history.list_releases(source)
        query = EventQuery(
            sources=(source,),
            events=read_globs(request, "event"),
            kinds=one_of(request, "kind", Kind),
            severity=next(map(Severity, one_of(request, "severity", Severity)), None),
            ports=read_ports(request, "port"),
            text=request.text("text") or None,
            since=read_day(request, "since"),
            until=read_day(request, "until"),
            before=read_place(request.text("before")),
            limit=_EVENTS,
        )
        events = find_events(store.history, context.observation(store), query).events
        has_ports = store.history.read_registry_id(source) == "ports"
    years = count_changes_by_year(releases)
    page = render_html(
        "timeline.html",
        viewer=request.viewer,
        source=source,
        releases=list(reversed(releases))[:_RELEASES],
        more_releases=max(0, len(releases) - _RELEASES),
        first=releases[0] if releases else None,
        chart=draw_bars(years, list(map(str, Kind)), title="Changes of entries by year and kind"),
        years=years,
        events=list(reversed(events)),
        older=format_place(events[0].stored) if len(events) == _EVENTS else "",
        query=request,
        kinds=list(map(str, Kind)),
        severities=list(map(str, Severity)),
        has_ports=has_ports,
    )
    return replace(page, headers=describe_original(request, source_original(source)))
