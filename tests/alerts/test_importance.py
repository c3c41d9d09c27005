"""The most important event comes first: by severity, then by what it is about."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.message_cases import port_assigned
from watcher.alerts.importance import importance, sort_events
from watcher.core.model import Event, Kind, Severity
from watcher.registries.catalog import REGISTRIES

ONE = port_assigned().events[0]


def event(identifier: str, severity: Severity = Severity.INFO, kind: Kind = Kind.MODIFIED) -> Event:
    return replace(ONE, id=identifier, severity=severity, kind=kind)


def test_severity_counts_before_what_an_event_is_about() -> None:
    events = [event("service-moved"), event("editorial", Severity.WARNING), event("dates-changed", Severity.NOTICE)]
    assert [event.id for event in sort_events(events)] == ["editorial", "dates-changed", "service-moved"]


def test_of_one_severity_what_somebody_relies_on_comes_first() -> None:
    events = [
        event("schema-changed"),
        event("contact-changed"),
        event("description-changed"),
        event("entry-added", kind=Kind.ADDED),
        event("entry-removed", kind=Kind.REMOVED),
    ]
    assert [event.id for event in sort_events(events)] == [event.id for event in reversed(events)]


def test_events_that_matter_the_same_stay_in_their_order() -> None:
    events = [replace(event("notes-changed"), summary=str(number)) for number in range(5)]
    assert [*sort_events(events)] == events


def test_every_event_of_every_registry_has_a_place() -> None:
    known = {identifier for registry in REGISTRIES.values() for identifier in registry.events}
    for identifier in known:
        for kind in Kind:
            assert 0 <= importance(event(identifier, kind=kind)) <= 29
