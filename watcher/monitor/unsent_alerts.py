"""Alerts of a group that are not sent yet when another group shows that an entry moved there and was not removed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from watcher.alerts.routing import AlertRouter
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.store import Store


def postpone(deliveries: Iterable[Delivery], until: datetime) -> list[Delivery]:
    """Return deliveries that wait until a time; those that are gathered or silenced stay as they are."""
    return [
        replace(delivery, after=to_text(until)) if delivery.state == "pending" else delivery for delivery in deliveries
    ]


def render_again(store: Store, alerts: AlertRouter, releases: Iterable[int]) -> None:
    """Render the unsent alerts of releases again, in the caller's transaction; one without an event is withdrawn.

    Events whose other side a later check found are left out: the alert of that check has them.
    """
    for row in sorted(releases):
        release = store.history.find_by_row(row)
        before = store.history.find_predecessor(release) if release else None
        if release is None or before is None:
            continue
        source = release.release.source
        unsent = store.outbox.list_unsent(source, release.release.id)
        if unsent:
            comparison = store.history.events.read_comparison(source, release, before)
            later = store.moves.list_completed_later(row)
            events = tuple(event for event in comparison.events if event.fingerprint not in later)
            rendered = {delivery.id: delivery for delivery in alerts.for_release(replace(comparison, events=events))}
            store.outbox.replace_unsent({identifier: rendered.get(identifier) for identifier in unsent})
