"""One source: its changes over the years, its releases, and its events, which can be filtered."""

from __future__ import annotations

from msgspec.structs import replace

from watcher.core.model import Kind, Severity
from watcher.core.times import is_date
from watcher.render.charts import draw_bars
from watcher.reports.events import find_events
from watcher.reports.plot_numbers import count_changes_by_year
from watcher.store.event_query import EventQuery
from watcher.web.filters import one_of, read_globs, read_ports
from watcher.web.html import render_html
from watcher.web.memento import describe_original, source_original
from watcher.web.page import PageContext, PageRequest, PageResponse

_EVENTS, _RELEASES = 50, 30


def render(context: PageContext, request: PageRequest) -> PageResponse:
    (source,) = request.parts
    before = request.text("until")
    with context.open_store() as store:
        releases = store.history.list_releases(source)
        query = EventQuery(
            sources=(source,),
            events=read_globs(request, "event"),
            kinds=one_of(request, "kind", Kind),
            severity=next(map(Severity, one_of(request, "severity", Severity)), None),
            ports=read_ports(request, "port"),
            text=request.text("text") or None,
            since=request.text("since") if is_date(request.text("since")) else None,
            until=before if is_date(before) else None,
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
        is_full=len(events) == _EVENTS,
        query=request,
        kinds=list(map(str, Kind)),
        severities=list(map(str, Severity)),
        has_ports=has_ports,
    )
    return replace(page, headers=describe_original(request, source_original(source)))
