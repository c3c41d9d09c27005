"""From bytes to content: identity, duplicates, which documents are one release, and the reading of a series."""

from __future__ import annotations

import random
import sys
from dataclasses import replace

import pytest

from tests.support.change_sets import apply
from tests.support.group_releases import IANA, group, record, registry
from tests.support.port_releases import PORTS, Row, person, release, reserved, tcp, udp, unassigned
from watcher.core.errors import ParseError
from watcher.core.model import Content, Key, Section, Status
from watcher.diff.classify import explain
from watcher.diff.compare import compare
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.registries.context import ItemIndexes

ROWS = [tcp("a", "1", contact="Jo"), udp("b", "2"), unassigned("3-9"), reserved("10"), Row(name="rdp"), Row(name="rdp")]


def content(data: bytes) -> Content:
    return read_content(data, PORTS)


def key(*values: str, ordinal: int = 1) -> tuple[Section, Key]:
    return Section.ENTRY, Key(("name", "port", "protocol"), values, ordinal)


def test_entries_contacts_and_header_are_keyed_items() -> None:
    parsed = content(release(ROWS, people=[person("Jo", "Jo")]))
    assert parsed.published == "2020-01-01"
    assert parsed.entries == len(ROWS)
    assert parsed.items[key("", "3-9", "")].status is Status.UNASSIGNED
    assert parsed.items[key("", "10", "")].status is Status.RESERVED
    assert parsed.items[Section.CONTACT, Key(("id",), ("Jo",))].fields["name"] == "Jo"
    header = parsed.items[Section.REGISTRY, Key(("registry",), ("",))]
    assert parsed.document == "service-names-port-numbers"
    assert header.fields["note"] == "A note."


@pytest.mark.fault(26)
def test_a_second_row_for_a_key_is_reported_and_kept() -> None:
    rows = [Row(name="rdp", date="2001", description="one"), Row(name="rdp", date="2000", description="two")]
    for rows_in_order in (rows, rows[::-1]):
        parsed = content(release(rows_in_order))
        assert [parsed.items[key("rdp", "", "", ordinal=n)].fields["description"] for n in (1, 2)] == ["two", "one"]
        assert [(p.code, p.message) for p in parsed.problems] == [
            ("duplicate_key", "2 items of section entry have the key rdp")
        ]


@pytest.mark.fault(26)
def test_identical_duplicates_are_both_kept() -> None:
    parsed = content(release([Row(name="rdp"), Row(name="rdp"), Row(name="rdp")]))
    assert parsed.entries == 3
    assert parsed.digest != content(release([Row(name="rdp"), Row(name="rdp")])).digest


@pytest.mark.fault(26)
def test_the_order_of_rows_is_no_difference() -> None:
    plain = content(release(ROWS))
    for seed in range(5):
        shuffled = ROWS.copy()
        random.Random(seed).shuffle(shuffled)  # noqa: S311 - no secret
        parsed = content(release(shuffled))
        assert (parsed.digest, parsed.items) == (plain.digest, plain.items)


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
def test_other_bytes_with_the_same_content_are_the_same_release(edit: object) -> None:
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
def test_any_other_content_is_another_release(edit: object) -> None:
    data = release(ROWS, people=[person("Jo", "Jo")])
    assert content(edit(data)).digest != content(data).digest  # type: ignore[operator]


@pytest.mark.fault(19)
def test_another_registry_is_refused() -> None:
    with pytest.raises(ParseError) as error:
        content(release(ROWS).replace(b"service-names-port-numbers", b"protocol-numbers"))
    assert error.value.reason == "wrong_registry"


@pytest.mark.fault(20)
def test_a_registry_without_an_entry_is_refused() -> None:
    with pytest.raises(ParseError) as error:
        content(release([]))
    assert error.value.reason == "empty"


def test_a_reader_of_a_series_keeps_one_release_only() -> None:
    incremental = IncrementalReader(PORTS)
    for number in range(4):
        data = release([*ROWS[:-1], tcp(f"new-{number}", "500")], people=[person("Jo", f"Jo {number}")])
        assert incremental.read(data) == read_content(data, PORTS)
        assert incremental._last is not None
        assert len(incremental._last.document.rows) == len(ROWS)
        assert len(incremental._row_cache.rows) <= 1.2 * (len(ROWS) + 1)


def some_row(chance: random.Random) -> Row:
    """Return a row that may share its key with another one, or be equal to it in every byte."""
    number = chance.randrange(30)
    if number < 4:
        return Row(name="rdp", date=chance.choice(("2001", "2002")), description=chance.choice("abc"))
    return tcp(f"s{number}", str(number), notes=chance.choice("xy"))


def revised(chance: random.Random, rows: list[Row]) -> list[Row]:
    """Return the rows with some edited or replaced, or in another order."""
    rows = list(rows)
    for _ in range(chance.randrange(3)):
        row = rows.pop(chance.randrange(len(rows)))
        edited = replace(row, notes=chance.choice("pq")) if chance.random() < 0.5 else some_row(chance)
        rows.insert(chance.randrange(len(rows)), edited)
    if chance.random() < 0.2:
        chance.shuffle(rows)
    return rows


