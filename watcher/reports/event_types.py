"""The event ids that there are: their severity, what they mean, and how many events the history has."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from watcher.config.overview import ConfigOverview
from watcher.core.suggestions import require_known
from watcher.registries.catalog import REGISTRIES, event_ids
from watcher.registries.event_meanings import MEANINGS
from watcher.store.store import Store


class ListedEvent(Struct, frozen=True, kw_only=True):
    """One event id; the fields are those of the JSON contract.

    `severity` is that of the configuration, else the usual one: rules can raise or lower it for single events.
    `registries` are the rules that know the id. `events` counts the events of the history that have it, `also` those
    that name it as a further meaning.
    """

    id: str
    severity: str
    registries: tuple[str, ...]
    meaning: str
    events: int
    also: int


def list_event_types(
    overview: ConfigOverview, store: Store | None, patterns: Sequence[str] = ()
) -> tuple[ListedEvent, ...]:
    """Return the event ids by name. `patterns` are ids or globs; raises UsageError for one that there is not.

    Before the first check there is no `store`.
    """
    for pattern in patterns:
        require_known("event", pattern, event_ids())
    numbers, also = store.history.events.count_ids() if store else ({}, {})
    return tuple(
        ListedEvent(
            id=event,
            severity=str(overview.severities.get(event) or _usual_severity(event)),
            registries=tuple(name for name, registry in REGISTRIES.items() if event in registry.events),
            meaning=MEANINGS[event],
            events=numbers.get(event, 0),
            also=also.get(event, 0),
        )
        for event in sorted(event_ids())
        if not patterns or any(fnmatchcase(event, pattern) for pattern in patterns)
    )


def _usual_severity(event: str) -> str:
    return next(str(registry.events[event].severity) for registry in REGISTRIES.values() if event in registry.events)
