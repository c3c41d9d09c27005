"""378 registry groups in 65 months: reading loses nothing, every difference is exact, every change has an event."""

from __future__ import annotations

from collections import Counter
from xml.parsers import expat

import pytest

from tests.support import real_data
from tests.support.change_sets import apply, invert, not_named_once
from tests.support.iana_xml_writer import document
from watcher.core.errors import ParseError
from watcher.core.model import ChangeSet, Content, Item, Section
from watcher.diff.classify import explain
from watcher.diff.content import build_content, read_content
from watcher.diff.incremental import IncrementalReader
from watcher.formats.iana_xml import reader
from watcher.registries.catalog import REGISTRIES
from watcher.registries.generic import identity

IANA = REGISTRIES["iana"]
SLICES = 16
EVERY = 12  # of a group's versions are written back; all of them with -m slow
# Error pages of the server, which the bundle holds in place of a registry.
PAGES = {
    ("multicast-ping", "2017-10-01"),
    ("opus-channel-mapping-families", "2017-10-01"),
    ("radius-types", "2017-03-04"),
    ("rsvp-parameters", "2017-03-04"),
    ("tel-uri-parameters", "2017-03-04"),
}


def some_groups(number: int) -> tuple[str, ...]:
    """Return one slice of the groups, so that several processes can share the work."""
    return real_data.iana_groups()[number::SLICES]


def test_the_bundle_has_all_groups_and_versions() -> None:
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
            assert new.entries == count_elements(data, "record"), (group, month)
            assert explain(IANA, new, new) == (ChangeSet(), ())
            if old is not None:
                changes, events = explain(IANA, old, new)
                assert apply(changes, old.items) == new.items, (group, month)
                assert apply(invert(changes), new.items) == old.items, (group, month)
                assert removed_and_added(changes) == [], (group, month)
                assert not_named_once(changes, events) == [], (group, month)
            old = new
    assert refused == {(*page, "not_expected_format") for page in PAGES if page[0] in some_groups(number)}


def count_elements(data: bytes, name: str) -> int:
    """Count the elements of a name in a document, without the product's parser."""
    count = 0

    def start(tag: str, _: object) -> None:
        nonlocal count
        count += tag.rpartition(" ")[2] == name

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.Parse(data, True)
    return count


def removed_and_added(changes: ChangeSet) -> list[Item]:
    """Return the added entries that have the same fields as a removed one."""
    removed = {_fields(change.before) for change in changes.changes if change.before and not change.after}
    return [
        change.after
        for change in changes.changes
        if change.after and not change.before and change.section is Section.ENTRY and _fields(change.after) in removed
    ]


def _fields(item: Item) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(item.fields.items()))


@pytest.mark.parametrize("number", range(SLICES))
def test_reading_loses_nothing_of_a_document(number: int) -> None:
    for group in some_groups(number):
        versions = list(real_data.iana_documents(group))
        for month, data in [*versions[:-1:EVERY], versions[-1]]:
            assert_nothing_is_absent(group, month, data)


@pytest.mark.slow
@pytest.mark.parametrize("number", range(SLICES))
def test_reading_loses_nothing_of_any_month(number: int) -> None:
    for group in some_groups(number):
        for month, data in real_data.iana_documents(group):
            assert_nothing_is_absent(group, month, data)


def assert_nothing_is_absent(group: str, month: str, data: bytes) -> None:
    """Compare a document with its reading, written back in the vocabulary."""
    if (group, month) not in PAGES:
        reading = reader.read(data, identity.COLUMNS)
        written = document(reading, identity.COLUMNS)
        assert read_content(written, IANA).items == build_content(reading, IANA).items, (group, month)
        assert words(written) == words(data), (group, month)


def words(data: bytes) -> Counter[str]:
    """Count the non-empty elements, attributes and words of a document, without the product's parser."""
    counts: Counter[str] = Counter()
    text: list[str] = []
    has_text = [False]  # for each open element

    def start(tag: str, attributes: dict[str, str]) -> None:
        counts.update(f"{name}={' '.join(value.split())}" for name, value in attributes.items())
        has_text.append(bool(attributes))
        text.append(" ")

    def end(tag: str) -> None:
        if has_text.pop() or tag.endswith(" br"):
            counts[f"<{tag.rpartition(' ')[2]}>"] += 1
            has_text[-1] = True
        text.append(" ")

    def characters(some: str) -> None:
        has_text[-1] = has_text[-1] or not some.isspace()
        text.append(some)

    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = characters
    parser.Parse(data, True)
    counts.update("".join(text).split())
    return counts


def test_a_new_column_is_one_event_and_not_one_for_each_entry() -> None:
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
