"""378 registry groups in 65 months: nothing is lost in reading, every difference is exact, all have a meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from xml.parsers import expat

import pytest

from tests.support import real_data
from tests.support.change_sets import apply, invert
from tests.support.iana_xml_writer import document
from watcher.core.errors import ParseError
from watcher.core.model import ChangeSet, Content, Event, Item, Section
from watcher.diff.classify import explain
from watcher.diff.content import build_content, read_content
from watcher.diff.incremental import IncrementalReader
from watcher.formats.iana_xml import reader
from watcher.registries.catalog import REGISTRIES
from watcher.registries.generic import identity

IANA = REGISTRIES["iana"]
SLICES = 16
EVERY = 12  # of a group's versions are written back; all of them with -m slow
# What the bundle holds in place of a registry: the server's own error pages.
PAGES = {
    ("multicast-ping", "2017-10-01"),
    ("opus-channel-mapping-families", "2017-10-01"),
    ("radius-types", "2017-03-04"),
    ("rsvp-parameters", "2017-03-04"),
    ("tel-uri-parameters", "2017-03-04"),
}


def some_groups(number: int) -> tuple[str, ...]:
    """One slice of the groups: so that several processes can share the work."""
    return real_data.iana_groups()[number::SLICES]


def test_there_are_as_many_as_are_spoken_of() -> None:
    assert len(real_data.iana_groups()) == 378
    assert sum(map(len, real_data.iana_versions().values())) > 2500


@pytest.mark.parametrize("number", range(SLICES))
def test_every_month_of_every_group_reads_and_differs_exactly(number: int) -> None:
    refused = set()
    for group in some_groups(number):
        old: Content | None = None
        incremental = IncrementalReader(IANA)
        for month, data in real_data.iana_documents(group):
            try:
                new = incremental.read(data)
            except ParseError as error:
                refused.add((group, month, error.reason))
                continue
            assert new.document == group
            assert new.entries == counted(data, "record"), (group, month)
            assert explain(IANA, new, new) == (ChangeSet(), ())
            if old is not None:
                changes, events = explain(IANA, old, new)
                assert apply(changes, old.items) == new.items, (group, month)
                assert apply(invert(changes), new.items) == old.items, (group, month)
                assert away_and_back(changes) == [], (group, month)
                assert unexplained(changes, events) == [], (group, month)
            old = new
    assert refused == {(*page, "not_expected_format") for page in PAGES if page[0] in some_groups(number)}


def counted(data: bytes, name: str) -> int:
    """How many elements of a name a document has, by a parser that is not ours."""
    found = 0

    def start(tag: str, _: object) -> None:
        nonlocal found
        found += tag.rpartition(" ")[2] == name

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.Parse(data, True)
    return found


def away_and_back(changes: ChangeSet) -> list[Item]:
    """Entries reported as removed and as added that say the same."""
    gone = {_said(change.before) for change in changes.changes if change.before and not change.after}
    return [
        change.after
        for change in changes.changes
        if change.after and not change.before and change.section is Section.ENTRY and _said(change.after) in gone
    ]


def _said(item: Item) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item.fields.items()))


def unexplained(changes: ChangeSet, events: Iterable[Event]) -> list[object]:
    """Changes of entries that are neither bookkeeping nor part of an event."""
    named = {index for event in events for index in event.changes}
    return [
        change.item.key
        for index, change in enumerate(changes.changes)
        if change.section is Section.ENTRY and not change.quiet and index not in named
    ]


@pytest.mark.parametrize("number", range(SLICES))
def test_nothing_of_a_document_is_absent_from_what_was_read(number: int) -> None:
    for group in some_groups(number):
        versions = list(real_data.iana_documents(group))
        for month, data in [*versions[:-1:EVERY], versions[-1]]:
            assert_nothing_is_absent(group, month, data)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SLICES))
def test_nothing_of_any_month_is_absent(number: int) -> None:
    for group in some_groups(number):
        for month, data in real_data.iana_documents(group):
            assert_nothing_is_absent(group, month, data)


def assert_nothing_is_absent(group: str, month: str, data: bytes) -> None:
    """Hold a document against what was read of it, written back in the vocabulary."""
    if (group, month) not in PAGES:
        reading = reader.read(data, identity.COLUMNS)
        written = document(reading, identity.COLUMNS)
        assert read_content(written, IANA).items == build_content(reading, IANA).items, (group, month)
        assert words(written) == words(data), (group, month)


def words(data: bytes) -> Counter[str]:
    """Every element that says something, attribute and word of a document, counted by a parser that is not ours."""
    found: Counter[str] = Counter()
    text: list[str] = []
    said = [False]  # whether each open element holds anything

    def start(tag: str, attributes: dict[str, str]) -> None:
        found.update(f"{name}={' '.join(value.split())}" for name, value in attributes.items())
        said.append(bool(attributes))
        text.append(" ")

    def end(tag: str) -> None:
        if said.pop() or tag.endswith(" br"):
            found[f"<{tag.rpartition(' ')[2]}>"] += 1
            said[-1] = True
        text.append(" ")

    def characters(some: str) -> None:
        said[-1] = said[-1] or not some.isspace()
        text.append(some)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.Parse(data, True)
    found.update("".join(text).split())
    return found


def test_a_column_that_comes_is_one_event_and_not_one_an_entry() -> None:
    old, new = (
        read_content(real_data.formats_files(day)["tls-parameters/tls-parameters.xml"], IANA)
        for day in ("2018-01-04", "2018-07-02")
    )
    schema = [event for event in explain(IANA, old, new)[1] if event.id == "schema-changed"]
    suites = [event for event in schema if event.registry == "tls-parameters-4"]
    assert len(suites) == 1
    assert "column rec added" in suites[0].summary
    assert len(suites[0].changes) > 300


def test_a_renamed_title_of_the_ports_csv_is_one_event() -> None:
    ports = REGISTRIES["ports"]
    path = "service-names-port-numbers/service-names-port-numbers.csv"
    old, new = (read_content(real_data.formats_files(day)[path], ports, "csv") for day in ("2019-01-02", "2019-07-01"))
    changes, events = explain(ports, old, new)
    assert [event.summary for event in events if event.id == "schema-changed"] == [
        "column “Known Unauthorized Uses” renamed to “Unauthorized Use Reported”"
    ]
    assert len(changes.changes) < 500
    assert apply(changes, old.items) == new.items
