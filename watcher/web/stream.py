"""The live stream of events as server-sent events, which a client that was away resumes.

An event's id says where the client is: the row and the digest of the release that was written last, how often histories
were derived again, the event of that release which was sent last, and when a check saw it. Events of later rows are new
if a check saw their release: those of an import are not, nor are those of a release that is judged again. After a
history was derived again or restored from a backup, its rows have other numbers. The client then gets the events of
all releases that checks saw since that time, some of them a second time.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.patterns import regex
from watcher.core.times import from_text, to_text
from watcher.reports.events import ObservedEvent, event_document, find_events
from watcher.store.event_query import EventQuery
from watcher.store.location import HistoryLocation
from watcher.store.store import Store
from watcher.web.html import render_json_error
from watcher.web.page import PageContext, PageRequest, PageResponse
from watcher.web.parameters import STREAM_PARAMETERS, BadRequestError, event_query, read_values

_ROUND = 0.5  # seconds after which the file's state is read again
_HEARTBEAT = 5.0  # seconds; shorter than the server's deadline for a connection without progress
_LONGEST = 3_600.0  # seconds; the client then connects again
_SLACK = timedelta(days=1)  # by which a release that was written later can have been seen earlier
_DIGITS = 12  # of a digest or fingerprint
_ID = regex(r"(\d{1,18})-([0-9a-f]*)-(\d{1,18})-([0-9a-f]*)-(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z)", re.ASCII)
_RETRY = 3_000  # milliseconds until a browser connects again


class Place(NamedTuple):
    """Where a client is in the stream: after an event of the release in a row, or after all of them without one."""

    row: int
    digest: str
    derivations: int
    fingerprint: str
    seen: str

    def __str__(self) -> str:
        return "-".join(map(str, self))


class EventStream(Struct, frozen=True, kw_only=True):
    """The events for one client. Each method opens the history for itself: it runs in any thread."""

    context: PageContext
    query: EventQuery

    def find_start(self, last: str) -> Place:
        """Return where a client begins: after the event whose id it had last, else now. Raises BadRequestError."""
        if last:
            match = _ID.fullmatch(last)
            if match is None:
                raise BadRequestError(f"Last-Event-ID: {last!r} is not the id of an event of this stream")
            try:
                from_text(match[5])
            except ValueError as error:
                raise BadRequestError(f"Last-Event-ID: {error}") from None
            return Place(int(match[1]), match[2], int(match[3]), match[4], match[5])
        with self.context.open_store() as store:
            return self._newest(store)

    def check_filters(self) -> None:
        """Raise UsageError for an unknown source, event or protocol. Called before the response has a status."""
        with self.context.open_store() as store:
            find_events(store.history, self.context.observation(store), replace(self.query, limit=1))

    def read_new(self, after: Place) -> tuple[Sequence[tuple[Place, ObservedEvent]], Place]:
        """Return the events after a place in the order in which they were written, and the place after them."""
        with self.context.open_store() as store:
            newest = self._newest(store)
            if newest[:3] == after[:3] and not after.fingerprint:
                return (), after
            release = store.history.find_by_row(after.row)
            is_same = (release.digest[:_DIGITS] if release else "", newest.derivations) == (
                after.digest,
                after.derivations,
            )
            if is_same:
                query = replace(self.query, live_after=after.row - bool(after.fingerprint))
            else:
                query = replace(self.query, seen_since=to_text(from_text(after.seen) - _SLACK))
            report = find_events(store.history, self.context.observation(store), query)
        events = sorted(report.events, key=lambda observed: (observed.stored.release.row, observed.stored.row))
        places = [_place_of(observed, newest) for observed in events]
        sent = next((number for number, place in enumerate(places, 1) if is_same and place[:4] == after[:4]), 0)
        end = max([newest, *(place._replace(fingerprint="") for place in places)], key=lambda place: place.row)
        return list(zip(places[sent:], events[sent:], strict=True)), end

    def _newest(self, store: Store) -> Place:
        """Return the place after everything."""
        release = store.history.find_last_written()
        row, digest = (release.row, release.digest[:_DIGITS]) if release else (0, "")
        return Place(row, digest, store.history.count_derivations(), "", to_text(self.context.clock.now()))


def _place_of(observed: ObservedEvent, newest: Place) -> Place:
    """Return the place after an event."""
    release, fingerprint = observed.stored.release, observed.stored.event.fingerprint
    seen = release.release.observed or newest.seen
    return Place(release.row, release.digest[:_DIGITS], newest.derivations, fingerprint[:_DIGITS], seen)


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return a stream that begins after the event named by `Last-Event-ID`, as a header or a parameter; else now."""
    values = read_values(STREAM_PARAMETERS, request)
    last = request.headers.get("last-event-id") or values.get("last_event_id", "")
    stream = EventStream(context=context, query=event_query(values))
    start = stream.find_start(last.strip())
    stream.check_filters()
    if not context.streams.enter():
        return render_json_error(503, "there are too many streams; try again later")
    return PageResponse(stream=_send(stream, start), content_type="text/event-stream")


async def _send(stream: EventStream, place: Place) -> AsyncIterator[bytes]:
    """Yield the parts of a stream until the server stops, the client is gone or the longest time is over."""
    streams, clock = stream.context.streams, asyncio.get_running_loop()
    started, state = clock.time(), None
    try:
        yield f"retry: {_RETRY}\nid: {place}\n\n".encode()
        last_sent = clock.time()
        while not streams.closing.is_set() and clock.time() - started < _LONGEST:
            is_time = clock.time() - last_sent >= _HEARTBEAT
            current = await asyncio.to_thread(_stat, stream.context.settings().store.location)
            if current != state or is_time:  # a change that the file does not show is found with the next heartbeat
                state = current
                events, place = await asyncio.to_thread(stream.read_new, place)
                for place_after, observed in events:
                    yield f"id: {place_after}\ndata: {json.dumps(event_document(observed))}\n\n".encode()
                if events or is_time:
                    last_sent = clock.time()
                    yield b": heartbeat\n\n"
            await asyncio.sleep(_ROUND)
    finally:
        streams.leave()


def _stat(location: HistoryLocation) -> tuple[int, ...]:
    """Return numbers that change when any process commits to a file, or puts another one in its place.

    Of a history in PostgreSQL there are none: it is read with each heartbeat.
    """
    numbers: list[int] = []
    names = (location, location.with_name(f"{location.name}-wal")) if isinstance(location, Path) else ()
    for name in names:
        try:
            status = name.stat()
        except FileNotFoundError:
            continue
        numbers += (status.st_ino, status.st_mtime_ns, status.st_size)
    return tuple(numbers)
