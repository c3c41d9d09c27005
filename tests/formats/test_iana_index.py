"""The index of all groups, as a page and as a list."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.index_server import index_page
from watcher.core.errors import ParseError
from watcher.core.tables import GROUP_ID
from watcher.diff.content import read_content
from watcher.fetch.folder import index_text
from watcher.formats.base import FieldMap, Row
from watcher.formats.iana_index import read
from watcher.registries.collection_index import REGISTRY

FRAME = '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://127.0.0.1/x.dtd">\n<html><body>%s</body></html>'
TABLE = FRAME % "<table>%s</table>"
GROUP = '<tr class="iana-protocol-group"><td colspan="3">%s</td></tr>'


def line(href: str, registry: str = "Values", beside: str = "") -> str:
    return f'<tr><td><a href="{href}">{registry}</a></td><td>{beside}</td></tr>'


def rows(*lines: str) -> tuple[Row, ...]:
    return read((TABLE % "".join(lines)).encode(), FieldMap()).rows


def names(*lines: str) -> list[str]:
    return [row.fields["group"] for row in rows(*lines)]


def test_a_group_has_its_title_and_all_its_registries_in_one_row() -> None:
    (only,) = rows(
        GROUP % "A Protocol (AP)",
        line(
            "/assignments/ap",
            "Types",
            '<a href="https://example.org/1">RFC 1</a>, <a href="https://example.org/2">RFC 2</a><br/>'
            '<span class="iana-protocol-comment">0-9:\n Expert Review, see <a href="https://example.org/3">3</a></span>',
        ),
        line("/assignments/ap", "Codes"),
        GROUP % "Another",
        line("/assignments/ap", "Please look there"),
    )
    assert dict(only.fields) == {
        "group": "ap",
        "title": "A Protocol (AP)\nAnother",
        "registries": "Types\nCodes\nPlease look there",
        "references": "Types: [RFC 1][RFC 2]",
        "procedures": "Types: 0-9: Expert Review, see 3",
    }


@pytest.mark.parametrize(
    "href",
    [
        "/assignments/x",
        "/assignments/x/",
        "/assignments/x/x.xml",
        "/assignments/x/x.xhtml#x-1",
        "/assignments/x#x-1",
        "/assignments/x/sub/index.html",
        "https://www.example.org/assignments/x?y",
        " /assignments/x\n",
    ],
)
def test_every_way_to_link_to_a_group_names_it(href: str) -> None:
    assert names(line(href)) == ["x"]


@pytest.mark.parametrize("href", ["/protocols/", "/assignments/", "x.xml", "https://example.org/x", "#x", ""])
def test_other_links_name_no_group(href: str) -> None:
    assert names(line(href), line("/assignments/y")) == ["y"]


def test_groups_are_in_the_order_of_the_page_without_duplicates() -> None:
    assert names(line("/assignments/b"), line("/assignments/a"), line("/assignments/b", "More")) == ["b", "a"]


def test_a_page_without_the_table_is_read_by_its_links() -> None:
    rows = read((FRAME % '<p><a href="/assignments/b/">B</a> <a href="/assignments/a">A</a>').encode(), FieldMap()).rows
    assert [row.fields["group"] for row in rows] == ["b", "a"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n\t", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b"<html><title>502 Bad Gateway</title></html>", "not_expected_format"),
        (b"<?xml version='1.0'?><html><body><h1>Maintenance</h1></body></html>", "not_expected_format"),
        (b"<!-- -->", "not_expected_format"),
        (b"<", "not_expected_format"),
        (b"\xff\xfe\x00x", "not_expected_format"),
        (b"Service Unavailable", "not_expected_format"),
        (b"tls-parameters\n../x\n", "not_expected_format"),
        (b"\n".join(b"group-%d" % number for number in range(10_001)), "too_many_groups"),
    ],
)
def test_other_documents_are_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ParseError) as caught:
        read(data, FieldMap())
    assert caught.value.reason == reason


@pytest.mark.fault(23)
def test_no_entity_is_expanded_and_nothing_is_loaded() -> None:
    hostile = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><table>' + line("/assignments/a", "&x;")
    (only,) = read(hostile.encode(), FieldMap()).rows
    assert "root" not in only.fields["registries"]


def test_the_order_of_the_page_makes_no_difference() -> None:
    first, second = (read_content(index_page(groups), REGISTRY, "index") for groups in (("a", "b"), ("b", "a")))
    assert first.digest == second.digest


def test_a_plain_list_is_an_index() -> None:
    rows = read(b"\xef\xbb\xbftls-parameters\r\n\n  ports \n", FieldMap()).rows
    assert [row.fields["group"] for row in rows] == ["tls-parameters", "ports"]
    assert rows[0].fields["title"] == ""


def test_tables_in_tables_are_read_once_however_deep() -> None:
    deep = "<table><tr><td>" * 60 + line("/assignments/a") * 3000
    assert names(deep) == ["a"]


@given(st.sets(st.from_regex(GROUP_ID.pattern, fullmatch=True), min_size=1))
def test_the_index_of_a_folder_is_read_back(groups: set[str]) -> None:
    assert [row.fields["group"] for row in read(index_text(groups), FieldMap()).rows] == sorted(groups)


@pytest.mark.fault(21, 22)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for frame in (b"%b", b"<table>%b", b'<table><tr><td><a href="/assignments/%b'):
        with suppress(ParseError):
            read(frame % data, FieldMap())
