"""Two CSVs of ports that are cut down before they are read have the comparison of the whole files."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence

import pytest

from tests.support.file_comparisons import compare_ports as compare
from watcher.core.model import Comparison
from watcher.diff.port_tables import cut_tables

TITLES = (
    *("Service Name", "Port Number", "Transport Protocol", "Description", "Assignee", "Contact", "Registration Date"),
    *("Modification Date", "Reference", "Service Code", "Unauthorized Use Reported", "Assignment Notes"),
)
NAMES = ["alpha", "beta", "Net Assistant (x)", "rdp", "rdp"]
PEOPLE = ["[Ann_Lee]", "[Bo_Chan]", ""]
Cells = tuple[str, ...]


def draw_row(chance: random.Random) -> Cells:
    port = str(chance.randrange(60))
    protocol = chance.choice(("tcp", "udp", ""))
    kind = chance.randrange(8)
    if kind == 0:
        return ("", f"{port}-{int(port) + chance.randrange(1, 9)}", protocol, "Unassigned", *[""] * 8)
    if kind == 1:
        return ("", port, protocol, "Reserved", *[""] * 8)
    if kind == 2:
        return (chance.choice(NAMES), "", "tcp", chance.choice("xy"), *[""] * 8)
    person, notes = chance.choice(PEOPLE), chance.choice(("", "", 'a "b",\nc', "see [Bo_Chan]"))
    dates = ("2001-01-01", chance.choice(("", "2002-02-02")))
    return (chance.choice(NAMES), port, protocol, "x", person, person, *dates, "[RFC6335]", "", "", notes)


def row(name: str, port: str, *cells: str) -> Cells:
    return (name, port, "tcp", *cells, *[""] * (9 - len(cells)))


FAR = [row(f"far-{port}", str(port)) for port in range(1000, 1030)]


def write(rows: Sequence[Cells], *, end: str = "\r\n") -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator=end).writerows([TITLES, *rows])
    return file.getvalue().encode()


def test_random_tables_have_the_comparison_of_the_whole_files() -> None:
    chance = random.Random(71)  # noqa: S311 - no secret
    rows = [draw_row(chance) for _ in range(150)]
    is_cut = 0
    for _ in range(80):
        old, end = write(rows), chance.choice(("\r\n", "\n"))
        rows = [row for row in rows if chance.random() > 0.01]
        rows = [*rows, *(draw_row(chance) for _ in range(chance.randrange(3)))]
        if chance.random() < 0.3:
            rows = chance.sample(rows, len(rows))
        new = write(rows, end=end)
        cut = cut_tables(old, new)
        is_cut += cut is not None and cut.left_out > 0
        assert compare(old, new, suffix="csv", whole=False) == compare(old, new, suffix="csv", whole=True)
    assert is_cut > 70


ODD_TEXTS = [
    *("\ufeff", '"', '""', "\r", "\n", "\r\n", ",", "\x1f", "\0", " ", "\u00a0", "\u2028", "é", "0", "-", "<html>"),
    *(",,,,,,,,,,,\r\n", "\r\n , , , , , , , , , , , \r\n", "\r\n,,tcp,text,,,,,,,,\r\n", '\r\n"x","80","tcp"\r\n'),
    *("\r\n x ,80,tcp,,,,,,,,,\r\n", "\r\nx,080,tcp,,,,,,,,,\r\n", "\r\nx, 80,tcp,,,,,,,,,\r\n"),
    *('\r\nx,80,tcp,"a\nb",,,,,,,,\r\n', "\r\nx y,9,,,,,,,,,,\r\n", "\r\n,1-2-3,tcp,,,,,,,,,\r\n"),
    *("\r\n,8-x,tcp,,,,,,,,,\r\n", "\r\nx,99999,tcp,,,,,,,,,\r\n"),
]


@pytest.mark.parametrize("side", ["old", "new", "both"])
def test_tables_with_odd_texts_have_the_comparison_of_the_whole_files(side: str) -> None:
    chance = random.Random(side)  # noqa: S311 - no secret
    rows = [draw_row(chance) for _ in range(8)]
    old, new = write(rows), write([*rows[1:], draw_row(chance)])
    for text in [*map(str.encode, ODD_TEXTS), b"\xff"]:
        for _ in range(8):
            place = chance.randrange(len(old) + 1)
            first = old[:place] + text + old[place:] if side != "new" else old
            at = new.find(old[place : place + 12])
            second = new[:at] + text + new[at:] if side != "old" and at >= 0 else new
            found = compare(first, second, suffix="csv", whole=False)
            assert found == compare(first, second, suffix="csv", whole=True), (text, place)


def test_tables_without_a_common_row_are_read_whole() -> None:
    rows = [draw_row(random.Random(3)) for _ in range(4)]  # noqa: S311 - no secret
    others = [("other", str(port), "tcp", *[""] * 9) for port in range(100, 104)]
    old, new = write(rows), write(others)
    assert cut_tables(old, new) is None
    assert compare(old, new, suffix="csv", whole=False) == compare(old, new, suffix="csv", whole=True)
    assert cut_tables(old, new.replace(b"Assignment Notes", b"Notes")) is None


def test_tables_that_have_nothing_near_the_changed_rows_in_common_are_related() -> None:
    old, new = ([*FAR, *(row(f"new-{port}", str(port)) for port in ports)] for ports in ((1, 2, 3), (4, 5, 6)))
    found = compare(write(old), write(new), suffix="csv", whole=False)
    assert isinstance(found, Comparison)
    assert "unrelated" not in found.marks
    assert found == compare(write(old), write(new), suffix="csv", whole=True)


@pytest.mark.parametrize(
    ("common", "old", "new"),
    [
        pytest.param(row(" x ", "", "a"), row("y", ""), row("x", "", "b"), id="a name with white space"),
        pytest.param(row("alpha", " 80", "a"), row("", "80", "Reserved"), row("beta", "80"), id="a port with one"),
        pytest.param(row("alpha", "5"), row("x", "7", "p\x1fr"), row("x", "7", "p", "r\x1f"), id="a separator"),
        pytest.param(("",) * 12, row("x", "7"), row("y", "8"), id="an empty row"),
        pytest.param(row("alpha", "10"), row("", "10-12", "Unassigned"), row("", "11-12", "Unassigned"), id="a range"),
        pytest.param(row("alpha", "10"), row("", "9", "Reserved"), row("", "10-12", "Reserved"), id="its first port"),
    ],
)
def test_what_may_be_asked_about_is_not_left_out(common: Cells, old: Cells, new: Cells) -> None:
    for first, second in ((old, new), (new, old)):
        before, after = write([*FAR, common, first]), write([*FAR, common, second])
        found = compare(before, after, suffix="csv", whole=False)
        assert isinstance(found, Comparison)
        assert found == compare(before, after, suffix="csv", whole=True)
