"""From bytes to content: identity, duplicates, and what is one release and what are two."""

from __future__ import annotations

import random

import pytest

from tests.factory import PORTS, Row, person, release, reserved, tcp, udp, unassigned
from watcher.contents import Reads, read
from watcher.errors import ParseError
from watcher.model import Content, Key, Section, Status

ROWS = [tcp("a", "1", contact="Jo"), udp("b", "2"), unassigned("3-9"), reserved("10"), Row(name="rdp"), Row(name="rdp")]


def content(data: bytes) -> Content:
    return read(data, PORTS)


def key(*values: str, ordinal: int = 1) -> tuple[Section, Key]:
    return Section.ENTRY, Key(("name", "port", "protocol"), values, ordinal)


def test_entries_contacts_and_header_are_keyed_items() -> None:
    found = content(release(ROWS, people=[person("Jo", "Jo")]))
    assert found.published == "2020-01-01"
    assert found.entries == len(ROWS)
    assert found.items[key("", "3-9", "")].status is Status.UNASSIGNED
    assert found.items[key("", "10", "")].status is Status.RESERVED
    assert found.items[Section.CONTACT, Key(("id",), ("Jo",))].fields["name"] == "Jo"
    header = found.items[Section.REGISTRY, Key(("registry",), ("",))]
    assert found.document == "service-names-port-numbers"
    assert header.fields["note"] == "A note."


@pytest.mark.fault(26)
def test_a_second_row_for_a_key_is_reported_and_kept() -> None:
    rows = [Row(name="rdp", date="2001", description="one"), Row(name="rdp", date="2000", description="two")]
    for given in (rows, rows[::-1]):
        found = content(release(given))
        assert [found.items[key("rdp", "", "", ordinal=n)].fields["description"] for n in (1, 2)] == ["two", "one"]
        assert [(p.code, p.message) for p in found.problems] == [("duplicate_key", "rdp stands 2 times as entry")]


@pytest.mark.fault(26)
def test_identical_duplicates_are_both_kept() -> None:
    found = content(release([Row(name="rdp"), Row(name="rdp"), Row(name="rdp")]))
    assert found.entries == 3
    assert found.digest != content(release([Row(name="rdp"), Row(name="rdp")])).digest


@pytest.mark.fault(26)
def test_the_order_of_rows_is_no_difference() -> None:
    plain = content(release(ROWS))
    for seed in range(5):
        shuffled = ROWS.copy()
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
        found = content(release(shuffled))
        assert (found.digest, found.items) == (plain.digest, plain.items)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    "edit",
    [
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.replace(b'<?xml-stylesheet type="text/xsl"', b'<?oxygen RNGSchema="x"?><?xml-model a="b"'),
        lambda data: data.replace(b"\n    <", b"\n\t\t<"),
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.replace(b"</registry>", b"</registry>\n<!-- the end -->\n"),
        lambda data: data.replace(b'<xref type="person" data="Jo"/>', b"<xref  data='Jo'  type='person'></xref>"),
    ],
    ids=["byte order mark", "processing instructions", "indentation", "line ends", "comment", "attribute order"],
)
def test_what_is_only_written_otherwise_is_the_same_release(edit: object) -> None:
    data = release(ROWS, people=[person("Jo", "Jo")])
    other = edit(data)  # type: ignore[operator]
    assert other != data
    assert content(other).digest == content(data).digest


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data.replace(b"<updated>2020-01-01", b"<updated>2020-01-02", 1),
        lambda data: data.replace(b"A note.", b"Another note."),
        lambda data: data.replace(b"<name>a</name>", b"<name>A</name>"),
        lambda data: data.replace(b"<name>Jo</name>", b"<name>Joe</name>"),
        lambda data: data.replace(b"rfc6335", b"rfc6336"),
    ],
    ids=["its date", "its header", "an entry", "a contact", "its reference"],
)
def test_what_says_something_else_is_another_release(edit: object) -> None:
    data = release(ROWS, people=[person("Jo", "Jo")])
    assert content(edit(data)).digest != content(data).digest  # type: ignore[operator]


@pytest.mark.fault(19)
def test_another_registry_is_refused() -> None:
    with pytest.raises(ParseError) as error:
        content(release(ROWS).replace(b"service-names-port-numbers", b"protocol-numbers"))
    assert error.value.reason == "wrong_registry"


@pytest.mark.fault(20)
def test_a_registry_without_a_record_is_never_believed() -> None:
    with pytest.raises(ParseError) as error:
        content(release([]))
    assert error.value.reason == "empty"


def test_reading_with_what_was_read_before_gives_the_same_and_keeps_one_release_only() -> None:
    reads = Reads()
    for number in range(4):
        data = release([*ROWS, tcp(f"new-{number}", "500")], people=[person("Jo", f"Jo {number}")])
        assert read(data, PORTS, reads=reads) == read(data, PORTS)
        assert len(reads.items) == len(ROWS) + 1  # two rows are the same bytes


def test_a_table_of_the_registry_gives_the_entries_of_its_xml_under_their_keys() -> None:
    rows = [tcp("a", "1", contact="Jo", assignee="Al"), unassigned("3-9"), reserved("10")]
    table = b"Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"
    table += b"a,1,tcp,The a service,[Al],[Jo]\r\n,3-9,,Unassigned,,\r\n,10,,Reserved,,\r\n"
    found, wanted = read(table, PORTS, "csv"), content(release(rows))
    entries = {key: item for key, item in wanted.items.items() if key[0] is Section.ENTRY}
    assert {key: item for key, item in found.items.items() if key[0] is Section.ENTRY} == entries
    assert found.published is None
    with pytest.raises(ParseError) as error:
        read(table[: table.index(b"a,1")], PORTS, "csv")
    assert error.value.reason == "empty"
