"""The filters of channels, subscriptions and ignore rules, which select events (alerts/subscriptions.py)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self

from msgspec import Struct

from watcher.core.documents import parse_document
from watcher.core.intervals import Interval
from watcher.core.model import Kind, Severity
from watcher.core.port_ranges import parse_ports


class EventFilter(Struct, frozen=True, kw_only=True):
    """Filters for events, combined with AND; the values of one filter are combined with OR.

    A filter without values selects every event, except `sources` and `events`: without a glob these select none.
    `entries` are globs of service names, entry names and values. `contacts` are globs of assignees and contacts, or a
    part of their text. Each value of `text` is words that must all occur. `references` are names as `core/documents.py`
    writes them, `inventory` is the name of one.
    """

    sources: tuple[str, ...] = ("*",)
    events: tuple[str, ...] = ("*",)
    kinds: tuple[Kind, ...] = ()
    severity: Severity = Severity.INFO
    ports: tuple[Interval, ...] = ()
    protocols: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    inventory: str = ""

    @property
    def needs_changes(self) -> bool:
        """True if the filter reads the changed entries and not only the event."""
        return bool(self.entries or self.contacts or self.references or self.text or self.inventory)

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> Self:
        """Return the filters that a table of the configuration has. Raises ValueError, TypeError."""
        return cls(**{name: _PARSERS[name](table[name]) for name in cls.__struct_fields__ if name in table})


def _parse_each(parse: Callable[[str], Any]) -> Callable[[Iterable[str]], tuple[Any, ...]]:
    return lambda values: tuple(parse(value) for value in values)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "sources": _parse_each(str),
    "events": _parse_each(str),
    "kinds": _parse_each(Kind),
    "severity": Severity,
    "ports": _parse_each(parse_ports),
    "protocols": _parse_each(str.lower),
    "entries": _parse_each(str),
    "contacts": _parse_each(str),
    "references": _parse_each(parse_document),
    "text": _parse_each(str),
    "inventory": str,
}
FILTERS = tuple(_PARSERS)


class IgnoreRule(Struct, frozen=True, kw_only=True):
    """A filter of the operator for events that need no attention, and why.

    `until` is the UTC time up to which events are ignored; "" for ever. An event counts for the time of its release.
    """

    filter: EventFilter
    reason: str
    until: str = ""
