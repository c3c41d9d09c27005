"""What operators decided about events: acknowledged with a note, or ignored by a rule of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from watcher.core.background import find_background
from watcher.core.lazy import load
from watcher.core.model import Background, ChangeSet
from watcher.render.safe_text import visible
from watcher.store.history_rows import StoredEvent
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.alerts import subscriptions
    from watcher.alerts.subscriptions import EventView, Inventories, Subscription
    from watcher.core.event_filter import EventFilter, IgnoreRule
    from watcher.core.operations import Acknowledgement
else:
    subscriptions = load("subscriptions")  # only where there are rules


class Attention(Struct, frozen=True, kw_only=True):
    """What was decided about one event. `ignored` is the reason of the first rule that ignores it."""

    acknowledged: Acknowledgement | None = None
    ignored: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as the JSON contract has it; members are present only where there is something to say."""
        note = self.acknowledged
        return {
            **({"acknowledged": {"note": note.note, "at": note.at}} if note else {}),
            **({"ignored": self.ignored} if self.ignored is not None else {}),
        }

    def __str__(self) -> str:
        """Return it in words, ` (acknowledged 2026-11-29: NOTE)`; "" if nothing was decided."""
        note = self.acknowledged
        parts = [f"acknowledged {note.at[:10]}: {note.note}"] if note else []
        parts += [f"ignored: {self.ignored}"] if self.ignored is not None else []
        return f" ({visible('; '.join(parts))})" if parts else ""


SHORT_FINGERPRINT = 12  # characters of a fingerprint that people type
UNDECIDED = Attention()


class EventAttention(Struct, frozen=True, kw_only=True, dict=True):
    """Finds what was decided about events of a history. Lives as long as its store is open."""

    store: Store
    rules: tuple[IgnoreRule, ...] = ()
    inventories: Inventories | None = None

    def find(self, stored: StoredEvent) -> Attention:
        """Return what was decided about an event; one over two groups is acknowledged in either of them."""
        event = stored.event
        sources = (stored.source, event.other.source) if event.other else (stored.source,)
        acknowledged = (self._acknowledged.get((source, event.fingerprint)) for source in sources)
        return Attention(acknowledged=next(filter(None, acknowledged), None), ignored=self._find_reason(stored))

    @cached_property
    def _acknowledged(self) -> Mapping[tuple[str, str], Acknowledgement]:
        return self.store.acknowledgements.read_all()

    @cached_property
    def _compiled(self) -> list[tuple[IgnoreRule, Subscription]]:
        return subscriptions.compile_rules(self.rules, self.inventories)

    def _find_reason(self, stored: StoredEvent) -> str | None:
        if not self.rules:
            return None
        view = view_event(self.store, stored, [rule.filter for rule in self.rules])
        release = stored.release
        return subscriptions.find_ignoring(view, self._compiled, release.release.observed or release.dated)


def view_event(store: Store, stored: StoredEvent, filters: Iterable[EventFilter]) -> EventView:
    """Return a stored event with what some filters look at: its changes, and the people that its entries name."""
    wanted = [*filters]
    if not any(one.needs_changes for one in wanted):
        return subscriptions.EventView(source=stored.source, event=stored.event)
    changes = tuple(store.moves.read_changes(stored.release.row, stored.event.changes).values())
    background = Background()
    if stored.before and any(one.contacts for one in wanted):
        old, new = (store.history.read_content(stored.source, one).items for one in (stored.before, stored.release))
        background = find_background(ChangeSet(changes=changes), old, new)
    return subscriptions.EventView(source=stored.source, event=stored.event, changes=changes, background=background)
