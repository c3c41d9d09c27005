"""Reading CSV and TSV: strict about the table, indifferent to how it is written."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.port_releases import PORTS
from watcher.core.errors import ParseError
from watcher.core.tables import Layout
from watcher.formats.base import Document, FieldMap, RowCache
from watcher.formats.catalog import FORMATS
from watcher.formats.csv_lines import CSV, TSV, CsvRow, CsvRows
from watcher.formats.csv_table import read, read_tsv

ANY = FieldMap()
BARE = FieldMap(layout=Layout(header=False))
DATED = FieldMap(attributes={"date": "registered", "updated": "modified"})


def rows(data: bytes, field_map: FieldMap = ANY) -> list[dict[str, str]]:
    return [dict(row.fields) for row in read(data, field_map).rows]


def titles(document: Document) -> list[str]:
    return document.headers[""]["columns"].split("\n")


def refusal(data: bytes, field_map: FieldMap = ANY) -> tuple[str, int | None]:
    with pytest.raises(ParseError) as error:
        read(data, field_map)
    return error.value.reason, error.value.line


def test_titles_become_fields_and_an_empty_cell_is_an_absent_field() -> None:
    document = read(b"Value,Description,Reference\r\n0,zero,[RFC1]\r\n1,,\r\n", ANY)
    assert [dict(row.fields) for row in document.rows] == [
        {"Value": "0", "Description": "zero", "references": "[RFC1]"},
        {"Value": "1"},
    ]
    assert titles(document) == ["Value", "Description", "Reference"]
    assert (document.id, document.published, document.contacts, document.problems) == (None, None, (), ())


@pytest.mark.fault(30)
@pytest.mark.parametrize("break_", ["\n", "\r\n", " ", "\n\n  ", "\t"])
def test_a_line_break_in_a_cell_is_a_space_however_it_is_written(break_: str) -> None:
    assert rows(f'a,b\r\n"one{break_}two", three \r\n'.encode()) == [{"a": "one two", "b": "three"}]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfa,b\r\n1,2\r\n",
        b"a,b\n1,2\n",
        b"a,b\r1,2\r",
        b'"a","b"\r\n"1","2"\r\n',
        b"a,b\r\n1,2\r\n\r\n",
        b" a ,b\r\n1, 2\r\n",
    ],
    ids=["byte order mark", "line feeds", "carriage returns", "quotes", "empty line at the end", "white space"],
)
def test_quoting_line_ends_and_white_space_make_no_difference(data: bytes) -> None:
    document = read(data, ANY)
    assert ([dict(row.fields) for row in document.rows], titles(document)) == ([{"a": "1", "b": "2"}], ["a", "b"])


@pytest.mark.fault(30)
@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "empty", None),
        (b"\xef\xbb\xbf \r\n\r\n", "empty", None),
        (b"a,b\r\n1,2\r\n3\r\n", "ragged", 3),
        (b"a,b\r\n1,2,3\r\n", "ragged", 2),
        (b'a,b\r\n"1\r\n2",2\r\n3\r\n', "ragged", 4),
        (b'a,b\r\n1,2\r\n"3,4\r\n', "not_well_formed", 3),
        (b'a,b\r\n"1"2,3\r\n', "not_well_formed", 2),
        (b"a,b\r\n1,\xff\r\n", "not_well_formed", 2),
        ("a,b\r\n1,2\r\n".encode("utf-16"), "not_well_formed", 1),
        (b"a,b\r\n1,\0\r\n", "not_well_formed", 2),
        (b"a," * 2000 + b"a\r\n", "too_large", 1),
        (b"a,b\r\n1," + b"x" * 2_200_000 + b"\r\n", "too_large", 2),
        (b"\n<?xml version='1.0'?>\n<html/>", "not_expected_format", 1),
        (b"<!DOCTYPE html>\n<html>\n", "not_expected_format", 1),
        (b"<html lang='en'>", "not_expected_format", 1),
        (b'<registry xmlns="http://www.iana.org/assignments" id="x">\n</registry>', "not_expected_format", 1),
    ],
)
def test_a_broken_table_is_refused_with_its_line(data: bytes, reason: str, line: int | None) -> None:
    assert refusal(data) == (reason, line)


def test_a_table_may_begin_with_an_angle_bracket_and_have_no_row() -> None:
    assert rows(b"<category>/<identifier>,Description\r\n") == []
    assert rows(b"<provider>\r\nexample\r\n") == [{"<provider>": "example"}]
    assert rows(b"<html>,<title>\r\nx,y\r\n".replace(b"<html>,", b"<b>,")) == [{"<b>": "x", "<title>": "y"}]


@pytest.mark.fault(24)
def test_more_rows_than_any_registry_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.formats.text.MAX_ROWS", 3)
    assert len(rows(b"id\r\n1\r\n2\r\n3\r\n")) == 3
    assert refusal(b"id\r\n1\r\n2\r\n3\r\n4\r\n") == ("too_large", 5)
    monkeypatch.setattr("watcher.formats.text.MAX_CELLS", 5)
    assert refusal(b"a,b\r\n1,2\r\n3,4\r\n5,6\r\n") == ("too_large", 4)


@pytest.mark.parametrize(
    "first", ["0,zero,[RFC1]", "0x1F-0x2F,x,y", "name,[Jo_Doe][RFC2],x", "2020-01-01,a,b", "https://example.org/,a,b"]
)
def test_a_first_row_of_data_is_not_taken_for_titles(first: str) -> None:
    document = read(f"{first}\r\n1,one,[RFC2]\r\n".encode(), ANY)
    assert [list(row.fields) for row in document.rows] == [["column 1", "column 2", "column 3"]] * 2
    assert document.headers[""]["columns"] == ""


def test_the_configuration_can_say_whether_there_are_titles_and_name_the_columns() -> None:
    data = b"Value,Name\r\n1,one\r\n"
    assert len(rows(data, FieldMap(layout=Layout(header=False)))) == 2
    named = FieldMap(layout=Layout(header=False, columns=("code", "text")))
    assert rows(data, named)[1] == {"code": "1", "text": "one"}
    assert refusal(data, FieldMap(layout=Layout(header=False, columns=("code",)))) == ("ragged", 1)
    assert rows(b"1,2\r\n3,4\r\n", FieldMap(layout=Layout(header=True))) == [{"1": "3", "2": "4"}]


def test_titles_that_say_the_same_become_the_fields_of_the_xml() -> None:
    data = b"Reference(s),Registration Date,Last Updated,Status [1]\r\n[RFC1],2020-01-01,2021,x\r\n"
    assert list(rows(data, DATED)[0]) == ["references", "registered", "modified", "Status [1]"]
    assert list(rows(data)[0]) == ["references", "Registration Date", "Last Updated", "Status [1]"]


@pytest.mark.fault(25)
def test_a_repeated_or_empty_title_loses_no_cell() -> None:
    document = read(b"Note,Note,\r\nx,y,z\r\n", ANY)
    assert dict(document.rows[0].fields) == {"Note": "x", "Note (column 2)": "y", "column 3": "z"}
    assert [problem.message for problem in document.problems] == ["column 2 is called 'Note' too"]


PORT_TITLES = "Service Name,Port Number,Transport Protocol,Description,Assignee,Contact,Registration Date"


def test_the_ports_have_the_fields_of_the_xml_under_both_names_of_a_column() -> None:
    for title in ("Known Unauthorized Uses", "Unauthorized Use Reported"):
        data = f"{PORT_TITLES},{title}\r\nssh,22,tcp,Shell,[A],[B],2020,yes\r\n".encode()
        document = read(data, PORTS.columns)
        assert tuple(document.rows[0].fields) == PORTS.columns.always
        assert document.rows[0].fields["unauthorized_use"] == "yes"
        assert document.problems == ()


@pytest.mark.fault(25)
def test_a_column_that_the_ports_do_not_have_is_kept_and_reported() -> None:
    document = read(f"{PORT_TITLES},Colour\r\nssh,22,tcp,Shell,[A],[B],2020,red\r\n".encode(), PORTS.columns)
    assert document.rows[0].fields["Colour"] == "red"
    assert [problem.message for problem in document.problems] == ["unknown column 'Colour'"]
    assert refusal(b"Value,Colour\r\n1,red\r\n", PORTS.columns) == ("wrong_registry", 1)


@pytest.mark.fault(30)
def test_a_table_that_ends_inside_a_line_is_read_and_reported() -> None:
    assert [problem.code for problem in read(b"a,b\r\n1,2", ANY).problems] == ["unfinished"]


def test_in_tsv_a_quote_is_an_ordinary_character() -> None:
    document = read_tsv(b'a\tb\n"1\t2, 3\n', ANY)
    assert [dict(row.fields) for row in document.rows] == [{"a": '"1', "b": "2, 3"}]
    with pytest.raises(ParseError) as error:
        read_tsv(b"a\tb\n1,2\n", ANY)
    assert error.value.reason == "ragged"


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(_CELL, min_size=width, max_size=width), max_size=5)))
def test_a_written_table_is_read_back_except_for_white_space(table: list[list[str]]) -> None:
    width = len(table[0]) if table else 1
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL).writerows([[f"t{n}" for n in range(width)], *table])
    read_back = rows(out.getvalue().encode("utf-8"), FieldMap(layout=Layout(header=True)))
    texts = ({f"t{n}": " ".join(cell.split()) for n, cell in enumerate(cells) if cell.strip()} for cells in table)
    assert read_back == [row for row in texts if row]


_CELLS = ("", "a", "b", " a", "é", "x" * 40, '"a"', '"a,b"', '"a\nb"', '"a\r\nb"', '"say ""a"""', '"\r"')
_END = ("\n", "\n", "\r\n", "\r\n", "\r", "\n\n", "\r\n \r\n")
_ODD = ('"', '"a', '""', "\n", "\r", "\r\n", ",", ",a", "\0", "\ufeff", " ", "a", "\x1f", "\x85", "<html>")


