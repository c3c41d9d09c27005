"""What goes with an event: the entry's own words, people with their addresses, references with links, differences."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support.group_releases import group, record, registry
from tests.support.message_cases import ANN, CASES, compare, port_assigned, service_moved
from tests.support.port_releases import person, release, tcp
from watcher.core.event_details import EventDetails
from watcher.core.event_words import list_further, say_event
from watcher.core.model import Comparison, Severity
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.event_details import describe_events
from watcher.registries.shared.reference_links import link_reference, link_registry, list_references
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


def only(comparison: Comparison) -> EventDetails:
    (details,) = describe_events(comparison)
    return details


@pytest.mark.parametrize(
    ("reference", "url"),
    [
        ("[RFC6335]", "https://www.rfc-editor.org/rfc/rfc6335"),
        ("[RFC0793]", "https://www.rfc-editor.org/rfc/rfc793"),
        ("[RFC9999, Section 3.4]", "https://www.rfc-editor.org/rfc/rfc9999#section-3.4"),
        ("[RFC5545], Appendix A", "https://www.rfc-editor.org/rfc/rfc5545#appendix-A"),
        ("[BCP14]", "https://www.rfc-editor.org/info/bcp14"),
        ("[draft-ietf-toy-03]", "https://datatracker.ietf.org/doc/draft-ietf-toy/"),
        ("[RFC-ietf-toy-03]", "https://datatracker.ietf.org/doc/draft-ietf-toy/"),
        ("[4924]", "https://www.rfc-editor.org/errata/eid4924"),
        ("[https://example.org/a?b=1]", "https://example.org/a?b=1"),
        ("[http://example.org/]", "http://example.org/"),
        ("[javascript:alert(1)]", ""),
        ('[https://x"onmouseover="alert(1)]', ""),
        ("[https://x y]", ""),
        ("[IESG]", ""),
        ("[3GPP TS 23.003]", ""),
    ],
)
def test_a_reference_leads_to_its_document_or_nowhere(reference: str, url: str) -> None:
    assert link_reference(reference) == url


def test_footnotes_are_no_references() -> None:
    assert [link.text for link in list_references("[RFC1][2][4924]")] == ["[RFC1]", "[4924]"]


@pytest.mark.parametrize(
    ("document", "path", "url"),
    [
        ("toy", "", "https://www.iana.org/assignments/toy/toy.xhtml"),
        ("toy", "a/toy-4", "https://www.iana.org/assignments/toy/toy.xhtml#toy-4"),
        ("toy", "a b", "https://www.iana.org/assignments/toy/toy.xhtml"),
        ("", "x", ""),
        ("../x", "", ""),
    ],
)
def test_a_registry_leads_to_its_place_on_its_page(document: str, path: str, url: str) -> None:
    assert link_registry(document, path) == url


def test_entries_that_say_the_same_are_one() -> None:
    (entry,) = only(port_assigned()).entries
    assert entry.names == ("8015/tcp cfg-cloud", "8015/udp cfg-cloud")
    assert [(person.field, person.name, person.organisation, person.addresses) for person in entry.people] == [
        ("assignee", "", "Acme Ltd", ("https://acme.example", "noc@acme.example")),
        ("contact", "Ann Lee", "Example Inc.", ("ann@example.org",)),
    ]


def test_a_person_is_described_by_the_release_that_names_it() -> None:
    """The numbers behind ids move up when a person is removed: X then is somebody else."""
    first, second = person("X", "Ann Lee"), person("X_2", "Bob Ray")
    old = release([tcp("a", "1", contact="X"), tcp("b", "2", contact="X_2")], people=[first, second])
    new = release([tcp("b", "2", contact="X")], "2020-01-02", people=[person("X", "Bob Ray")])
    removed = [details for details in describe_events(compare(old, new, "ports")) if details.entries]
    assert [person.line for person in removed[0].entries[0].people] == ["Ann Lee"]


def test_both_sides_of_a_changed_contact_are_resolved() -> None:
    changed = describe_events(service_moved())[1].entries[0].differences[0]
    assert (changed.word, changed.before) == ("contact", "Ann Lee, Example Inc., ann@example.org")
    assert changed.after == "Bob Ray, bob@example.net"


def test_what_an_entry_said_last_goes_with_its_removal() -> None:
    old = release([tcp("base", "1"), tcp("gone", "2", contact="Ann_Lee", references="rfc6335")], people=[ANN])
    details = only(compare(old, release([tcp("base", "1")], "2020-01-02"), "ports"))
    (entry,) = details.entries
    assert (entry.kind, entry.names, entry.people[0].name) == ("removed", ("2/tcp gone",), "Ann Lee")
    assert entry.references[0].url == "https://www.rfc-editor.org/rfc/rfc6335"
    assert details.command == "watcher show service-names-port-numbers --service gone" or details.command.endswith(
        "gone"
    )


def test_many_entries_of_one_event_are_counted() -> None:
    rows = [record(f"rfc{1000 + number}", value=str(number), name=f"toy-{number}") for number in range(30)]
    new = group(registry("a", record(value="99", name="x")), registry("b", *rows), updated="2020-01-02")
    details = only(compare(group(registry("a", record(value="99", name="x"))), new, "iana"))
    assert [entry.names[0] for entry in details.entries] == ["B", "0 toy-0", "1 toy-1", "2 toy-2"]
    assert details.more_entries == 27
    assert details.command.startswith("watcher diff toy-parameters ")


def test_files_have_no_command_and_no_link() -> None:
    (details,) = describe_events(port_assigned(), address="https://w.example.org", is_stored=False)
    assert (details.command, details.link) == ("", "")


@pytest.mark.fault(76)
def test_details_are_bounded_whatever_a_registry_writes() -> None:
    text = "ü< [RFC1] [Ann_Lee] word " * 40_000
    old = group(registry("a", record(value="1", name="one", note=text)), people="")
    new = group(registry("a", record(value="1", name="one", note=f"x{text}y")), updated="2020-01-02")
    assert len(repr(only(compare(old, new, "iana")))) < 10_000


@pytest.mark.parametrize("case", ["port-assigned", "service-moved", "contact-updated"])
def test_a_stored_comparison_has_the_details_of_the_one_that_was_sent(case: str, tmp_path: Path) -> None:
    people = [ANN, person("Bob", "Bob Ray")]
    old = release([tcp("a", "1", contact="Ann_Lee"), tcp("c", "3", contact="Bob")], people=people)
    moved = [ANN, person("Bob", "Bob Ray", "Other Inc.")] if case == "contact-updated" else people
    rows = {"port-assigned": [tcp("b", "2", contact="Bob")], "service-moved": [], "contact-updated": []}[case]
    port = "4" if case == "service-moved" else "1"
    kept = [tcp("a", port, contact="Ann_Lee"), tcp("c", "3", contact="Bob")]
    new = release([*kept, *rows], "2020-01-02", people=moved)
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "snapshots"),
            )
        )
        ingest.ingest(Candidate(data=old, origin="old"))
        sent = ingest.ingest(Candidate(data=new, origin="new")).comparison
        first, last = store.history.list_releases("ports")
        stored = store.history.events.read_comparison("ports", last, first)
    assert sent is not None
    assert case in {event.id for event in sent.events}
    assert describe_events(stored) == describe_events(sent)
    assert all(details.entries for details in describe_events(stored))


@pytest.mark.parametrize(
    ("also", "summary", "said"),
    [
        (("contact-changed",), "a moved from 1/tcp to 2/tcp", ["contact changed"]),
        (("assignee-changed",), "a 1/tcp: contact [A] → [B]", ["assignee changed"]),
        (("contact-changed",), "a 1/tcp: assignee [A] → [B], contact [A] → [B]", []),
        (("entry-renamed",), "Toys: 1 a renamed to b", []),
        (("reference-published", "dates-changed"), "Toys: 1 a: name a → b", ["reference published", "dates changed"]),
        (("schema-changed",), "Toys: 1 a added; column page added", []),
        (("temporary-registered",), "Toys: 1 a added, temporary until 2021-01-01", []),
    ],
)
def test_further_ids_are_said_in_words_unless_the_sentence_says_them(
    also: tuple[str, ...], summary: str, said: list[str]
) -> None:
    event = replace(port_assigned().events[0], also=also, summary=summary, severity=Severity.INFO)
    assert list_further(event) == said
    assert say_event(event) == (f"{summary} (also: {', '.join(said)})" if said else summary)


def test_every_case_has_entries_and_a_command() -> None:
    for case in CASES.values():
        for details in describe_events(case()):
            assert details.entries
            assert details.command
