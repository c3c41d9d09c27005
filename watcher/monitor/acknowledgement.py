"""Acknowledge events with a note, for the command and the pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from watcher.core.errors import UsageError
from watcher.core.operations import Acknowledgement
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent
from watcher.store.store import Store

_SHORTEST = 8  # characters of an id
LONGEST_NOTE = 2_000  # characters


def find_event(store: Store, identifier: str) -> Sequence[StoredEvent]:
    """Return the event of an id, once for each time that it happened. Raises UsageError."""
    prefix = identifier.strip().lower()
    if len(prefix) < _SHORTEST:
        raise UsageError(f"{identifier!r} is too short for the id of an event: give at least {_SHORTEST} characters")
    events = store.history.events.find(EventQuery(fingerprint=prefix))
    if not events:
        raise UsageError(f"no event has the id {identifier!r}; `watcher history --ids` shows them")
    if len(fingerprints := {event.event.fingerprint for event in events}) > 1:
        raise UsageError(f"{identifier!r} is the beginning of {len(fingerprints)} ids; give more of it")
    return events


def acknowledge(store: Store, events: Iterable[StoredEvent], note: str, at: str) -> None:
    """Record a note about events at a UTC time, each in place of an earlier one. Raises UsageError for no note."""
    if not note.strip():
        raise UsageError("a note is missing: say what was decided or done")
    if len(note) > LONGEST_NOTE:
        raise UsageError(f"a note has at most {LONGEST_NOTE:,} characters")
    with store.transaction():
        store.acknowledgements.record(
            Acknowledgement(source=event.source, fingerprint=event.event.fingerprint, note=note.strip(), at=at)
            for event in events
        )


def remove_acknowledgement(store: Store, events: Iterable[StoredEvent]) -> None:
    """Delete the acknowledgements of events."""
    with store.transaction():
        store.acknowledgements.remove((event.source, event.event.fingerprint) for event in events)
