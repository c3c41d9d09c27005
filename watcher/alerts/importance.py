"""Which of several events is the most important: by severity, then by what it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watcher.core.model import Event, Kind

_BY_KIND = {Kind.REMOVED: 0, Kind.DEPRECATED: 0, Kind.ADDED: 1, Kind.MODIFIED: 2}
# 0: what somebody relies on is elsewhere or ended; 1: something new; 2: an entry says something else; 3: who and what
# it names; 4: bookkeeping and the registry's own text. Any other event is placed by its kind.
_BY_ID: Mapping[str, int] = {
    **dict.fromkeys(("service-moved", "service-renamed", "port-reassigned", "protocol-changed"), 0),
    **dict.fromkeys(("entry-moved", "registry-moved", "registry-renamed", "recommendation-withdrawn"), 0),
    **dict.fromkeys(("temporary-expired", "temporary-expiring", "temporary-made-permanent", "entry-graduated"), 1),
    **dict.fromkeys(("assignee-changed", "contact-changed", "contact-updated"), 3),
    **dict.fromkeys(("reference-published", "reference-approved", "reference-changed", "erratum-added"), 3),
    **dict.fromkeys(("dates-changed", "editorial", "schema-changed", "registry-note-changed", "expert-changed"), 4),
    **dict.fromkeys(("port-reserved", "entry-reserved", "registration-procedure-changed"), 4),
}
_LAST = 9


def importance(event: Event) -> int:
    """Return the rank of an event: a higher rank matters more."""
    return 10 * event.severity.rank + _LAST - _BY_ID.get(event.id, _BY_KIND[event.kind])


def sort_events(events: Iterable[Event]) -> tuple[Event, ...]:
    """Return events with the most important first; those that matter the same stay in their order."""
    return tuple(sorted(events, key=lambda event: -importance(event)))
