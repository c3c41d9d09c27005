"""Every row of the port registry's event table, in a small release made for it; tests/real has real releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.port_releases import PORTS, Row, content, explained, person, reserved, tcp, udp, unassigned
from watcher.core.model import Event, Kind, Section, Severity, count_changes
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

BASE = [tcp("base", "1", date="1990-01-01")]


def only(events: tuple[Event, ...]) -> Event:
    assert len(events) == 1, [event.summary for event in events]
    return events[0]


def test_an_assignment_into_an_unassigned_range_is_one_event_that_explains_the_redrawn_rows() -> None:
    changes, events = explained(
        [*BASE, unassigned("7230-7234")],
        [*BASE, unassigned("7230-7233"), tcp("asa-gateways", "7234"), reserved("7234", "udp")],
    )
    event = only(events)
    assert (event.id, event.kind, event.severity, event.was) == (
        "port-assigned",
        Kind.ADDED,
        Severity.NOTICE,
        "unassigned",
    )
    assert event.summary == "7234/tcp assigned to asa-gateways (was unassigned)"
    assert (event.service, event.ports, event.protocols) == ("asa-gateways", ("7234",), ("tcp",))
    assert count_changes(changes) == {
        "added": 1,
        "modified": 0,
        "deprecated": 0,
        "removed": 0,
        "contacts": 0,
        "quiet": 3,
    }
    assert sorted(event.changes) == [i for i, change in enumerate(changes.changes) if change.section == "entry"]


@pytest.mark.parametrize(
    ("before", "was"),
    [
        ([unassigned("100-200")], "unassigned"),
        ([unassigned("150")], "unassigned"),
        ([reserved("150", "tcp")], "reserved"),
        ([reserved("150")], "reserved"),
        ([], "absent"),
        ([unassigned("100-200"), reserved("150", "udp")], "unassigned"),
        ([unassigned("100-200"), reserved("150", "tcp")], "reserved"),
    ],
)
def test_coverage_says_what_the_port_was_before(before: list[Row], was: str) -> None:
    _, events = explained([*BASE, *before], [*BASE, tcp("new", "150")])
    event = next(event for event in events if event.id == "port-assigned")
    assert event.was == was


def test_an_assigned_system_port_is_a_warning() -> None:
    _, events = explained(BASE, [*BASE, tcp("new", "1023")])
    assert only(events).severity is Severity.WARNING
    _, events = explained(BASE, [*BASE, tcp("new", "1024")])
    assert only(events).severity is Severity.NOTICE


def test_four_protocols_are_one_event() -> None:
    rows = [Row(name="quad", port="5000", protocol=name, description="x") for name in ("dccp", "sctp", "tcp", "udp")]
    _, events = explained([*BASE, unassigned("5000")], [*BASE, *rows])
    event = only(events)
    assert event.protocols == ("dccp", "sctp", "tcp", "udp")
    assert event.summary == "5000/tcp,udp,sctp,dccp assigned to quad (was unassigned)"


def test_a_second_name_on_an_assigned_port_says_who_has_it_already() -> None:
    _, events = explained([*BASE, tcp("ipp", "631")], [*BASE, tcp("ipp", "631"), tcp("ipps", "631")])
    assert only(events).summary == "631/tcp assigned to ipps (already assigned to ipp)"


def test_a_port_reserved_by_itself_is_an_event() -> None:
    changes, events = explained([*BASE, unassigned("7202", "udp")], [*BASE, reserved("7202", "udp")])
    event = only(events)
    assert (event.id, event.kind, event.severity, event.was) == (
        "port-reserved",
        Kind.ADDED,
        Severity.INFO,
        "unassigned",
    )
    assert count_changes(changes)["quiet"] == 0


def test_a_redrawn_range_alone_is_no_event() -> None:
    changes, events = explained([*BASE, unassigned("10-20")], [*BASE, unassigned("10-15"), unassigned("16-20")])
    assert events == ()
    assert count_changes(changes)["quiet"] == 3


def test_a_service_name_without_a_port_is_registered() -> None:
    _, events = explained(BASE, [*BASE, Row(name="iqp", protocol="tcp", description="Control protocol")])
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("service-name-registered", Kind.ADDED, Severity.NOTICE)
    assert (event.service, event.ports, event.protocols) == ("iqp", (), ("tcp",))


def test_a_service_whose_port_turns_reserved_was_deassigned() -> None:
    old = [*BASE, tcp("ni-ftp", "47"), udp("ni-ftp", "47")]
    new = [*BASE, reserved("47", "tcp", "De-Assigned on 2017-05-18"), reserved("47", "udp")]
    changes, events = explained(old, new)
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("port-deassigned", Kind.DEPRECATED, Severity.WARNING)
    assert event.summary == "47/tcp,udp de-assigned from ni-ftp; is now reserved"
    assert count_changes(changes)["deprecated"] == 2
    assert count_changes(changes)["removed"] == 0


def test_a_service_whose_port_is_reserved_for_every_protocol_was_deassigned() -> None:
    _, events = explained([*BASE, tcp("gone", "8010"), udp("gone", "8010")], [*BASE, reserved("8010")])
    event = only(events)
    assert (event.id, event.kind, event.protocols) == ("port-deassigned", Kind.DEPRECATED, ("tcp", "udp"))


def test_a_service_that_loses_its_port_and_keeps_its_name_is_both() -> None:
    old = [*BASE, tcp("ici", "2200")]
    new = [*BASE, reserved("2200", "tcp"), Row(name="ici", protocol="tcp", description="ICI")]
    _, events = explained(old, new)
    assert {event.id for event in events} == {"port-deassigned", "service-name-registered"}


def test_both_protocols_of_a_service_that_lost_its_port_are_one_event() -> None:
    old = [*BASE, tcp("compressnet", "2"), udp("compressnet", "2")]
    ports = [reserved("2", name, "De-Assigned on 2025-02-13") for name in ("tcp", "udp")]
    new = [*BASE, *ports, Row(name="compressnet", protocol="tcp", description="Management Utility")]
    event = only(explained(old, new)[1])
    assert (event.id, event.kind, event.severity, event.summary) == (
        "service-lost-port",
        Kind.DEPRECATED,
        Severity.WARNING,
        "compressnet lost its port 2/tcp,udp, which is now reserved; the name stays registered",
    )


@pytest.mark.parametrize("port", ["", "3000"])
def test_a_service_with_another_protocol_is_one_event(port: str) -> None:
    old = [*BASE, Row(name="digitalelectric", port=port, protocol="udp", description="Digital Electric")]
    new = [*BASE, Row(name="digitalelectric", port=port, protocol="tcp", description="Digital Electric")]
    event = only(explained(old, new)[1])
    assert (event.id, event.kind, event.severity) == ("protocol-changed", Kind.MODIFIED, Severity.NOTICE)
    assert event.summary == "digitalelectric: protocol udp → tcp" + (" on port 3000" if port else "")


@pytest.mark.parametrize(
    ("before", "after", "severity"),
    [
        ("Unathorized use by ceph", "Unauthorized use by ceph", Severity.INFO),
        ("Unauthorized use by ceph", "Unauthorized use by an attacker", Severity.WARNING),
        ("Used on port 3300", "Used on port 3301", Severity.WARNING),
    ],
)
def test_a_mended_spelling_of_an_unauthorized_use_is_no_warning(before: str, after: str, severity: Severity) -> None:
    old, new = ([Row(name="ceph", port="3300", protocol="tcp", unauthorized=text)] for text in (before, after))
    event = only(explained([*BASE, *old], [*BASE, *new])[1])
    assert (event.id, event.severity) == ("unauthorized-use-reported", severity)


@pytest.mark.parametrize("after", [[], [unassigned("99")], [unassigned("90-100", "tcp")]])
def test_a_service_whose_port_is_free_afterwards_released_it(after: list[Row]) -> None:
    _, events = explained([*BASE, tcp("gone", "99")], [*BASE, *after])
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("port-released", Kind.REMOVED, Severity.WARNING)


def test_a_service_name_without_a_port_is_withdrawn() -> None:
    _, events = explained([*BASE, Row(name="gone", protocol="tcp", description="x")], BASE)
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("service-name-withdrawn", Kind.REMOVED, Severity.WARNING)


def test_a_service_that_moves_is_one_event_with_its_old_port() -> None:
    old = [*BASE, tcp("cfg-cloud", "8010", date="2019-01-08"), reserved("8010", "udp"), unassigned("8011-8018")]
    new = [
        *BASE,
        reserved("8010"),
        tcp("cfg-cloud", "8015", date="2019-01-09"),
        reserved("8015", "udp"),
        unassigned("8011-8014"),
        unassigned("8016-8018"),
    ]
    changes, events = explained(old, new)
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("service-moved", Kind.MODIFIED, Severity.WARNING)
    assert event.summary == "cfg-cloud moved from 8010/tcp to 8015/tcp; 8010 is now reserved"
    assert event.ports == ("8010", "8015")
    assert count_changes(changes) == {
        "added": 0,
        "modified": 1,
        "deprecated": 0,
        "removed": 0,
        "contacts": 0,
        "quiet": 6,
    }
    assert len(event.changes) == 7


def test_a_service_moved_even_if_its_old_port_is_now_reserved_for_the_same_protocol() -> None:
    _, events = explained([*BASE, tcp("x", "10")], [*BASE, reserved("10", "tcp"), tcp("x", "20")])
    assert only(events).id == "service-moved"


def test_two_services_that_may_both_have_moved_are_not_paired() -> None:
    _, events = explained([*BASE, tcp("x", "10"), tcp("x", "11")], [*BASE, tcp("x", "20"), tcp("x", "21")])
    assert [event.id for event in events if event.id == "service-moved"] == []


@pytest.mark.parametrize(
    "stays", [{"date": "2016-03-31"}, {"assignee": "Somebody"}, {"contact": "Somebody"}, {"description": "Same words"}]
)
def test_a_new_name_that_keeps_a_part_of_the_old_assignment_is_a_rename(stays: dict[str, str]) -> None:
    _, events = explained(
        [*BASE, tcp("nvm-express", "4420", **stays), udp("nvm-express", "4420", **stays)],
        [*BASE, tcp("nvme", "4420", **stays), udp("nvme", "4420", **stays)],
    )
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("service-renamed", Kind.MODIFIED, Severity.WARNING)
    assert (event.was, event.service) == ("nvm-express", "nvme")


def test_a_new_name_that_keeps_nothing_of_the_old_assignment_is_a_reassignment() -> None:
    _, events = explained(
        [*BASE, tcp("csd-mgmt-port", "3071", contact="A", assignee="NetApp")],
        [*BASE, tcp("xplat-replicate", "3071", contact="B", assignee="NetApp_3")],
    )
    event = only(events)
    assert (event.id, event.severity) == ("port-reassigned", Severity.WARNING)
    assert event.summary == "3071/tcp reassigned from csd-mgmt-port to xplat-replicate"


def test_a_name_without_a_port_is_renamed_where_purpose_and_date_stay() -> None:
    old = Row(name="core-rd-dtls", protocol="tcp", description="Resource Directory", date="2021-03-16")
    new = Row(name="core-rd-tls", protocol="tcp", description="Resource Directory", date="2021-03-16")
    _, events = explained([*BASE, old], [*BASE, new])
    assert only(events).id == "service-renamed"


def test_an_entry_that_stays_is_marked_historic_and_reinstated() -> None:
    old = [*BASE, tcp("old", "77"), udp("old", "77")]
    new = [*BASE, tcp("old", "77", notes="This entry is now historic."), udp("old", "77", notes="Historic.")]
    changes, events = explained(old, new)
    event = only(events)
    assert (event.id, event.kind, event.severity) == ("marked-historic", Kind.DEPRECATED, Severity.WARNING)
    assert event.also == ("notes-changed",)
    assert count_changes(changes)["deprecated"] == 2
    _, events = explained(new, old)
    assert (only(events).id, only(events).kind) == ("reinstated", Kind.MODIFIED)


def test_protocols_that_changed_in_different_ways_are_told_apart() -> None:
    """As http and https did on 2022-06-10."""
    old = [tcp("w", "80", references="draft-a-19"), udp("w", "80", references="draft-a-19")]
    new = [tcp("w", "80", references="rfc9110"), udp("w", "80", references="rfc9110")]
    sctp = {"name": "w", "port": "80", "protocol": "sctp"}
    _, events = explained(
        [*BASE, *old, Row(**sctp, references="draft-b-19")], [*BASE, *new, Row(**sctp, references="rfc9260")]
    )
    event = only(events)
    assert event.summary == (
        "w 80/tcp,udp: references [draft-a-19] → [RFC9110]; 80/sctp: references [draft-b-19] → [RFC9260]"
    )
    assert (event.id, event.protocols) == ("reference-published", ("sctp", "tcp", "udp"))


@pytest.mark.parametrize(
    ("before", "after", "event", "also"),
    [
        ({"contact": "A"}, {"contact": "B"}, "contact-changed", ()),
        ({"assignee": "A"}, {"assignee": "B"}, "assignee-changed", ()),
        (
            {"assignee": "A", "contact": "C"},
            {"assignee": "B", "contact": "D"},
            "assignee-changed",
            ("contact-changed",),
        ),
        ({"contact": "A"}, {"assignee": "IESG", "contact": "B"}, "contact-changed", ("assignee-changed",)),
        ({"references": "rfc1"}, {"references": "rfc1 rfc2"}, "reference-changed", ()),
        ({"references": "draft-ietf-x-01"}, {"references": "rfc9"}, "reference-published", ()),
        ({"references": "draft-ietf-x-01"}, {"references": "RFC-ietf-x-03"}, "reference-approved", ()),
        ({"references": "rfc1"}, {"references": "rfc1 7604"}, "erratum-added", ()),
        ({"references": "RFC-sekar-dns-llq-06"}, {"references": "rfc8764"}, "reference-published", ()),
        ({"references": "draft-ietf-x-01"}, {"references": "draft-ietf-x-02"}, "reference-changed", ()),
        ({"description": "a"}, {"description": "b"}, "description-changed", ()),
        ({"notes": "a"}, {"notes": "b"}, "notes-changed", ()),
        ({"service_code": "1"}, {"service_code": "2"}, "service-code-changed", ()),
        ({"date": "2001-01-01"}, {"date": "2001-01-02"}, "dates-changed", ()),
        ({"updated": "2001-01-01"}, {"updated": "2001-01-02"}, "dates-changed", ()),
        ({"updated": "2001-01-01"}, {"updated": "2001-01-02", "notes": "a"}, "notes-changed", ()),
        ({}, {"unauthorized": "Known on port 5"}, "unauthorized-use-reported", ()),
        ({"unauthorized": "a"}, {"unauthorized": "b"}, "unauthorized-use-reported", ()),
        ({"unauthorized": "a"}, {}, "unauthorized-use-cleared", ()),
        ({}, {"more": "<colour>red</colour>"}, "entry-modified", ()),
    ],
)
def test_a_changed_field_makes_its_event(
    before: dict[str, str], after: dict[str, str], event: str, also: tuple[str, ...]
) -> None:
    _, events = explained([*BASE, tcp("x", "2000", **before)], [*BASE, tcp("x", "2000", **after)])
    assert (only(events).id, only(events).also, only(events).kind) == (event, also, Kind.MODIFIED)


def test_unauthorized_use_warns_on_an_assigned_port_only() -> None:
    _, events = explained([*BASE, tcp("x", "5")], [*BASE, tcp("x", "5", unauthorized="yes")])
    assert only(events).severity is Severity.WARNING
    _, events = explained([*BASE, reserved("6")], [*BASE, Row(port="6", description="Reserved", unauthorized="yes")])
    assert (only(events).id, only(events).severity) == ("unauthorized-use-reported", Severity.INFO)


def test_a_contact_whose_details_change_is_one_event_with_every_entry_that_names_it() -> None:
    rows = [*BASE, tcp("a", "10", contact="Reijo"), udp("b", "11", assignee="Reijo"), tcp("c", "12", contact="Other")]
    changes, events = explained(rows, rows, [person("Reijo", uri="mailto:r&ioe")], [person("Reijo", uri="mailto:r&io")])
    event = only(events)
    assert (event.id, event.severity, event.service, event.ports) == (
        "contact-updated",
        Severity.INFO,
        "a, b",
        ("10", "11"),
    )
    assert count_changes(changes)["contacts"] == 1


def test_contacts_that_changed_alike_are_one_event_and_new_ones_none() -> None:
    old = [person("A", org="Old"), person("B", org="Old")]
    new = [person("A", org="New"), person("B", org="New"), person("C", name="N")]
    changes, events = explained(BASE, BASE, old, new)
    assert only(events).summary == "A, B: organisation Old → New"
    assert count_changes(changes)["contacts"] == 3


def test_a_contact_whose_date_alone_changed_is_quiet() -> None:
    changes, events = explained(BASE, BASE, [person("A", updated="2019-01-08")], [person("A", updated="2019-01-09")])
    assert events == ()
    assert [change.quiet for change in changes.changes if change.section is not Section.REGISTRY] == [True]


def test_a_person_under_another_id_is_the_same_person() -> None:
    details = {"name": "3GPP", "uri": "mailto:a&b"}
    old, new = (
        [*BASE, tcp("x", "5", assignee=id_, notes=notes)] for id_, notes in (("ThreeGPP_5", "one"), ("_3GPP_3", "two"))
    )
    changes, events = explained(old, new, [person("ThreeGPP_5", **details)], [person("_3GPP_3", **details)])
    assert (only(events).id, only(events).also) == ("notes-changed", ())
    changes, events = explained(
        old, [*BASE, tcp("x", "5", assignee="_3GPP_3", notes="one")],
        [person("ThreeGPP_5", **details)], [person("_3GPP_3", **details)],
    )  # fmt: skip
    assert events == ()
    assert [change.quiet for change in changes.changes if change.section is not Section.REGISTRY] == [True, True]


def test_the_registrys_own_text_is_one_event_and_its_date_no_event() -> None:
    ports = REGISTRIES["ports"]
    changes, events = explain(ports, content(BASE), content(BASE, updated="2020-01-02", note="Other."))
    assert (only(events).id, only(events).severity) == ("registry-note-changed", Severity.INFO)
    changes, events = explain(ports, content(BASE), content(BASE, updated="2020-01-02"))
    assert events == ()
    assert len(changes.changes) == 1
    assert set(count_changes(changes).values()) == {0}


def test_a_user_may_set_other_severities() -> None:
    ports = REGISTRIES["ports"]
    old, new = content(BASE), content([*BASE, tcp("new", "80")])
    _, events = explain(ports, old, new, {"port-assigned": Severity.INFO})
    assert only(events).severity is Severity.INFO


def test_a_fingerprint_depends_on_the_change_and_not_on_the_event() -> None:
    ports = REGISTRIES["ports"]
    old, new = content(BASE), content([*BASE, tcp("new", "80")])
    one = only(explain(ports, old, new)[1])
    other = only(explain(ports, old, new, {"port-assigned": Severity.INFO})[1])
    assert one.fingerprint == other.fingerprint
    assert one.fingerprint != only(explain(ports, old, content([*BASE, tcp("new", "81")]))[1]).fingerprint


def test_the_event_of_highest_severity_comes_first() -> None:
    _, events = explained(
        [*BASE, tcp("a", "2000"), tcp("b", "3000")],
        [*BASE, tcp("a", "2000", contact="X"), reserved("3000", "tcp"), tcp("c", "4000")],
    )
    assert [event.severity for event in events] == [Severity.WARNING, Severity.NOTICE, Severity.INFO]


@pytest.mark.fault(25)
def test_a_title_of_the_table_that_is_renamed_is_one_event_and_no_entry_changes() -> None:
    row = "a,1,tcp,The a service,,[Jo],,,,,in use elsewhere,"
    titles = (
        "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date,Modification Date,"
        "Reference,Service Code,Known Unauthorized Uses,Assignment Notes"
    )
    old, new = (
        read_content(f"{head}\r\n{row}\r\n".encode(), PORTS, "csv")
        for head in (titles, titles.replace("Known Unauthorized Uses", "Unauthorized Use Reported"))
    )
    changes, events = explain(PORTS, old, new)
    assert len(changes.changes) == 1
    assert [(event.id, event.summary) for event in events] == [
        ("schema-changed", "column “Known Unauthorized Uses” renamed to “Unauthorized Use Reported”")
    ]


def test_every_event_of_the_table_has_a_test_here() -> None:
    text = Path(__file__).read_text("utf-8")
    assert {event for event in REGISTRIES["ports"].events if f'"{event}"' not in text} == set()
