"""Which events are for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from watcher.core.model import Event, Severity

Ports = tuple[int, int]
_HIGHEST = 65535


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
    if not selected(subscription.sources, source):
        return ()
    spans = [parse_ports(text) for text in subscription.ports]
    return tuple(
        event
        for event in events
        if event.severity.rank >= subscription.severity.rank
        and any(selected(subscription.events, each) for each in (event.id, *event.also))
        and (not spans or _touches(event, spans))
    )


def selected(patterns: Iterable[str], name: str) -> bool:
    """Whether one of some globs names this."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def parse_ports(text: str) -> Ports:
    """Read "443" or "8000-8100". Raises ValueError for anything else."""
    low, dash, high = text.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        raise ValueError(f"{text!r} is not a port or a range of ports (443, 8000-8100)")
    found = int(low), int(high) if dash else int(low)
    if found[0] > found[1] or found[1] > _HIGHEST:
        raise ValueError(f"{text!r} is not a range of ports between 0 and {_HIGHEST}")
    return found


def _touches(event: Event, spans: Sequence[Ports]) -> bool:
    return any(low <= last and first <= high for first, last in _spans(event.ports) for low, high in spans)


def _spans(ports: Iterable[str]) -> Iterable[Ports]:
    for port in ports:
        low, _, high = port.partition("-")
        if low.isdecimal() and (not high or high.isdecimal()):
            yield int(low), int(high or low)
