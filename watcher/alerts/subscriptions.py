"""Which events are for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from watcher.core.model import Event, Severity
from watcher.core.port_ranges import Ports, parse_ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """What a channel wants to hear of: all that is given must hold; no ports means any."""

    channel: str
    sources: Sequence[str] = ("*",)
    events: Sequence[str] = ("*",)
    severity: Severity = Severity.INFO
    ports: Sequence[str] = ()


def matching(subscription: Subscription, source: str, events: Iterable[Event]) -> tuple[Event, ...]:
    """Return the events that are wanted, by what they are or are besides (`also`).

    One that names no port is not wanted where ports are given.
    """
    if not matches_any(subscription.sources, source):
        return ()
    spans = [parse_ports(text) for text in subscription.ports]
    return tuple(
        event
        for event in events
        if event.severity.rank >= subscription.severity.rank
        and any(matches_any(subscription.events, each) for each in (event.id, *event.also))
        and (not spans or _touches(event, spans))
    )


def matches_any(patterns: Iterable[str], name: str) -> bool:
    """Whether one of some globs names this."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _touches(event: Event, spans: Sequence[Ports]) -> bool:
    return any(low <= last and first <= high for first, last in _spans(event.ports) for low, high in spans)


def _spans(ports: Iterable[str]) -> Iterable[Ports]:
    for port in ports:
        low, _, high = port.partition("-")
        if low.isdecimal() and (not high or high.isdecimal()):
            yield int(low), int(high or low)