@pytest.mark.parametrize("seed", range(30))
def test_each_release_of_a_series_reads_as_it_does_alone(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental = IncrementalReader(PORTS)
    old = None
    incrementally_read = 0
    rows = [some_row(chance) for _ in range(30)] if seed % 3 else [tcp(f"s{n}", str(n)) for n in range(30)]
    for number in range(15):
        people = [person(name, chance.choice("kl")) for name in "AB" if chance.random() < 0.8]
        data = release(rows, f"2020-01-{number + 1:02}", people=people, note=chance.choice("mn"))
        new, alone = incremental.read(data), read_content(data, PORTS)
        incrementally_read += new.delta is not None
        assert (new, new.digest) == (alone, alone.digest)
        if old is not None:
            assert explain(PORTS, old, new) == explain(PORTS, old, alone)
            assert apply(compare(old, new), old.items) == alone.items
        old, rows = new, revised(chance, rows)
    assert incrementally_read or seed % 3, "every release was read by itself"


@pytest.mark.parametrize("seed", range(20))
def test_the_same_holds_for_nested_registries_whose_key_is_chosen(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental, lookups = IncrementalReader(IANA), ItemIndexes()
    old = None
    incrementally_read = 0
    rows = {name: [[str(n), "u"] for n in range(25)] for name in ("r", "s", "t")}
    for number in range(12):
        inner = [registry(name, *(record("rfc1", value=v, description=d) for v, d in rows[name])) for name in rows]
        data = group(*inner, updated=f"2020-01-{number + 1:02}")
        new, alone = incremental.read(data), read_content(data, IANA)
        incrementally_read += new.delta is not None
        assert (new, new.digest) == (alone, alone.digest)
        if old is not None:
            assert explain(IANA, old, new, None, lookups) == explain(IANA, old, alone)
        old = new
        changed = chance.choice(rows[chance.choice(list(rows))])
        changed[chance.randrange(2)] = chance.choice(("5", "u", "Unassigned", "w"))
        if chance.random() < 0.2:
            rows[f"x{number}"] = rows.pop(chance.choice(list(rows)))
    assert incremental._last is not None
    assert incrementally_read or incremental._last.rows is None, "every release was read by itself"


@pytest.mark.parametrize("seed", range(20))
def test_the_same_holds_for_a_table(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental, lookups = IncrementalReader(IANA, "csv"), ItemIndexes()
    old = None
    incrementally_read = 0
    rows = [[str(n), f"name {n}", "x"] for n in range(25)]
    for _ in range(12):
        data = "".join(",".join(row) + "\n" for row in [["Value", "Name", "Other"], *rows]).encode()
        new, alone = incremental.read(data), read_content(data, IANA, "csv")
        incrementally_read += new.delta is not None
        assert (new, new.digest, dict(new.items)) == (alone, alone.digest, dict(alone.items))
        if old is not None:
            assert explain(IANA, old, new, None, lookups) == explain(IANA, old, alone)
        old = new
        chance.choice(rows)[chance.randrange(3)] = chance.choice(("5", "u", "", "Unassigned", "name 7"))
        if chance.random() < 0.2:
            chance.shuffle(rows)
    assert incrementally_read, "every release was read by itself"


def test_the_next_release_costs_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    for module, name in (("watcher.formats.iana_xml.chunks", "read_element"), ("watcher.diff.content", "_digest")):
        work = getattr(sys.modules[module], name)
        monkeypatch.setattr(
            f"{module}.{name}", lambda *args, work=work, **more: (made.append(1), work(*args, **more))[1]
        )
    costs = []
    for number in (100, 1000):
        incremental = IncrementalReader(PORTS)
        rows = [tcp(f"s{n}", str(n)) for n in range(number)]
        incremental.read(release(rows))
        made.clear()
        incremental.read(release([*rows[:-2], tcp("other", "1"), tcp("new", "2")], "2020-01-02"))
        costs.append(len(made))
    # Two rows are read, and the first, which follows the new date. They and the header get a digest on both sides.
    assert costs[0] == costs[1] <= 3 + 3 + 3 + 1


def test_a_table_of_the_registry_gives_the_entries_of_its_xml_under_their_keys() -> None:
    rows = [tcp("a", "1", contact="Jo", assignee="Al"), unassigned("3-9"), reserved("10")]
    table = b"Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"
    table += b"a,1,tcp,The a service,[Al],[Jo]\r\n,3-9,,Unassigned,,\r\n,10,,Reserved,,\r\n"
    parsed, wanted = read_content(table, PORTS, "csv"), content(release(rows))
    entries = {key: item for key, item in wanted.items.items() if key[0] is Section.ENTRY}
    assert {key: item for key, item in parsed.items.items() if key[0] is Section.ENTRY} == entries
    assert parsed.published is None
    with pytest.raises(ParseError) as error:
        read_content(table[: table.index(b"a,1")], PORTS, "csv")
    assert error.value.reason == "empty"
