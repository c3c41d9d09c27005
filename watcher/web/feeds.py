"""Feeds of events, filtered as in the API or of one entry, and of deadlines; the deadlines as a calendar too."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import format_datetime
from functools import partial

from watcher.core.event_words import say_event
from watcher.core.times import UNDATED, from_text
from watcher.render.feeds import ATOM, JSON_FEED, Feed, FeedEntry, render_atom, render_json_feed
from watcher.render.ics import render_calendar
from watcher.reports.deadlines import CALENDAR, Deadline, calendar_day, find_deadlines
from watcher.reports.entry import find_entry, read_subject
from watcher.reports.events import find_events
from watcher.store.history_rows import StoredEvent
from watcher.store.store import Store
from watcher.web.html import link
from watcher.web.page import Page, PageContext, PageRequest, PageResponse
from watcher.web.parameters import EVENT_FILTERS, BadRequestError, Parameter, event_query, read_values

_MOST = 50
_MOST_DEADLINES = 200
_CALENDAR = "text/calendar; charset=utf-8"
_ENTRY = Parameter("entry", "an entry of the source, with its former names: 443/tcp, a name, a value")

Render = Callable[[Feed], bytes]


def render_events(context: PageContext, request: PageRequest, *, render: Render, content_type: str) -> PageResponse:
    """Return the newest events that the filters of a query select. Raises UsageError for a filter that is wrong."""
    values = read_values((*EVENT_FILTERS, _ENTRY), request)
    with context.open_store() as store:
        if "entry" in values:
            events = _events_of_entry(context, store, values.get("source", ""), values["entry"])
        else:
            report = find_events(store.history, context.observation(store), event_query(values, limit=_MOST))
            events = [observed.stored for observed in report.events]
    names = " ".join(values.values()) or "all registries"
    feed = Feed(
        title=f"registry-watcher: {names}",
        page=request.base + link(*([values["source"]] if "source" in values else [""])),
        address=request.base + request.path,
        entries=[event_entry(event, request.base) for event in reversed(events)],
    )
    return _respond(render(feed), content_type, feed.updated)


def _events_of_entry(context: PageContext, store: Store, source: str, what: str) -> Sequence[StoredEvent]:
    if not source:
        raise BadRequestError("source: missing; an entry is one of a source")
    subject = read_subject(store.history, source, what)
    entry = find_entry(store.history, context.observation(store), source, subject)
    return [observed.stored for observed in entry.events][-_MOST:]


def event_entry(event: StoredEvent, base: str) -> FeedEntry:
    """Return an event as the entry of a feed; `base` is the URL of the first page without the last slash."""
    words = say_event(event.event)
    return FeedEntry(
        identity=f"{event.source} {event.release.release.id} {event.event.fingerprint}",
        title=f"{event.source}: {words}",
        # When it was first seen; an imported one has the day of its release.
        updated=event.release.release.observed or f"{event.release.dated or UNDATED}T00:00:00Z",
        url=base + link(event.source, "release", event.release.release.id),
        category=event.event.id,
        text=f"{event.event.severity} {event.event.id}, release of {event.release.day}: {words}",
    )


def render_deadlines(context: PageContext, request: PageRequest, *, render: Render, content_type: str) -> PageResponse:
    """Return the early allocations that have a last day: those to come, the next one first, then the expired ones."""
    deadlines = _read_deadlines(context)
    coming = [deadline for deadline in deadlines if deadline.state != "expired"]
    expired = [deadline for deadline in deadlines if deadline.state == "expired"]
    listed = [*coming, *reversed(expired)][:_MOST_DEADLINES]
    feed = Feed(
        title="registry-watcher: early allocations",
        page=f"{request.base}/-/deadlines",
        address=request.base + request.path,
        entries=[_deadline_entry(deadline, request.base) for deadline in listed],
    )
    return _respond(render(feed), content_type, feed.updated)


def render_ics(context: PageContext, request: PageRequest) -> PageResponse:  # noqa: ARG001 - the shape of every page
    """Return the deadlines as a calendar. Its stamp is the beginning of the day, so that it changes once a day."""
    stamp = f"{context.clock.now().date().isoformat()}T00:00:00Z"
    text = render_calendar(map(calendar_day, _read_deadlines(context)), name=CALENDAR, stamp=stamp)
    return _respond(text.encode(), _CALENDAR, stamp)


def _read_deadlines(context: PageContext) -> list[Deadline]:
    with context.open_store() as store:
        deadlines = find_deadlines(store, [], context.clock.now().date())
    return [deadline for deadline in deadlines if deadline.allocation.until]


def _deadline_entry(deadline: Deadline, base: str) -> FeedEntry:
    allocation, day = deadline.allocation, calendar_day(deadline)
    return FeedEntry(
        identity="\n".join((*day.identity, allocation.until)),  # an extension is news
        title=f"{day.summary} {allocation.until}",
        updated=f"{allocation.extended or allocation.since or UNDATED}T00:00:00Z",
        url=base + link(allocation.source, "entry", allocation.value, registry=allocation.registry),
        category=day.category,
        text=day.description,
    )


def _respond(body: bytes, content_type: str, updated: str) -> PageResponse:
    # The ETag decides what is sent again: an import can add entries that are older than the newest one.
    modified = format_datetime(from_text(updated), usegmt=True)
    return PageResponse(body=body, content_type=content_type, headers={"Last-Modified": modified})


EVENTS_ATOM: Page = partial(render_events, render=render_atom, content_type=ATOM)
EVENTS_JSON: Page = partial(render_events, render=render_json_feed, content_type=JSON_FEED)
DEADLINES_ATOM: Page = partial(render_deadlines, render=render_atom, content_type=ATOM)
DEADLINES_JSON: Page = partial(render_deadlines, render=render_json_feed, content_type=JSON_FEED)
