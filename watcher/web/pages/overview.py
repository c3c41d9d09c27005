"""The first page: the sources and their health, what changed this week, the deadlines ahead.

Many sources are shown a page at a time, in the order of the configuration; those that fail are then named on each page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from watcher.config.overview import SourceOverview
from watcher.core.errors import UsageError
from watcher.core.model import format_when
from watcher.reports.deadlines import find_deadlines
from watcher.reports.events import find_events
from watcher.reports.status import report_status
from watcher.store.event_query import EventQuery
from watcher.store.store import Store
from watcher.web.html import render_html
from watcher.web.page import PageContext, PageRequest, PageResponse

_MOST_EVENTS, _NEWEST_EVENTS, _MOST_DEADLINES, _MOST_FAILING = 30, 10, 12, 20
_SOURCES = 100  # on one page
_WEEK, _AHEAD = timedelta(days=7), 90
_LONGEST_NAME = 64


class SourcePage(Struct, frozen=True, kw_only=True):
    """One page of the sources whose names contain `text`: `first` of `total` is its first, counted from 1.

    `before` and `after` are what the pages before and after it follow; None without such a page, "" for the first.
    """

    sources: tuple[SourceOverview, ...]
    text: str
    first: int
    total: int
    before: str | None
    after: str | None

    @property
    def is_part(self) -> bool:
        """Whether there are sources that this page does not show."""
        return bool(self.text) or self.total > len(self.sources)


def _select_page(sources: Sequence[SourceOverview], after: str, text: str) -> SourcePage:
    """Return the page that follows the source `after`, "" for the first. Raises UsageError if it is not there."""
    selected = [source for source in sources if text.casefold() in source.name] if text else sources
    names = [source.name for source in selected]
    if after and after not in names:
        raise UsageError(f"no source named {after!r} is configured")
    start = names.index(after) + 1 if after else 0
    end = start + _SOURCES
    before = None if start == 0 else "" if start <= _SOURCES else names[start - _SOURCES - 1]
    return SourcePage(
        sources=tuple(selected[start:end]),
        text=text,
        first=start + 1,
        total=len(selected),
        before=before,
        after=names[end - 1] if end < len(names) else None,
    )


def _list_failing(store: Store, sources: Sequence[SourceOverview]) -> list[str]:
    """Return the sources about which an alarm is open, by name."""
    alarms = {alarm.source for alarm in store.alarms.list_alarms()}
    return sorted(alarms & {source.name for source in sources}) if alarms else []


def render(context: PageContext, request: PageRequest) -> PageResponse:
    now, overview = context.clock.now(), context.settings().overview
    page = _select_page(overview.sources, request.text("after"), request.text("source")[:_LONGEST_NAME])
    since = (now - _WEEK).date().isoformat()
    with context.open_store() as store:
        status = report_status(replace(overview, sources=page.sources), store, now, settings=context.settings())
        histories = store.history.list_sources() if status.collections else []
        observation = context.observation(store)
        recent = find_events(store.history, observation, EventQuery(since=since, limit=_MOST_EVENTS)).events
        shown = recent or find_events(store.history, observation, EventQuery(limit=_NEWEST_EVENTS)).events
        allocations = find_deadlines(store, [], now.date(), _AHEAD)
        failing = _list_failing(store, overview.sources) if page.is_part else []
    named = {source.name for source in page.sources}
    groups = [source.source for source in status.sources if source.source not in named]  # that fail
    # Groups can be imported before the index is read.
    numbers = {
        summary.source: max(summary.groups, sum(name.startswith(f"{summary.source}.") for name in histories))
        for summary in status.collections
    }
    left_out = {*groups[_MOST_FAILING:]}
    return render_html(
        "overview.html",
        viewer=request.viewer,
        shown=[source for source in status.sources if source.source not in left_out],
        numbers=numbers,
        collections={summary.source: summary for summary in status.collections},
        page=page,
        failing=failing[:_MOST_FAILING],
        more_failing=max(len(failing) - _MOST_FAILING, 0),
        since=since,
        events=list(reversed(shown)),
        is_quiet=not recent,
        deadlines=[deadline for deadline in allocations if (deadline.days_left or 0) >= 0][:_MOST_DEADLINES],
        format_when=format_when,
    )
