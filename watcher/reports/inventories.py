"""The events of the history that are about an inventory."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.inventory.model import Inventory
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredEvent


def select_events(history: HistoryReader, events: Sequence[StoredEvent], inventory: Inventory) -> list[StoredEvent]:
    """Return the events that are about an entry of the list, by its port, code or name, former names included."""
    names = history.events.read_names(event.row for event in events)
    return [
        stored for stored in events if inventory.matches_event(stored.event, stored.source, names.get(stored.row, ()))
    ]
