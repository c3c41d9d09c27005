"""The details of stored events, as messages have them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from watcher.core.event_details import EventDetails
from watcher.core.model import Comparison
from watcher.registries.event_details import describe_events
from watcher.reports.events import ObservedEvent
from watcher.store.history_reader import HistoryReader


def read_details(
    history: HistoryReader, events: Iterable[ObservedEvent], *, address: str = ""
) -> Iterator[tuple[ObservedEvent, EventDetails]]:
    """Yield events with their details. `address` is that of the web interface. An event of no change has none."""
    comparisons: dict[tuple[str, int], Comparison] = {}
    for observed in events:
        stored = observed.stored
        if stored.before is None:
            continue
        place = stored.source, stored.release.row
        if place not in comparisons:
            # Events are in the order of releases: the comparison of one is enough.
            comparisons = {place: history.events.read_comparison(stored.source, stored.release, stored.before)}
        (details,) = describe_events(replace(comparisons[place], events=(stored.event,)), address=address)
        yield observed, details