def plainly(data: bytes, **dialect: int | str) -> object:
    """The cells of a table by Python's own reader alone, folded; or what is wrong with them."""
    text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True, **dialect)  # type: ignore[arg-type]
    try:
        return [[" ".join(cell.split()) for cell in cells] for cells in reader if cells]
    except (csv.Error, UnicodeDecodeError):
        return None


def outcome_of(
    reader: Callable[..., Document], data: bytes, cache: RowCache | None = None, field_map: FieldMap = BARE
) -> object:
    """Return the facts of a document, or why it is refused."""
    try:
        document = reader(data, field_map, cache)
    except ParseError as error:
        return error.reason, error.line, str(error)
    return document.headers, [dict(row.fields) for row in document.rows], document.problems


class Series:
    """A table that changes from release to release, written in different ways and sometimes damaged."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._rows = [self._row() for _ in range(chance.randint(0, 30))]

    def written(self) -> bytes:
        text = "".join(self._rows)
        if self._chance.random() < 0.3:
            # At the start too, where a page and a table differ.
            at = self._chance.choice((0, *(self._chance.randint(0, len(text)) for _ in range(3))))
            text = text[:at] + self._chance.choice(_ODD) + text[at:]
        if self._chance.random() < 0.3:
            text = text[: -self._chance.randint(1, 3)]
        return (self._chance.choice(("", "", "\ufeff")) + text).encode()

    def step(self) -> None:
        for _ in range(self._chance.randint(0, 3)):
            at = self._chance.randint(0, len(self._rows))
            edit = self._chance.randrange(5)
            if edit == 0:
                self._rows.insert(at, self._row())
            elif edit == 1:
                self._rows[at : at + 1] = [self._row()]
            elif edit == 2:
                del self._rows[at : at + self._chance.randint(1, 3)]
            elif edit == 3:
                self._rows[at:at] = self._rows[:2]
            else:
                self._rows = self._rows[at:] + self._rows[:at]

    def _row(self) -> str:
        number = str(self._chance.randrange(20))
        return ",".join((number, *self._chance.choices(_CELLS, k=2))) + self._chance.choice(_END)


def fine(patch: pytest.MonkeyPatch, step: int) -> None:
    """Read and compare so few bytes at a time that equal ranges begin and end everywhere."""
    for name in ("unchanged_ranges._COMPARED", "unchanged_ranges.BLOCK", "csv_table._FIRST_BLOCK"):
        patch.setattr(f"watcher.formats.{name}", step)
    patch.setattr("watcher.formats.unchanged_ranges._LEAST_COMPARED", 1)


@pytest.mark.fault(30)
@settings(max_examples=400)
@given(st.randoms(use_true_random=False), st.integers(1, 64), st.sampled_from((read, read_tsv)))
def test_the_next_release_reads_the_same_with_and_without_the_cache(
    chance: random.Random, step: int, reader: Callable[..., Document]
) -> None:
    cache = RowCache()
    series = Series(chance)
    with pytest.MonkeyPatch.context() as patch:
        fine(patch, step)
        for _ in range(5):
            data = series.written()
            if reader is read_tsv:
                data = data.replace(b",", b"\t")
            assert outcome_of(reader, data, cache) == outcome_of(reader, data), data
            series.step()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("odd", _ODD)
def test_an_edit_anywhere_reads_the_same_with_and_without_the_cache(odd: str, end: str) -> None:
    table = end.join(("1,a", '2,"b,c"', '3,"d' + end + 'e"', "4,", "5,f")) + end
    spoiled = [table[:at] + odd + table[at:] for at in range(len(table) + 1)]
    cut = [table[:at] for at in range(len(table))]
    with pytest.MonkeyPatch.context() as patch:
        fine(patch, 4)
        for other in (*spoiled, *cut):
            for old, new in ((table, other), (other, table)):
                cache = RowCache()
                outcome_of(read, old.encode(), cache)
                assert outcome_of(read, new.encode(), cache) == outcome_of(read, new.encode()), (old, new)


@settings(max_examples=300)
@given(st.text(alphabet='ab,"\r\n\t \ufeff', max_size=40))
def test_the_rows_are_those_of_the_standard_csv_module(text: str) -> None:
    data = text.encode()
    for dialect, plain in ((CSV, plainly(data)), (TSV, plainly(data, delimiter="\t", quoting=csv.QUOTE_NONE))):
        csv_rows = CsvRows(data, dialect, Layout())
        try:
            entries = [
                ([" ".join(cell.split()) for cell in cells], begin, end)
                for cells, begin, end in csv_rows.read_from(csv_rows.begin)
            ]
        except ParseError:
            assert plain is None
            continue
        assert [cells for cells, _, _ in entries] == plain
        for number, (_, begin, _) in enumerate(entries):
            assert [cells for cells, _, _ in entries[number:]] == [
                [" ".join(cell.split()) for cell in again] for again, _, _ in csv_rows.read_from(begin)
            ]
            assert csv_rows.line_number(begin) == len(
                data[:begin].decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
            )


@pytest.mark.fault(24, 30)
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"a\n12", b"a\n123\n"),
        (b"a,b\n1,2", b"a,b\n1,23,4\n"),
        (b"a,b\n1,2\r", b"a,b\n1,2\r\n3,4\n"),
        (b"id\n1\n2\n3\n4\n", b"id\n0\n1\n2\n3\n4\n"),
    ],
    ids=["the last cell goes on", "the last row goes on", "a line feed comes after", "one more than may be"],
)
def test_the_new_release_may_continue_the_last_row_of_the_old_one(
    old: bytes, new: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    fine(monkeypatch, 1)
    monkeypatch.setattr("watcher.formats.text.MAX_ROWS", 4)
    cache = RowCache()
    read(old, ANY, cache)
    assert cache.previous is not None
    assert outcome_of(read, new, cache, ANY) == outcome_of(read, new, None, ANY)


def test_rows_of_another_dialect_are_not_reused(monkeypatch: pytest.MonkeyPatch) -> None:
    fine(monkeypatch, 1)
    cache = RowCache()
    data = b'a\n"1"\n"2"\n"3"\n'
    outcome_of(read, data, cache, ANY)
    assert outcome_of(read_tsv, data, cache, ANY) == outcome_of(read_tsv, data, None, ANY)


def test_unchanged_rows_are_reused_and_only_changed_ones_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [f"{number},record {number}\r\n" for number in range(5000)]
    cache = RowCache()
    before = read("".join(("Value,Name\r\n", *records)).encode(), ANY, cache)
    records[2000] = '2000,"said\r\notherwise"\r\n'
    del records[3000]
    read_from, seen = CsvRows.read_from, []

    def noted(csv_rows: CsvRows, offset: int) -> Iterator[CsvRow]:
        for row in read_from(csv_rows, offset):
            seen.append(row)
            yield row

    monkeypatch.setattr(CsvRows, "read_from", noted)
    after = read("".join(("Value,Name\r\n", *records)).encode(), ANY, cache)
    assert len(seen) < 100
    assert [dict(row.fields) for row in after.rows][2000] == {"Value": "2000", "Name": "said otherwise"}
    assert [*before.rows[:2000], *before.rows[2001:3000], *before.rows[3001:]] == [
        *after.rows[:2000],
        *after.rows[2001:],
    ]


def test_a_cell_of_a_megabyte_is_read() -> None:
    data = b"Code,Name\r\n1," + b"x y" * 350_000 + b"\r\n"
    (row,) = FORMATS["csv"].read(data, FieldMap()).rows
    assert len(row.fields["Name"]) == 1_050_000
