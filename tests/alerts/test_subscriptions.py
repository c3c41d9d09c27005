"""Which events a channel subscribed to."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.group_releases import content, explained, record, registry
from watcher.alerts.subscriptions import EventView, Subscription, compile_rules, find_ignoring, matches
from watcher.config.channel_settings import EmailSettings
from watcher.core.event_filter import EventFilter, IgnoreRule
from watcher.core.model import Event, Kind, Severity, Side
from watcher.inventory.model import Inventory, ListEntry


def event(id: str = "port-assigned", severity: Severity = Severity.NOTICE, *ports: str) -> Event:  # noqa: A002
    return Event(id=id, kind=Kind.ADDED, severity=severity, summary=id, fingerprint="f" * 64, changes=(0,), ports=ports)


def wanted(events: list[Event], /, source: str = "ports", **narrowed: object) -> list[str]:
    channel = EmailSettings(name="noc", type="email", to=("noc@example.org",), **narrowed)  # type: ignore[arg-type]
    subscription = Subscription(name="noc", filter=channel.filter)
    return [event.id for event in events if matches(EventView(source=source, event=event), subscription)]


EVENTS = [
    event("port-assigned", Severity.NOTICE, "443"),
    event("port-released", Severity.WARNING, "8000-8100"),
    event("service-moved", Severity.WARNING, "22", "2222"),
    event("contact-updated", Severity.INFO),
]


def test_a_subscription_without_filters_selects_everything_in_order() -> None:
    assert wanted(EVENTS) == ["port-assigned", "port-released", "service-moved", "contact-updated"]


@pytest.mark.parametrize(
    ("sources", "selected"),
    [
        (["ports"], True),
        (["*"], True),
        (["port?"], True),
        (["protocols", "por*"], True),
        (["protocols"], False),
        (["port"], False),
        (["PORTS"], False),
        ([], False),
    ],
)
def test_a_source_is_selected_if_a_glob_matches_its_whole_name(sources: list[str], selected: bool) -> None:
    assert bool(wanted(EVENTS, sources=sources)) is selected


@pytest.mark.parametrize(
    ("globs", "ids"),
    [
        (["port-*"], ["port-assigned", "port-released"]),
        (["*-updated", "service-moved"], ["service-moved", "contact-updated"]),
        (["port-[r]*"], ["port-released"]),
        (["port-*", "port-assigned"], ["port-assigned", "port-released"]),
        (["port"], []),
        (["Port-*"], []),
        ([], []),
    ],
)
def test_an_event_is_selected_once_if_a_glob_matches_its_whole_id(globs: list[str], ids: list[str]) -> None:
    assert wanted(EVENTS, events=globs) == ids


@pytest.mark.parametrize(
    ("least", "ids"),
    [
        (Severity.INFO, ["port-assigned", "port-released", "service-moved", "contact-updated"]),
        (Severity.NOTICE, ["port-assigned", "port-released", "service-moved"]),
        (Severity.WARNING, ["port-released", "service-moved"]),
    ],
)
def test_severity_is_the_lowest_that_is_selected(least: Severity, ids: list[str]) -> None:
    assert wanted(EVENTS, severity=least) == ids


@pytest.mark.parametrize(
    ("ports", "ids"),
    [
        (["443"], ["port-assigned"]),
        (["442"], []),
        (["440-443"], ["port-assigned"]),
        (["443-450"], ["port-assigned"]),
        (["444-450"], []),
        (["8050"], ["port-released"]),
        (["8100-9000"], ["port-released"]),
        (["7000-8000"], ["port-released"]),
        (["8101-9000"], []),
        (["7000-9000"], ["port-released"]),
        (["8010-8020"], ["port-released"]),
        (["2222"], ["service-moved"]),
        (["22", "443"], ["port-assigned", "service-moved"]),
        (["0-65535"], ["port-assigned", "port-released", "service-moved"]),
    ],
)
def test_events_are_selected_if_their_ports_overlap_and_not_without_a_port(ports: list[str], ids: list[str]) -> None:
    assert wanted(EVENTS, ports=ports) == ids


def test_filters_are_combined_with_and() -> None:
    narrow = {"sources": ["ports"], "events": ["port-*"], "severity": Severity.WARNING, "ports": ["8000-8100"]}
    assert wanted(EVENTS, **narrow) == ["port-released"]
    for name, other in (("sources", ["x"]), ("events", ["x"]), ("ports", ["1"])):
        assert wanted(EVENTS, **{**narrow, name: other}) == []
    assert wanted([event("port-released", Severity.NOTICE, "8000")], **narrow) == []


def test_a_port_that_is_not_a_number_overlaps_nothing() -> None:
    assert wanted([event("port-assigned", Severity.NOTICE, "", "x", "1-x", "-5")], ports=["0-65535"]) == []


spans = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(sorted)


@given(spans, spans)
def test_two_ranges_overlap_exactly_if_they_share_a_port(one: list[int], two: list[int]) -> None:
    subscribed, assigned = f"{one[0]}-{one[1]}", f"{two[0]}-{two[1]}"
    shared = range(max(one[0], two[0]), min(one[1], two[1]) + 1)
    assert bool(wanted([event("port-assigned", Severity.NOTICE, assigned)], ports=[subscribed])) is bool(shared)


@pytest.mark.parametrize(("sources", "selected"), [(["iana.new"], True), (["iana.old"], True), (["iana.else"], False)])
def test_an_event_over_two_groups_is_for_the_subscribers_of_either(sources: list[str], *, selected: bool) -> None:
    other = Side(source="iana.old", release="0" * 12, published=None, registries=("",), changes=(0,))
    moved = replace(event("entry-moved"), other=other)
    assert wanted([moved], source="iana.new", sources=tuple(sources)) == (["entry-moved"] if selected else [])


OWNED = registry("codes", record(value="1", name="one", change__controller="Ann Example", security__contact="Bob"))
FREED = registry("codes", record(value="1", name="one", change__controller="Cy Example", security__contact="Bob"))


@pytest.mark.parametrize(
    ("contacts", "selected"),
    [
        (["ann example"], True),  # the controller before
        (["Cy*"], True),
        (["bob"], True),
        (["one"], False),  # a name is no contact
        (["Dan"], False),
    ],
)
def test_a_contact_is_found_in_a_column_of_several_words(contacts: list[str], *, selected: bool) -> None:
    assert select_changes(OWNED, FREED, contacts=contacts) is selected


class OneInventory:
    """The inventories of a configuration with one list."""

    def __init__(self, *names: str) -> None:
        entries = tuple(ListEntry(name=name) for name in names)
        self._inventory = Inventory(name="mine", list_format="list", sources=("toy",), entries=entries)

    def get(self, name: str) -> Inventory:
        assert name == "mine"
        return self._inventory


@pytest.mark.parametrize(("listed", "selected"), [("first", True), ("second", True), ("third", False)])
def test_an_inventory_with_a_former_name_selects_the_event(listed: str, *, selected: bool) -> None:
    old = registry("codes", record("rfc1", value="1", name="first"))
    new = registry("codes", record("rfc1", value="1", name="second"))
    assert select_changes(old, new, inventories=OneInventory(listed), inventory="mine") is selected


def select_changes(old: str, new: str, *, inventories: OneInventory | None = None, **narrowed: object) -> bool:
    """Return whether a subscription selects an event of the changes between two registries."""
    changes, events = explained(content(old), content(new))
    subscription = Subscription(name="x", filter=EventFilter(**narrowed), inventories=inventories)  # type: ignore[arg-type]
    views = [
        EventView(source="toy", event=event, changes=[changes.changes[place] for place in event.changes])
        for event in events
    ]
    assert views
    return any(matches(view, subscription) for view in views)


def find_reason(event: Event, **narrowed: object) -> str | None:
    rule = IgnoreRule(filter=EventFilter.from_table(narrowed), reason="not ours")
    return find_ignoring(EventView(source="toy", event=event), compile_rules([rule], None), "2020-01-01")


@pytest.mark.parametrize(
    ("narrowed", "is_ignored"),
    [
        ({}, True),
        ({"events": ["service-renamed"]}, False),
        ({"events": ["contact-*"]}, False),
        ({"events": ["contact-*", "service-*"]}, True),
        ({"ports": ["443"]}, False),
        ({"ports": ["443", "8000-8100"]}, True),
        ({"ports": ["443", "8085-8100"]}, False),
        ({"ports": ["1-65535"]}, True),
        ({"ports": ["443"], "events": ["*"]}, False),
    ],
)
def test_a_rule_ignores_an_event_only_if_it_selects_all_of_it(
    narrowed: Mapping[str, object], *, is_ignored: bool
) -> None:
    event = Event(
        id="service-renamed",
        kind=Kind.MODIFIED,
        severity=Severity.WARNING,
        summary="old renamed to new",
        fingerprint="f",
        changes=(),
        also=("contact-changed",),
        ports=("443", "8080-8090"),
    )
    assert find_reason(event, **narrowed) == ("not ours" if is_ignored else None)
