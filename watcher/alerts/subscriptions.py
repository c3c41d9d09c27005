"""Which events a channel subscribed to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from watcher.core.intervals import Interval
from watcher.core.model import Event, Severity
from watcher.core.port_ranges import find_ports, parse_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """The filters of one channel, combined with AND; without `ports` an event may name any port or none.

    `sources` and `events` are globs.
    """

    channel: str
    sources: Sequence[str] = ("*",)
    events: Sequence[str] = ("*",)
    severity: Severity = Severity.INFO
    ports: Sequence[str] = ()


def select_events(subscription: Subscription, source: str, events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events of a source that a subscription selects, by their id or one of their further ids (`also`)."""
    if not matches_any(subscription.sources, source):
        return ()
    wanted_ports = [parse_ports(text) for text in subscription.ports]
    return tuple(
        event
        for event in events
        if event.severity.rank >= subscription.severity.rank
        and any(matches_any(subscription.events, identifier) for identifier in (event.id, *event.also))
        and (not wanted_ports or _overlaps(event, wanted_ports))
    )


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Return whether one of some globs matches a name."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _overlaps(event: Event, wanted: Sequence[Interval]) -> bool:
    ranges = [ports for text in event.ports if (ports := find_ports(text))]
    return any(low <= last and first <= high for first, last in ranges for low, high in wanted)
