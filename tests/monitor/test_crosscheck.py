"""Comparing a table with the XML: what is a disagreement, what a lag, and which columns have no match."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.port_releases import PORTS, release, tcp, udp
from tests.support.xhtml_pages import pages
from watcher.formats import csv_table, iana_xhtml
from watcher.formats.base import Document, FieldMap
from watcher.formats.iana_xml import reader
from watcher.monitor.crosscheck import Agreement, CrossCheck, crosscheck, registry_of

ANY = FieldMap()
HEAD = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact\r\n"


def ports(*rows: str) -> Document:
    return csv_table.read((HEAD + "".join(f"{row}\r\n" for row in rows)).encode(), PORTS.columns)


def xml(ports: int = 3, **more: str) -> Document:
    return reader.read(release([tcp(f"s{n}", str(n), **more) for n in range(ports)]), PORTS.columns)


def rows(ports: int = 3, end: str = ",") -> list[str]:
    return [f"s{n},{n},tcp,The s{n} service,{end}" for n in range(ports)]


def group(*records: str, registry: str = "one") -> Document:
    body = "".join(f"<record>{record}</record>" for record in records)
    inner = f'<registry id="{registry}">{body}</registry>'
    return reader.read(f'<registry xmlns="http://www.iana.org/assignments" id="g">{inner}</registry>'.encode(), ANY)


def places(result: CrossCheck) -> list[tuple[str, str, str, str]]:
    return [(difference.row, difference.field, difference.xml, difference.other) for difference in result.examples]


def test_the_same_in_another_order_and_with_other_white_space_agrees() -> None:
    result = crosscheck(xml(), ports(*[row.replace("The ", "The  \t") for row in rows()[::-1]]), PORTS.columns)
    assert (result.verdict, result.total, result.examples, result.unmatched) == (Agreement.AGREE, 0, (), ())
    assert result.compared == {"name", "port", "protocol", "description", "assignee", "contact"}


def test_a_cell_that_differs_is_named_with_both_texts() -> None:
    result = crosscheck(xml(), ports(*rows(2), "s2,2,tcp,Another service,,"), PORTS.columns)
    assert (result.verdict, result.total) == (Agreement.DISAGREE, 1)
    assert places(result) == [("s2 2 tcp", "description", "The s2 service", "Another service")]


def test_rows_are_paired_by_all_that_tells_them_apart() -> None:
    rich = reader.read(release([tcp("a", "1"), udp("a", "1"), tcp("a", "2")]), PORTS.columns)
    result = crosscheck(rich, ports("a,2,tcp,Two,,", "a,1,udp,Udp,,", "a,1,tcp,Tcp,,"), PORTS.columns)
    assert [(row, other) for row, _, _, other in places(result)] == [
        ("a 1 tcp", "Tcp"),
        ("a 1 udp", "Udp"),
        ("a 2 tcp", "Two"),
    ]


def test_rows_that_one_of_them_does_not_have_are_named() -> None:
    result = crosscheck(xml(), ports(*rows(2), "new,9,udp,New,,"), PORTS.columns)
    assert places(result) == [
        ("s2 2 tcp", "", "s2 | 2 | tcp | The s2 service", ""),
        ("new 9 udp", "", "", "new | 9 | udp | New"),
    ]


def test_a_row_too_few_of_equal_ones_is_a_disagreement() -> None:
    rich = reader.read(release([tcp("rdp", ""), tcp("rdp", "")]), PORTS.columns)
    one = "rdp,,tcp,The rdp service,,"
    assert crosscheck(rich, ports(one, one), PORTS.columns).verdict is Agreement.AGREE
    assert crosscheck(rich, ports(one), PORTS.columns).total == 1


def test_a_table_prints_the_contact_where_there_is_no_assignee() -> None:
    assert crosscheck(xml(contact="Jo"), ports(*rows(end="[Jo],[Jo]")), PORTS.columns).verdict is Agreement.AGREE
    result = crosscheck(xml(contact="Jo", assignee="Al"), ports(*rows(end="[Jo],[Jo]")), PORTS.columns)
    assert {(difference.field, difference.xml, difference.other) for difference in result.examples} == {
        ("assignee", "[Al]", "[Jo]")
    }


def test_a_release_cut_short_is_a_disagreement_and_no_lag() -> None:
    cut = crosscheck(xml(2000), ports(*rows(4000)), PORTS.columns, earlier=[("before", xml(3999))])
    assert (cut.verdict, cut.total, len(cut.examples)) == (Agreement.DISAGREE, 2000, 10)


def test_a_table_of_an_older_release_lags_and_others_are_read_only_then() -> None:
    def earlier(*releases: tuple[str, Document]) -> Iterator[tuple[str, Document]]:
        yield from releases
        raise AssertionError("an earlier release was read that is not needed")

    assert crosscheck(xml(), ports(*rows()), PORTS.columns, earlier=earlier()).verdict is Agreement.AGREE
    releases = earlier(("newer", xml(5)), ("older", xml(2)))
    result = crosscheck(xml(), ports(*rows(2)), PORTS.columns, earlier=releases)
    assert (result.verdict, result.lag, result.total) == (Agreement.LAG, "older", 1)


def test_formats_that_both_name_a_date_are_of_two_releases_where_it_differs() -> None:
    old = reader.read(release([tcp("a", "1")], "2019-12-31"), PORTS.columns)
    new = reader.read(release([tcp("a", "1"), udp("a", "1")]), PORTS.columns)
    (page,) = pages(old, PORTS.columns)
    result = crosscheck(new, iana_xhtml.read(page, PORTS.columns), PORTS.columns)
    assert (result.verdict, result.lag) == (Agreement.LAG, "2019-12-31")
    same = reader.read(release([tcp("a", "1"), udp("a", "1")], "2019-12-31"), PORTS.columns)
    assert crosscheck(same, iana_xhtml.read(page, PORTS.columns), PORTS.columns).verdict is Agreement.DISAGREE


def test_a_csv_is_of_the_registry_that_it_is_named_after() -> None:
    rich, folder = group(), "https://www.iana.org/assignments/g/"
    assert registry_of(rich, folder + "one.csv?x#y") == "one"
    assert registry_of(rich, folder + "g.csv") == ""
    assert registry_of(rich, folder + "two.csv") is None


RECORDS = [
    f"<description>d{n}</description><odd>{'Y' if n % 3 else 'N'}</odd><xref type='rfc' data='rfc{n}'/>"
    for n in range(1, 9)
]


def table(*titles: str, cells: str = "d{n},{odd},[RFC{n}],{n}") -> Document:
    lines = [cells.format(n=n, odd="Y" if n % 3 else "N") for n in range(1, 9)]
    return csv_table.read("\r\n".join([",".join(titles), *lines, ""]).encode(), ANY)


def test_columns_are_matched_by_name_then_by_what_they_hold_and_the_rest_is_said() -> None:
    result = crosscheck(group(*RECORDS), table("Value", "Is Odd", "Reference(s)", "Colour"), ANY, registry="one")
    assert (result.verdict, result.compared) == (Agreement.AGREE, {"description", "odd", "references"})
    assert result.unmatched == ("one: Colour",)


def test_a_similar_name_is_no_match_if_the_texts_differ() -> None:
    swapped = [record.replace("<odd>", "<value>x</value><odd>") for record in RECORDS]
    result = crosscheck(group(*swapped), table("Value", "Odd [1]", "Reference", "N"), ANY, registry="one")
    assert (result.verdict, result.compared) == (Agreement.AGREE, {"description", "odd", "references"})


def test_two_fields_that_hold_the_same_match_no_column() -> None:
    twins = [record + "<copy>" + record[13:15] + "</copy>" for record in RECORDS]
    result = crosscheck(group(*twins), table("Value", "Odd", "Reference", "N"), ANY, registry="one")
    assert result.unmatched == ("one: Value", "one: N")


def test_a_column_of_few_texts_is_not_matched_by_them_when_rows_are_missing() -> None:
    result = crosscheck(group(*RECORDS[:6]), table("Description", "Q", "Reference", "N"), ANY, registry="one")
    assert "one: Q" in result.unmatched
    assert (result.verdict, result.total) == (Agreement.DISAGREE, 2)


def test_a_column_without_a_text_where_the_xml_has_some_is_a_disagreement() -> None:
    result = crosscheck(
        group(*RECORDS), table("Description", "Odd", "Reference", "N", cells="d{n},,[RFC{n}],"), ANY, registry="one"
    )
    assert (result.verdict, {difference.field for difference in result.examples}) == (Agreement.DISAGREE, {"odd"})


@pytest.mark.parametrize("gone", ["one", "two"])
def test_a_registry_that_a_page_does_not_have_is_a_disagreement(gone: str) -> None:
    whole = b'<registry xmlns="http://www.iana.org/assignments" id="g"><title>G</title>'
    for name in (b"one", b"two"):
        whole += b'<registry id="%b"><title>%b</title><record><value>1</value></record></registry>' % (name, name)
    rich = reader.read(whole + b"</registry>", ANY)
    (page,) = pages(rich)
    assert crosscheck(rich, iana_xhtml.read(page, ANY), ANY).verdict is Agreement.AGREE
    start = page.index(f'<table id="table-{gone}"'.encode())
    less = page[:start] + page[page.index(b"</table>", start) + 8 :]
    result = crosscheck(rich, iana_xhtml.read(less, ANY), ANY)
    assert (result.verdict, [difference.registry for difference in result.examples]) == (Agreement.DISAGREE, [gone])
    assert places(result) == [("1", "", "1", "")]


def test_rows_of_a_registry_that_is_empty_in_the_xml_are_reported_whole() -> None:
    result = crosscheck(group(), table("Value", "Odd", "Reference", "N"), ANY, registry="one")
    assert (result.verdict, result.total) == (Agreement.DISAGREE, 8)
    assert places(result)[0] == ("d1 Y [RFC1]", "", "", "d1 | Y | [RFC1] | 1")
