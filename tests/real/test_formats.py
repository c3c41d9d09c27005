"""The formats that IANA publishes side by side have the same content, on 11 dates, as far as each can carry it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from tests.support import real_data, xhtml_pages
from tests.support.file_comparisons import compare_ports
from watcher.core.errors import ParseError
from watcher.diff.port_tables import cut_tables
from watcher.formats import csv_table, iana_ports_text, iana_xhtml
from watcher.formats.base import Document, FieldMap
from watcher.formats.iana_xml import reader
from watcher.monitor.crosscheck import Agreement, crosscheck, registry_of
from watcher.registries.catalog import REGISTRIES

PORTS = "service-names-port-numbers"
GROUPS = (PORTS, "tls-parameters", "protocol-numbers", "ipv4-address-space")
# CSVs that were behind their XML when these copies were taken: IANA writes them hours or days later.
LAGGING = {
    ("2016-07-05", "tls-parameters-4"),
    ("2018-07-02", "tls-parameters-4"),
    ("2018-07-02", "tls-parameters-8"),
    ("2018-07-02", "tls-parameters-18"),
}


@pytest.fixture(scope="module", params=real_data.formats_dates())
def date(request: pytest.FixtureRequest) -> str:
    """Each date; pytest puts the tests of one together, so that its files are read once."""
    return str(request.param)


def columns(group: str) -> FieldMap:
    return REGISTRIES["ports" if group == PORTS else "iana"].columns


@cache
def xml(date: str, group: str) -> Document:
    return reader.read(real_data.formats_files(date)[f"{group}/{group}.xml"], columns(group))


def tables(date: str) -> Iterator[tuple[str, str, Document]]:
    """Yield every CSV of a date with its group and the name of its registry."""
    for path, data in real_data.formats_files(date).items():
        group, _, name = path.partition("/")
        if name.endswith(".csv"):
            yield group, name.removesuffix(".csv"), csv_table.read(data, columns(group))


def test_every_csv_agrees_with_its_xml_in_every_row_and_column(date: str) -> None:
    seen, rows, lagging = 0, 0, set()
    for group, name, table in tables(date):
        path = registry_of(xml(date, group), f"https://www.iana.org/assignments/{group}/{name}.csv")
        assert path is not None
        result = crosscheck(xml(date, group), table, columns(group), registry=path)
        seen, rows = seen + 1, rows + len(table.rows)
        if result.total:
            lagging.add((date, name))
            assert result.verdict is Agreement.DISAGREE, name
        # The supported groups' CSV has a column for a comment, and no record of theirs has one.
        comment = name == "tls-parameters-8" and date >= "2018-07-02"
        assert result.unmatched == (("tls-parameters-8: Comment",) if comment else ()), name
        assert not any(row.fields.get("Comment") for row in table.rows if comment)
        assert table.problems == ()
    assert lagging == {csv for csv in LAGGING if csv[0] == date}
    assert seen >= 19
    assert rows > 14_000


def test_a_lagging_csv_agrees_with_the_xml_before() -> None:
    for date, name in sorted(LAGGING - {("2016-07-05", "tls-parameters-4")}):
        table = next(table for _, registry, table in tables(date) if registry == name)
        result = crosscheck(xml(date, "tls-parameters"), table, FieldMap(), registry=name)
        before = {
            (row.fields["value"], field): row.fields.get(field, "")
            for row in xml("2018-01-04", "tls-parameters").rows
            if row.registry == name
            for field in ("description", "dtls", "references")
        }
        assert result.total == len(result.examples)
        for example in result.examples:
            value = example.row.partition(" ")[0]
            # One cell was between the two: the release before it is not in the bundle.
            assert before.get((value, example.field), "") in (
                example.other,
                "N" if value == "0xC0,0xA3" else example.other,
            )
    draft, rfc = "[RFC-ietf-tls-chacha20-poly1305-04]", "[RFC7905]"
    table = next(table for _, name, table in tables("2016-07-05") if name == "tls-parameters-4")
    result = crosscheck(xml("2016-07-05", "tls-parameters"), table, FieldMap(), registry="tls-parameters-4")
    assert {(example.field, example.xml, example.other) for example in result.examples} == {("references", rfc, draft)}
    assert result.total == 7


def test_a_csv_of_the_release_before_is_a_lag_and_no_disagreement() -> None:
    table = next(table for group, _, table in tables("2019-01-02") if group == PORTS)
    old, new = xml("2019-01-02", PORTS), xml("2019-07-01", PORTS)
    earlier = [("2019-06-13", new), ("2018-12-19", old)]
    result = crosscheck(new, table, columns(PORTS), earlier=earlier)
    assert (result.verdict, result.lag) == (Agreement.LAG, "2018-12-19")
    assert crosscheck(new, table, columns(PORTS), earlier=earlier[:1]).verdict is Agreement.DISAGREE


def test_the_text_has_the_name_port_and_protocol_of_every_row(date: str) -> None:
    reading = xml(date, PORTS)
    text = iana_ports_text.read(real_data.formats_files(date)[f"{PORTS}/{PORTS}.txt"], columns(PORTS))
    said = ("name", "port", "protocol")
    empty = dict.fromkeys(columns(PORTS).always, "")
    wanted = [empty | {name: row.fields[name] for name in said} for row in reading.rows]
    for fields, row in zip(wanted, reading.rows, strict=True):
        if not row.fields["name"] and row.fields["description"] in ("Unassigned", "Reserved"):
            fields["description"] = row.fields["description"]
    assert [row.fields for row in text.rows] == wanted  # in order; a text carries no other field
    assert (text.published, text.contacts, text.id) == (reading.published, (), None)
    result = crosscheck(reading, text, columns(PORTS))
    assert (result.verdict, result.compared) == (Agreement.AGREE, set(said))


def test_a_csv_lacks_dates_contacts_line_breaks_and_links() -> None:
    date = "2021-07-07"
    rich = xml(date, PORTS)
    poor = next(table for group, _, table in tables(date) if group == PORTS)
    assert rich.published is not None
    assert (poor.published, poor.id, poor.contacts) == (None, None, ())
    assert set(poor.headers[""]) == {"id", "columns"}  # no title, experts, notes
    pairs = list(zip(rich.rows, poor.rows, strict=True))
    # No assignee and an assignee who is the contact look alike.
    assert sum(not one.fields["assignee"] and bool(two.fields["assignee"]) for one, two in pairs) > 500
    assert all(two.fields["assignee"] == (one.fields["assignee"] or one.fields["contact"]) for one, two in pairs)
    # A CSV has no line breaks in a cell and no targets of links.
    assert any("\n" in one.fields["notes"] and "\n" not in two.fields["notes"] for one, two in pairs)
    assert any(name.startswith("markup:") for one, _ in pairs for name in one.fields)
    assert not any(name.startswith("markup:") for _, two in pairs for name in two.fields)


def test_a_renamed_column_changes_the_header_and_no_row() -> None:
    fields = {}
    for date in ("2019-01-02", "2019-07-01"):
        table = next(table for group, _, table in tables(date) if group == PORTS)
        fields[date] = {tuple(row.fields) for row in table.rows}
        titles = table.headers[""]["columns"].split("\n")
        assert ("Known Unauthorized Uses" in titles, "Unauthorized Use Reported" in titles) == (
            date == "2019-01-02",
            date == "2019-07-01",
        )
    assert fields["2019-01-02"] == fields["2019-07-01"] == {REGISTRIES["ports"].columns.always}


@pytest.mark.parametrize("group", GROUPS)
def test_the_pages_agree_with_the_xml_but_for_the_markup(group: str) -> None:
    rich = xml("2021-07-07", group)
    made = xhtml_pages.pages(rich, columns(group), size=100 if group == PORTS else None)
    assert len(made) == (143 if group == PORTS else 1)
    poor = iana_xhtml.read(b"".join(made), columns(group))
    result = crosscheck(rich, poor, columns(group))
    assert (result.verdict, result.unmatched) == (Agreement.AGREE, ())
    assert (poor.id, poor.published) == (rich.id, rich.published)
    contacts = {row.fields["id"]: row.fields for row in rich.contacts}
    assert len(poor.contacts) > (0 if contacts else -1)
    for row in poor.contacts:
        said = contacts[row.fields["id"]].items()
        assert row.fields == {name: text for name, text in said if not name.startswith("markup:")}
    assert poor.headers.keys() <= rich.headers.keys()
    assert not any(name.startswith("markup:") for row in poor.rows for name in row.fields)


def test_the_page_of_any_group_agrees_with_its_xml() -> None:
    groups = real_data.iana_groups()[::3]
    rows, generic = 0, REGISTRIES["iana"].columns
    for group in groups:
        rich = reader.read(real_data.iana_document(group, real_data.iana_versions()[group][-1][0]), generic)
        poor = iana_xhtml.read(b"".join(xhtml_pages.pages(rich)), generic)
        result = crosscheck(rich, poor, generic)
        assert (result.verdict, result.unmatched) == (Agreement.AGREE, ()), group
        assert poor.headers.keys() <= rich.headers.keys(), group
        rows += len(poor.rows)
    assert len(groups) == 126
    assert rows > 5_000


@pytest.mark.parametrize("format", [csv_table.read, csv_table.read_tsv, iana_xhtml.read, iana_ports_text.read])
def test_the_pages_that_servers_sent_in_place_of_a_registry_are_refused(format: object) -> None:  # noqa: A002
    pages = sorted((real_data.accidents() / "accidents" / "error-pages").iterdir())
    assert len(pages) == 9
    for page in pages:
        with pytest.raises(ParseError) as error:
            format(page.read_bytes(), FieldMap())  # type: ignore[operator]
        assert error.value.reason == "not_expected_format", page.name


def test_tables_that_only_look_wrong_are_read() -> None:
    folder = real_data.accidents() / "accidents" / "not-an-error"
    read = {path.name: csv_table.read(path.read_bytes(), FieldMap()) for path in sorted(folder.glob("*.csv"))}
    assert {name: len(table.rows) for name, table in read.items()} == {
        "alert-urns-identifiers.csv": 27,
        "alert-urns-providers.csv": 1,
        "no-registrations-9-bytes.csv": 1,
    }
    assert read["alert-urns-identifiers.csv"].headers[""]["columns"].startswith("<alert-category>/<alert-identifier>\n")


def test_csvs_that_are_cut_down_have_the_comparison_of_the_whole_files() -> None:
    tables = [real_data.formats_files(date)[f"{PORTS}/{PORTS}.csv"] for date in real_data.formats_dates()]
    left_out = []
    for old, new in pairwise(tables):
        cut = cut_tables(old, new)
        left_out.append(cut.left_out if cut else 0)
        assert compare_ports(old, new, suffix="csv", whole=False) == compare_ports(old, new, suffix="csv", whole=True)
    assert sum(number > 9_000 for number in left_out) >= 7
