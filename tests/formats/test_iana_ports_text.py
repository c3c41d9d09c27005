"""Reading the port registry's plain text: three columns of every row, wherever this release has them."""

from __future__ import annotations

import pytest

from tests.support.port_releases import PORTS
from watcher.core.errors import ParseError
from watcher.formats.base import FieldMap
from watcher.formats.iana_ports_text import read
from watcher.reports.file_diff import InputFile, compare_files

ANY = FieldMap()
Cells = tuple[str, str, str, str]


def page(lines: list[Cells], *, name_width: int = 15, two_lines: bool = True) -> bytes:
    """A text as a browser dumps it: port and protocol centred in their columns, the others left."""
    head = f"{'Service Name':^{name_width}} Port Number "
    table = [f"{'':{name_width + 13}}Transport", f"{head}Protocol          Description        Assignee  Contact"]
    if not two_lines:
        table = [f"{head}Transport         Description        Assignee  Contact", f"{'':{name_width + 13}}Protocol"]
    table += [f"{name:{name_width}} {port:^11} {protocol:^9} {rest}".rstrip() for name, port, protocol, rest in lines]
    top = ["  Service Name and Transport Protocol Port Number Registry", "", "   Last Updated", "       2020-01-31", ""]
    end = ["", f"{'':30}Contact Information", "", "   ID   Name  Organization", "[A]"]
    return "\n".join([*top, *table, *end]).encode()


def rows(data: bytes) -> list[tuple[str, ...]]:
    return [tuple(row.fields.values()) for row in read(data, ANY).rows]


def test_every_row_has_all_fields_and_the_header_names_those_with_text() -> None:
    document = read(page([("ssh", "22", "tcp", "Shell")]), PORTS.columns)
    assert {name: text for name, text in document.rows[0].fields.items() if text} == {
        "name": "ssh",
        "port": "22",
        "protocol": "tcp",
    }
    assert tuple(document.rows[0].fields) == PORTS.columns.always
    assert document.headers[""]["columns"] == "Service Name\nPort Number\nTransport Protocol"


PLAIN: list[Cells] = [
    ("", "0", "tcp", "Reserved          [Jo]"),
    ("tcpmux", "1", "tcp", "Multiplexer       [Jo]"),
    ("", "", "", "of ports"),
    ("", "7230-7234", "", "Unassigned"),
    ("rdp", "", "", "Remote"),
    ("fifteen-letters", "49151", "sctp", "x"),
    ("iqp", "", "udp", "x"),
]
WANTED = [cells[:3] for cells in PLAIN if any(cells[:3])]


@pytest.mark.parametrize("name_width", [15, 16, 22])
@pytest.mark.parametrize("two_lines", [True, False])
def test_the_columns_are_where_the_header_says(name_width: int, two_lines: bool) -> None:
    document = read(page(PLAIN, name_width=name_width, two_lines=two_lines), ANY)
    assert [tuple(row.fields.values()) for row in document.rows] == WANTED
    assert {tuple(row.fields) for row in document.rows} == {("Service Name", "Port Number", "Transport Protocol")}
    assert (document.published, document.id, document.contacts) == ("2020-01-31", None, ())


def test_a_name_that_wraps_is_one_name() -> None:
    lines: list[Cells] = [
        ("before", "1", "tcp", "x"),
        *[("Old Remote", "", "", ""), ("Desktop (Net", "2", "tcp", "y"), ("Helper)", "", "", "")],
        *[("Old Remote", "", "", ""), ("Desktop (Net", "2", "udp", "y"), ("Helper)", "", "", "")],
        *[("Harbour (Newer", "3", "tcp", "z"), ("Dock)", "", "", "")],
        *[("Harbour (Newer", "3", "udp", "z"), ("Dock)", "", "", "")],
        *[("two words and a", "4", "tcp", "z"), ("tail", "", "", "")],
        ("after", "5", "tcp", "x"),
        ("alone", "", "", "x"),
        ("last", "", "", "x"),
    ]
    assert rows(page(lines)) == [
        ("before", "1", "tcp"),
        ("Old Remote Desktop (Net Helper)", "2", "tcp"),
        ("Old Remote Desktop (Net Helper)", "2", "udp"),
        ("Harbour (Newer Dock)", "3", "tcp"),
        ("Harbour (Newer Dock)", "3", "udp"),
        ("two words and a tail", "4", "tcp"),
        ("after", "5", "tcp"),
        ("alone", "", ""),
        ("last", "", ""),
    ]


def test_lines_between_two_names_that_wrap_go_to_each_as_they_are_centred() -> None:
    name: list[Cells] = [("one two three", "", "", ""), ("four five six", "7", "", ""), ("seven", "", "", "")]
    assert rows(page(name * 3)) == [("one two three four five six seven", "7", "")] * 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"<html>", "not_expected_format"),
        (b"Transport Layer Security (TLS) Parameters\n\n  Last Updated\n", "not_expected_format"),
        (page(PLAIN)[: page(PLAIN).index(b"fifteen")], "cut"),
        (page([("a", "x443", "tcp", "")]), "not_well_formed"),
        (page([("a", "443", "443", "")]), "not_well_formed"),
    ],
)
def test_an_incomplete_or_other_text_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as error:
        read(data, ANY)
    assert error.value.reason == reason


def test_the_error_has_the_line_of_a_misplaced_column() -> None:
    with pytest.raises(ParseError) as error:
        read(page([("a", "1", "tcp", ""), ("b", "x", "tcp", "")]), ANY)
    assert error.value.line == 9
    assert page([("a", "1", "tcp", ""), ("b", "x", "tcp", "")]).split(b"\n")[8].startswith(b"b ")


def test_what_is_free_or_reserved_is_known_by_its_description() -> None:
    lines = [
        ("", "0", "tcp", "Reserved          [Jo]"),
        ("", "1-9", "", "Unassigned"),
        ("", "10", "udp", "Reserved for later [Jo]"),
        ("unassigned", "11", "udp", "Unassigned"),
    ]
    rows = read(page(lines), PORTS.columns).rows
    assert [row.fields["description"] for row in rows] == ["Reserved", "Unassigned", "", ""]


def test_a_split_range_of_a_text_is_no_assignment() -> None:
    old = page([("a", "1", "tcp", "x"), ("", "2-9", "", "Unassigned")])
    new = page([("a", "1", "tcp", "x"), ("b", "2", "tcp", "y"), ("", "3-9", "", "Unassigned")])
    comparison = compare_files(
        InputFile(name="old.txt", data=old), InputFile(name="new.txt", data=new), registry="ports", format="txt"
    )
    assert [event.summary for event in comparison.events] == [
        "2/tcp assigned to b (was unassigned)",
    ]


@pytest.mark.parametrize("day", ["2020-13-01", "2020-02-30"])
def test_a_day_that_does_not_exist_is_no_date(day: str) -> None:
    assert read(page(PLAIN).replace(b"2020-01-31", day.encode()), ANY).published is None
