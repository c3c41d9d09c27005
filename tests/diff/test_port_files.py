"""Two port files that are cut down before they are read have the comparison of the whole files."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.support import real_data
from tests.support.file_comparisons import compare_ports as compare
from tests.support.port_releases import PORTS, Row, person, release, reserved, tcp, udp, unassigned
from watcher.core.background import find_background
from watcher.core.model import Comparison
from watcher.diff.classify import explain
from watcher.diff.incremental import IncrementalReader
from watcher.diff.port_files import cut_files

PEOPLE = ["Ann_Lee", "Bo_Chan", "Bo_Chan_2", "Cy_Dorn", "Acme"]
NAMES = ["alpha", "beta", "gamma", "delta", "rdp"]


def draw_row(chance: random.Random) -> Row:
    port = str(chance.randrange(1, 60))
    kind = chance.randrange(8)
    if kind == 0:
        return unassigned(f"{port}-{int(port) + chance.randrange(1, 9)}", chance.choice(("", "tcp")))
    if kind == 1:
        return reserved(port, chance.choice(("", "tcp", "udp")))
    if kind == 2:
        return Row(name=chance.choice(NAMES), protocol="tcp", description=chance.choice("xy"), date="2001-01-01")
    row = chance.choice((tcp, udp))(chance.choice(NAMES), port, contact=chance.choice(PEOPLE))
    return row if kind < 6 else tcp(row.name, port, notes=f"see [{chance.choice(PEOPLE)}]", assignee="Acme")


def draw_people(chance: random.Random) -> list[str]:
    return [person(name, name=name, uri=f"mailto:{chance.choice('ab')}@example.org") for name in PEOPLE]


def test_random_files_have_the_comparison_of_the_whole_files() -> None:
    chance = random.Random(171)  # noqa: S311 - no secret
    rows: Sequence[Row] = [draw_row(chance) for _ in range(120)]
    people = draw_people(chance)
    is_cut = 0
    for _ in range(60):
        old = release(rows, people=people)
        rows = [row for row in rows if chance.random() > 0.01]
        rows = [*rows, *(draw_row(chance) for _ in range(chance.randrange(3)))]
        if chance.random() < 0.3:
            rows = chance.sample(rows, len(rows))
        if chance.random() < 0.3:
            people = draw_people(chance)
        new = release(rows, "2020-01-02", people=people)
        cut = cut_files(old, new)
        is_cut += cut is not None and cut.left_out > 0
        assert compare(old, new, whole=False) == compare(old, new, whole=True)
    assert is_cut > 40


ODD_MARKS = [
    *(b"<!-- x -->", b"<![CDATA[x]]>", b"<?x y?>", b"&#65;", b"<record/>", b"<record></record>", b"</record>"),
    *(b"<person/>", b'<person id="Acme"><name>x</name></person>', b"<number>7</number>", b"<number> 7 </number>"),
    *(b"<number>07</number>", b"<name>a b</name>", b"<x xmlns='y'/>", b"<", b"&", b"\xff", b"</people>"),
    *(b"<!-- </record> -->", b"<!-- <record> -->", b"<![CDATA[</record>]]>", b"<!-- <record></record> -->"),
    *(b"</registry>", b"<registry id='q'>", b"<a>" * 300 + b"</a>" * 300),
]


@pytest.mark.parametrize("side", ["old", "new", "both"])
def test_files_with_odd_marks_have_the_comparison_of_the_whole_files(side: str) -> None:
    chance = random.Random(side)  # noqa: S311 - no secret
    rows = [draw_row(chance) for _ in range(6)]
    people = draw_people(chance)[:2]
    old = release(rows, people=people)
    new = release([*rows[1:], tcp("new", "8")], "2020-01-02", people=people)
    for mark in ODD_MARKS:
        for _ in range(6):
            place = chance.randrange(len(old))
            first = old[:place] + mark + old[place:] if side != "new" else old
            at = new.find(old[place : place + 30])
            second = new[:at] + mark + new[at:] if side != "old" and at >= 0 else new
            assert compare(first, second, whole=False) == compare(first, second, whole=True), (mark, place)


def test_a_name_in_another_notation_is_the_name_of_a_changed_record() -> None:
    rows = [tcp("a", "1"), Row(name="alpha", protocol="tcp", description="x"), udp("b", "2"), tcp("c", "3")]
    old = release(rows, people=[person("Ann_Lee")])
    new = release([*rows, Row(name="alpha", protocol="tcp", description="y")], people=[person("Ann_Lee")])
    for plain, other in ((b"alpha", b"&#97;lpha"), (b">alpha<", b"> alpha <"), (b"<name>alpha", b"<name >alpha")):
        first, second = old.replace(plain, other), new.replace(plain, other, 1)
        assert compare(first, second, whole=False) == compare(first, second, whole=True), other


@pytest.mark.slow  # five minutes on a busy machine
@pytest.mark.timeout(1200)
def test_real_releases_have_the_comparison_of_the_whole_files() -> None:
    chance = random.Random(105)  # noqa: S311 - no secret
    dates = real_data.ports_dates()
    steps = [1] * 100 + [2] * 15 + [5] * 10
    starts = sorted(chance.sample(range(len(dates) - max(steps)), len(steps)))
    reader = IncrementalReader(PORTS)
    is_cut = 0
    for start, step in zip(starts, chance.sample(steps, len(steps)), strict=True):
        names = dates[start], dates[start + step]
        old, new = map(real_data.ports_release, names)
        if cut_files(old, new) is None:
            continue  # they are read whole
        is_cut += 1
        before, after = reader.read(old), reader.read(new)
        found = compare(old, new, whole=False)
        assert isinstance(found, Comparison)
        changes, events = explain(PORTS, before, after)
        assert (found.changes, found.events) == (changes, events), names
        assert found.background == find_background(changes, before.items, after.items), names
        assert (found.old.entries, found.new.entries) == (before.entries, after.entries), names
    assert is_cut >= 105
