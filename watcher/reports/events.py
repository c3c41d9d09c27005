"""Events of the history, each with the window in which it happened."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.lazy import load
from watcher.core.suggestions import PROTOCOLS, require_known
from watcher.render import document
from watcher.reports.attention import UNDECIDED, Attention
from watcher.reports.observation import Gap, ObservationGaps
from watcher.store.event_query import EventQuery
from watcher.store.event_reader import EventHead
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import ReleaseSpan, StoredEvent

if TYPE_CHECKING:
    from watcher.inventory.model import Inventory
    from watcher.registries import catalog as registries
    from watcher.reports import inventories
else:
    registries = load("registries")  # only for the ids of a query that finds nothing
    inventories = load("report_inventories")


class ObservedEvent(Struct, frozen=True, kw_only=True):
    """An event with the window in which it was observed (`ObservationGaps.find_window`), and its `attention`."""

    stored: StoredEvent
    window: tuple[str | None, str | None]
    attention: Attention = UNDECIDED


class EventReport(Struct, frozen=True, kw_only=True):
    """The events of a query, oldest first; gaps in observation; `span`: the releases searched."""

    events: tuple[ObservedEvent, ...]
    gaps: tuple[Gap, ...]
    span: ReleaseSpan


class FoundEvents(Struct, frozen=True, kw_only=True, dict=True):
    """The events of a query one by one, oldest first, while the history is open. To be read once.

    `heads` are known before the first event is read: every `EventHead` of the events.
    """

    events: Iterator[ObservedEvent]
    heads: frozenset[EventHead]
    span: ReleaseSpan
    sources: Sequence[str]
    observation: ObservationGaps

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        return self.observation.find_gaps(self.sources)


def find_events(
    history: HistoryReader, observation: ObservationGaps, query: EventQuery, inventory: Inventory | None = None
) -> EventReport:
    """Return all events of `stream_events` together."""
    stream = stream_events(history, observation, query, inventory)
    return EventReport(events=tuple(stream.events), gaps=stream.gaps, span=stream.span)


def stream_events(
    history: HistoryReader, observation: ObservationGaps, query: EventQuery, inventory: Inventory | None = None
) -> FoundEvents:
    """Return the events that match a query, of an inventory alone if there is one; its sources may be globs.

    Raises UsageError for a source without a history, and for an event id or a protocol that no event can have.
    """
    sources = history.find_sources(query.sources) if query.sources else []
    query = replace(query, sources=tuple(sources))
    matching: Iterable[StoredEvent]
    if inventory is None:
        places = history.events.find_places(query)
        heads, matching = places.heads, history.events.read(places)
    else:
        matching = inventories.select_events(history, history.events.find(replace(query, limit=None)), inventory)
        matching = matching[-query.limit :] if query.limit else matching
        heads = frozenset(map(head_of, matching))
    _check_filters(query, {head.id for head in heads})
    return FoundEvents(
        events=_observe_events(matching, observation),
        heads=heads,
        span=history.find_release_span(query.sources),
        sources=sources or sorted({head.source for head in heads}),
        observation=observation,
    )


def head_of(stored: StoredEvent) -> EventHead:
    return EventHead(stored.source, stored.release.release.when, str(stored.event.severity), stored.event.id)


def _observe_events(events: Iterable[StoredEvent], observation: ObservationGaps) -> Iterator[ObservedEvent]:
    windows: dict[int, tuple[str | None, str | None]] = {}  # by the row of the release
    for stored in events:
        if (window := windows.get(stored.release.row)) is None:
            window = windows[stored.release.row] = observation.find_window(stored.before, stored.release)
        yield ObservedEvent(stored=stored, window=window, attention=observation.find_attention(stored))


def _check_filters(query: EventQuery, ids: Collection[str]) -> None:
    """Raise UsageError for a protocol or a glob of event ids that is unknown; `ids` are those of the events found."""
    for protocol in query.protocols:
        require_known("protocol", protocol, PROTOCOLS)
    for pattern in query.events:
        if not any(fnmatchcase(event, pattern) for event in ids):  # the catalog is slow to load
            require_known("event", pattern, registries.event_ids())


def observe_event(stored: StoredEvent, observation: ObservationGaps) -> ObservedEvent:
    """Return a stored event with the window in which it was observed, and what operators decided about it."""
    window = observation.find_window(stored.before, stored.release)
    return ObservedEvent(stored=stored, window=window, attention=observation.find_attention(stored))


def event_document(observed: ObservedEvent) -> dict[str, Any]:
    """Return an event as the JSON contract has it."""
    stored = observed.stored
    release = stored.release.release
    return {
        "source": stored.source,
        "release": release.id,
        "published": release.published,
        "observed": release.observed,
        # The event happened between these two releases; the registry does not say when exactly.
        "between": [stored.before.release.published if stored.before else None, release.published],
        "observed_between": list(observed.window),
        **document.event_document(stored.event),
        **observed.attention.as_dict(),
    }
