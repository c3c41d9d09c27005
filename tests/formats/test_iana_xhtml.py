"""Reading IANA's pages, made here as its style sheets make them."""

from __future__ import annotations

import re

import pytest

from tests.support.port_releases import PORTS, person, release, tcp, udp
from tests.support.xhtml_pages import DOCTYPE, pages
from watcher.core.errors import ParseError
from watcher.formats.base import Document, FieldMap
from watcher.formats.iana_xhtml import next_page, read
from watcher.formats.iana_xml import reader

ANY = FieldMap()
GROUP = b"""<registry xmlns="http://www.iana.org/assignments" id="group">
  <title>A group</title><created>2001-01-01</created><updated>2020-01-31</updated>
  <note>See <xref type="rfc" data="rfc1"/>.</note><note>Second.</note>
  <registry id="one"><title>One &amp; only</title><registration_rule>IETF Review</registration_rule>
    <xref type="rfc" data="rfc2"/>
    <record><value>0</value><description>a<br/>b</description><xref type="rfc" data="rfc3"/></record>
    <record><value>1</value><description>&lt;script&gt;</description></record>
    <registry id="inner"><title>Inner</title><record><value>7</value><odd>kept</odd></record></registry>
  </registry>
  <registry id="none"><title>Nothing yet</title></registry>
  <people><person id="Jo"><name>Jo</name><uri>mailto:jo</uri><uri>tel:1</uri></person></people>
</registry>"""
URL = "https://www.iana.org/assignments/x/x.xhtml"


def without_markup(document: Document) -> list[tuple[str, dict[str, str]]]:
    return [
        (row.registry, {name: text for name, text in row.fields.items() if not name.startswith("markup:")})
        for row in (*document.rows, *document.contacts)
    ]


def refusal(data: bytes, columns: FieldMap = ANY) -> str:
    with pytest.raises(ParseError) as error:
        read(data, columns)
    return error.value.reason


def group() -> bytes:
    (page,) = pages(reader.read(GROUP, ANY))
    return page


def test_a_page_gives_rows_contacts_and_headers_under_the_paths_of_the_xml() -> None:
    rich, poor = reader.read(GROUP, ANY), read(group(), ANY)
    assert [(path, set(fields.values())) for path, fields in without_markup(poor)] == [
        (path, set(fields.values())) for path, fields in without_markup(rich)
    ]
    assert (poor.id, poor.published, poor.problems) == ("group", "2020-01-31", ())
    assert set(poor.headers) == set(rich.headers) == {"", "one", "one/inner", "none"}
    for path, header in poor.headers.items():
        printed = {name: text for name, text in header.items() if name != "columns"}
        assert printed == {name: text for name, text in rich.headers[path].items() if not name.startswith("markup:")}
    assert poor.headers["one"]["columns"] == "Value\nDescription\nReference"


def test_procedures_and_footnotes_belong_to_the_header() -> None:
    table = b"""<table class="sortable" id="table-one-range">
        <thead><tr><th>Range</th><th>Registration Procedures</th></tr></thead>
        <tbody><tr><td>0-9</td><td>IETF Review</td></tr><tr><td>10</td><td>None</td></tr></tbody></table>"""
    notes = b"""<h1>Footnotes</h1>
        <table class="fn"><tr><td class="fn">[1]</td><td class="fn"><pre>A note.</pre></td></tr></table>"""
    page = group().replace(b'<table id="table-one"', table + b'<table id="table-one"')
    document = read(page.replace(b"</article>", notes + b"</article>"), ANY)
    assert document.headers["one"]["range"] == "0-9 IETF Review\n\n10 None"
    assert document.headers[""]["footnote"] == "A note."
    assert len(document.rows) == 3


def test_a_note_with_a_title_keeps_it_and_a_space_entity_is_a_space() -> None:
    page = group().replace(b"<dt>Note</dt>", b"<dt>WARNING</dt>").replace(b"<td>kept</td>", b"<td>&nbsp;</td>")
    document = read(page, ANY)
    assert document.headers[""]["note"] == "WARNING: See [RFC1].\n\nSecond."
    assert "odd" not in document.rows[2].fields


def ports(rows: int, size: int = 2, updated: str = "2020-01-31") -> list[bytes]:
    data = release([tcp(f"s{n}", str(n), contact="Jo") for n in range(rows)], updated, [person("Jo", "Jo")])
    return pages(reader.read(data, PORTS.columns), PORTS.columns, size)


def test_pages_one_after_the_other_are_one_document() -> None:
    made = ports(5)
    assert len(made) == 3
    document = read(b"".join(made), PORTS.columns)
    assert [row.fields["port"] for row in document.rows] == ["0", "1", "2", "3", "4"]
    assert {row.registry for row in document.rows} == {""}
    assert {tuple(row.fields) for row in document.rows} == {PORTS.columns.always}
    assert (document.id, len(document.contacts)) == ("service-names-port-numbers", 1)
    # The page prints the contact where a row has no assignee, as the CSV does.
    assert document.rows[0].fields["assignee"] == document.rows[0].fields["contact"] == "[Jo]"


