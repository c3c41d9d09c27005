"""From bytes to content: identity, duplicates, and what is one release and what are two."""

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
def test_a_registry_without_a_record_is_refused() -> None:
    with pytest.raises(ParseError) as error:
        content(release([]))
    assert error.value.reason == "empty"


def test_reading_with_what_was_read_before_keeps_one_release_only() -> None:
    incremental = IncrementalReader(PORTS)
    for number in range(4):
        data = release([*ROWS[:-1], tcp(f"new-{number}", "500")], people=[person("Jo", f"Jo {number}")])
        assert incremental.read(data) == read_content(data, PORTS)
        assert incremental._last is not None
        assert len(incremental._last.document.rows) == len(ROWS)
        assert len(incremental._row_cache.rows) <= 1.2 * (len(ROWS) + 1)


def some_row(chance: random.Random) -> Row:
    """A row that may share its key with another, or be the same to the byte."""
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
def test_a_series_read_from_one_to_the_next_is_what_each_says_by_itself(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental = IncrementalReader(PORTS)
    old = None
    after = 0
    rows = [some_row(chance) for _ in range(30)] if seed % 3 else [tcp(f"s{n}", str(n)) for n in range(30)]
    for number in range(15):
        people = [person(name, chance.choice("kl")) for name in "AB" if chance.random() < 0.8]
        data = release(rows, f"2020-01-{number + 1:02}", people=people, note=chance.choice("mn"))
        new, alone = incremental.read(data), read_content(data, PORTS)
        after += new.delta is not None
        assert (new, new.digest) == (alone, alone.digest)
        if old is not None:
            assert explain(PORTS, old, new) == explain(PORTS, old, alone)
            assert apply(compare(old, new), old.items) == alone.items
        old, rows = new, revised(chance, rows)
    assert after or seed % 3, "every release was read by itself"


@pytest.mark.parametrize("seed", range(20))
def test_the_same_holds_for_nested_registries_whose_key_is_chosen(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental, lookups = IncrementalReader(IANA), ItemIndexes()
    old = None
    after = 0
    rows = {name: [[str(n), "u"] for n in range(25)] for name in ("r", "s", "t")}
    for number in range(12):
        inner = [registry(name, *(record("rfc1", value=v, description=d) for v, d in rows[name])) for name in rows]
        data = group(*inner, updated=f"2020-01-{number + 1:02}")
        new, alone = incremental.read(data), read_content(data, IANA)
        after += new.delta is not None
        assert (new, new.digest) == (alone, alone.digest)
        if old is not None:
            assert explain(IANA, old, new, None, lookups) == explain(IANA, old, alone)
        old = new
        changed = chance.choice(rows[chance.choice(list(rows))])
        changed[chance.randrange(2)] = chance.choice(("5", "u", "Unassigned", "w"))
        if chance.random() < 0.2:
            rows[f"x{number}"] = rows.pop(chance.choice(list(rows)))
    assert incremental._last is not None
    assert after or incremental._last.rows is None, "every release was read by itself"


@pytest.mark.parametrize("seed", range(20))
def test_the_same_holds_for_a_table(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    incremental, lookups = IncrementalReader(IANA, "csv"), ItemIndexes()
    old = None
    after = 0
    rows = [[str(n), f"name {n}", "x"] for n in range(25)]
    for _ in range(12):
        data = "".join(",".join(row) + "\n" for row in [["Value", "Name", "Other"], *rows]).encode()
        new, alone = incremental.read(data), read_content(data, IANA, "csv")
        after += new.delta is not None
        assert (new, new.digest, dict(new.items)) == (alone, alone.digest, dict(alone.items))
        if old is not None:
            assert explain(IANA, old, new, None, lookups) == explain(IANA, old, alone)
        old = new
        chance.choice(rows)[chance.randrange(3)] = chance.choice(("5", "u", "", "Unassigned", "name 7"))
        if chance.random() < 0.2:
            chance.shuffle(rows)
    assert after, "every release was read by itself"


def test_the_next_release_costs_what_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    for module, name in (("watcher.formats.iana_xml.chunks", "read_element"), ("watcher.diff.content", "_digest")):
        work = getattr(sys.modules[module], name)
        monkeypatch.setattr(f"{module}.{name}", lambda *given, work=work: (made.append(1), work(*given))[1])
    costs = []
    for number in (100, 1000):
        incremental = IncrementalReader(PORTS)
        rows = [tcp(f"s{n}", str(n)) for n in range(number)]
        incremental.read(release(rows))
        made.clear()
        incremental.read(release([*rows[:-2], tcp("other", "1"), tcp("new", "2")], "2020-01-02"))
        costs.append(len(made))
    # Two rows, and the first, before which the date stands, are read; they and the header have a digest on both sides.
    assert costs[0] == costs[1] <= 3 + 3 + 3 + 1


def test_a_table_of_the_registry_gives_the_entries_of_its_xml_under_their_keys() -> None:
    rows = [tcp("a", "1", contact="Jo", assignee="Al"), unassigned("3-9"), reserved("10")]
    table = b"Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"
    table += b"a,1,tcp,The a service,[Al],[Jo]\r\n,3-9,,Unassigned,,\r\n,10,,Reserved,,\r\n"
    found, wanted = read_content(table, PORTS, "csv"), content(release(rows))
    entries = {key: item for key, item in wanted.items.items() if key[0] is Section.ENTRY}
    assert {key: item for key, item in found.items.items() if key[0] is Section.ENTRY} == entries
    assert found.published is None
    with pytest.raises(ParseError) as error:
        read_content(table[: table.index(b"a,1")], PORTS, "csv")
    assert error.value.reason == "empty"