def test_a_page_leads_to_the_next_page() -> None:
    made = ports(20, size=1)
    assert next_page(made[0], URL) == f"{URL}?&page=2"
    assert next_page(made[8], f"{URL}?&page=9#x") == f"{URL}?&page=10"
    assert next_page(made[8], f"{URL}?search=a&page=9") == f"{URL}?search=a&page=10"
    assert next_page(made[19], f"{URL}?&page=20") is None
    assert next_page(group(), URL) is None


def test_pages_that_are_missing_or_of_two_releases_are_refused() -> None:
    made = ports(5)
    assert refusal(b"".join(made[:2]), PORTS.columns) == "cut"
    assert refusal(b"".join(made[1:]), PORTS.columns) == "cut"
    assert refusal(made[0] + made[2], PORTS.columns) == "cut"
    assert refusal(made[0] + ports(5, updated="2020-02-01")[1] + made[2], PORTS.columns) == "mixed_pages"
    assert refusal(made[0] + made[1] + made[2].replace(b">Contact ", b">Kontakt "), PORTS.columns) == "mixed_pages"


PAGE = b'<html xmlns="http://www.w3.org/1999/xhtml"><body><h1>Oh</h1>%b</body></html>'
HTML = b"<!doctype html><html><body>%b</html>"


@pytest.mark.fault(7, 21)
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b" \n", "empty"),
        (HTML % b"Sorry</body>", "not_expected_format"),
        (HTML % b"<table><tr><td>Sorry<br></table>", "not_expected_format"),
        (PAGE % b"<table><tr><td>Sorry</td></tr></table>", "not_expected_format"),
        (PAGE % b"<table><tr><th>Sorry</th></tr><tr><td>500</td></tr></table>", "not_expected_format"),
        (GROUP.replace(b"<people", b"<table/><people"), "not_expected_format"),
        (group()[:-60], "not_well_formed"),
        (group() + b'<html xmlns="http://www.w3.org/1999/xhtml"><table>', "not_well_formed"),
        (group().replace(b"<td>7</td>", b"<td>7</td><td>8</td>"), "ragged"),
        (group().replace(b"<td>7</td>", b'<td colspan="2">7</td>'), "ragged"),
        (group().replace(b"<td>7</td>", b'<td rowspan="2">7</td>'), "ragged"),
        (group().replace(DOCTYPE.encode(), b'<!DOCTYPE html [<!ENTITY x "y">]>'), "doctype"),
        (group().replace(DOCTYPE.encode(), b'<!DOCTYPE registry SYSTEM "x">'), "doctype"),
    ],
)
def test_an_incomplete_or_other_page_is_refused(data: bytes, reason: str) -> None:
    assert refusal(data) == reason


def test_a_page_of_another_registry_is_refused_for_the_ports() -> None:
    assert refusal(group(), PORTS.columns) == "wrong_registry"


def test_the_markup_around_the_tables_makes_no_difference() -> None:
    plain = without_markup(read(group(), ANY))
    for edit in (
        lambda page: page.replace(DOCTYPE.encode(), b""),
        lambda page: page.replace(b"<article>", b"<main><div>").replace(b"</article>", b"</div></main>"),
        lambda page: page.replace(b"<thead>", b"").replace(b"</thead>", b""),
        lambda page: re.sub(rb'<a name="([a-z]+)" id="[a-z]+"/>', rb'<a name="\1"></a>', page),
        lambda page: b"\n" + page,
        lambda page: page.replace(b"<td>", b'<td align="center">'),
    ):
        assert edit(group()) != group()
        assert without_markup(read(edit(group()), ANY)) == plain


def test_a_group_without_a_registry_has_a_page_without_a_table() -> None:
    rich = reader.read(re.sub(rb"<registry id=.one.*</people>", b"", GROUP, flags=re.DOTALL), ANY)
    (page,) = pages(rich)
    document = read(page, ANY)
    assert b"<table" not in page
    assert (document.id, document.rows, set(document.headers)) == ("group", (), {""})
    assert refusal(page.replace(b"group.xml", b"group.pdf")) == "not_expected_format"


def test_a_table_that_is_not_a_registry_is_skipped_and_reported() -> None:
    page = group().replace(b"<h2>", b"<table><tr><td>This page</td><td>is old</td></tr></table><h2>", 1)
    document = read(page, ANY)
    assert without_markup(document) == without_markup(read(group(), ANY))
    assert [problem.message for problem in document.problems] == ["a table without titles or id, which was not read"]


def test_two_protocols_of_a_page_are_two_rows() -> None:
    made = pages(reader.read(release([tcp("a", "1"), udp("a", "1")]), PORTS.columns), PORTS.columns)
    assert [row.fields["protocol"] for row in read(made[0], PORTS.columns).rows] == ["tcp", "udp"]
