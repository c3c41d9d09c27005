"""The settings for plain tables that are not as RFC 4180 says."""

from __future__ import annotations

import json

import pytest

from watcher.core.errors import ParseError
from watcher.core.tables import Layout, find_layout_problems
from watcher.formats.base import FieldMap
from watcher.formats.catalog import FORMATS

TABLE = [{"Code": "1", "Name": "ssh"}, {"Code": "2", "Name": "smtp"}]


def read(data: bytes, format: str = "csv", layout: Layout | None = None) -> list[dict[str, str]]:  # noqa: A002
    document = FORMATS[format].read(data, FieldMap(layout=layout or Layout()))
    return [dict(row.fields) for row in document.rows]


def refusal(data: bytes, format: str = "csv", layout: Layout | None = None) -> str:  # noqa: A002
    with pytest.raises(ParseError) as error:
        read(data, format, layout)
    return str(error.value)


@pytest.mark.parametrize(
    ("data", "layout"),
    [
        (b"Code;Name\n1;ssh\n2;smtp\n", Layout(delimiter=";")),
        (b"# made today, by hand\nCode,Name\n1,ssh\n# 9,nine\n2,smtp\nTotal: 2\n", Layout(comment=("#", "Total"))),
        (b"Code,Name\r\n1,ssh\r\n2,smtp\r\n\x1a", Layout(comment=("\x1a",))),
        (b"sep=,\nCode,Name\n1,ssh\n2,smtp\n", Layout(skip=1)),
        ("\ufeffa\nb\nCode,Name\n1,ssh\n2,smtp\n".encode(), Layout(skip=2)),
        ("Code,Name\n1,ssh\n2,smtp\n".encode("utf-16"), Layout(encoding="utf-16")),
        (b"'Code','Name'\n'1','ssh'\n'2','smtp'\n", Layout(quote="'")),
        (b"1,ssh\n2,smtp\n", Layout(columns=("Code", "Name"))),
        (b"Code,Name\n1,ssh,\n2,smtp,,\n", Layout()),
        (b"Code,Name\n1,ssh\n,,,\n2,smtp\n , \n", Layout()),
    ],
)
def test_a_table_is_read_as_its_settings_say(data: bytes, layout: Layout) -> None:
    assert read(data, "csv", layout) == TABLE


def test_quotes_can_be_escaped_or_mean_nothing() -> None:
    assert read(b'a,b\n1,"the \\"x\\" of"\n', layout=Layout(escape="\\")) == [{"a": "1", "b": 'the "x" of'}]
    assert read(b'a,b\n1,"x" \n', layout=Layout(quote="")) == [{"a": "1", "b": '"x"'}]
    assert read(b'a\tb\n1\t"x\ty"\n', "tsv", Layout(quote='"')) == [{"a": "1", "b": "x y"}]
    assert read("a,b\n1,Café\n".encode("latin-1"), layout=Layout(encoding="latin-1")) == [{"a": "1", "b": "Café"}]


def test_a_publisher_may_change_to_utf_16_between_two_releases() -> None:
    layout = Layout(encoding="utf-16")
    text = "Code,Name\n1,Café\n"
    both = [read(data, layout=layout) for data in (text.encode(), text.encode("utf-16"), text.encode("utf-8-sig"))]
    assert both == [[{"Code": "1", "Name": "Café"}]] * 3
    assert "a NUL in the text" in refusal(text.encode("utf-16-le"), layout=layout)
    assert read(text.encode("utf-16-le"), layout=Layout(encoding="utf-16-le")) == both[0]


def test_a_comment_is_no_line_inside_a_quoted_cell() -> None:
    assert read(b'a,b\n1,"x\n# y"\n', layout=Layout(comment=("#",))) == [{"a": "1", "b": "x # y"}]


def test_rows_may_lack_cells_only_if_that_is_allowed() -> None:
    layout = Layout(columns=("a", "b", "c"), ragged=True)
    assert read(b"1,2\n3\n4,5,6\n", layout=layout) == [{"a": "1", "b": "2"}, {"a": "3"}, {"a": "4", "b": "5", "c": "6"}]
    assert "4 cells in a table of 3 columns" in refusal(b"1,2\n3,4,5,6\n", layout=layout)
    assert "line 2: 1 cells in a table of 2 columns" in refusal(b"a,b\n1\n2,3\n")


def test_an_error_names_the_line_of_the_file() -> None:
    assert "line 5: 1 cells" in refusal(
        b"skipped\n# x\na,b\n\n# y\n1\n".replace(b"\n\n", b"\n"), layout=Layout(skip=1, comment=("#",))
    )
    assert "not utf-16: truncated data" in refusal(b"\xff\xfea", layout=Layout(encoding="utf-16"))
    assert 'is it UTF-16? then set encoding = "utf-16"' in refusal("a,b\n1,2\n".encode("utf-16"))


def test_another_delimiter_in_every_row_is_refused_until_it_is_configured() -> None:
    assert "one column, and 1 ';' in every row; set delimiter" in refusal(b"Code;Name\n1;a\n2;b\n")
    assert len(read(b"Code;Name\n1;a\n2;b\n", layout=Layout(delimiter=",", header=True))) == 2
    assert len(read(b"id\na;b\nc\n")) == 2


def test_years_are_titles_where_the_cells_below_are_none() -> None:
    assert read(b"Code,2024,2025\nFR,67,68\n") == [{"Code": "FR", "2024": "67", "2025": "68"}]
    assert read(b"Rome,1960\nTokyo,1964\n")[0] == {"column 1": "Rome", "column 2": "1960"}


def test_a_list_of_words_in_csv_has_no_title() -> None:
    assert [row["column 1"] for row in read(b"AAA\nAARP\nABB\n")] == ["AAA", "AARP", "ABB"]
    assert read(b"Value\nx\n") == [{"Value": "x"}]


def test_a_list_has_an_entry_on_each_line() -> None:
    data = b"// rules\ncom\n\nac.uk\n *.ck \n"
    assert read(data, "lines", Layout(comment=("//",))) == [{"value": "com"}, {"value": "ac.uk"}, {"value": "*.ck"}]
    assert read(b"first\na\n", "lines", Layout(skip=1, columns=("tld",))) == [{"tld": "a"}]
    assert read("a\rb\r\nc\u2028d\n".encode(), "lines") == [{"value": "a"}, {"value": "b"}, {"value": "c d"}]
    assert "a list has one column" in refusal(b"a\n", "lines", Layout(columns=("a", "b")))


@pytest.mark.parametrize(
    ("data", "layout", "expected"),
    [
        (
            b'{"text/css": {"source": "iana"}, "text/x": {}}',
            Layout(),
            [{"id": "text/css", "source": "iana"}, {"id": "text/x"}],
        ),
        (b'{"x": {"id": "7"}, "y": {}}', Layout(), [{"(id)": "x", "id": "7"}, {"(id)": "y"}]),
        (b'{"x": {"n": 1}, "y": {}}', Layout(columns=("type",)), [{"type": "x", "n": "1"}, {"type": "y"}]),
        (
            b'{"of": {"se": ["a", "b"], "no": ["c"]}, "to": []}',
            Layout(path="of"),
            [{"id": "se", "value": "a, b"}, {"id": "no", "value": "c"}],
        ),
        (
            b'{"t": 1, "of": [["a", ["x", "y"]], ["b", "z"]]}',
            Layout(columns=("k", "v")),
            [{"k": "a", "v": "x, y"}, {"k": "b", "v": "z"}],
        ),
        (b'[["k", "v"], ["a", "1"]]', Layout(header=True), [{"k": "a", "v": "1"}]),
        (b'[["a", "1"]]', Layout(), [{"column 1": "a", "column 2": "1"}]),
        (b'["a.example", "b.example"]', Layout(), [{"value": "a.example"}, {"value": "b.example"}]),
        (b'[{"page": 1}, [{"id": 0}]]', Layout(), [{"id": "0"}]),
        (b'[{"page": 1}, [{"id": 0}]]', Layout(path="1"), [{"id": "0"}]),
        (b'{"a.b": [{"id": 0}], "a": {"b": []}, "c": [2]}', Layout(path="a.b"), [{"id": "0"}]),
        (b'{"a": {"b.c": {"d": [1]}}, "x": []}', Layout(path="a.b.c.d"), [{"value": "1"}]),
    ],
)
def test_json_of_many_shapes_is_a_table(data: bytes, layout: Layout, expected: list[dict[str, str]]) -> None:
    assert read(data, "json", layout) == expected


def test_json_rows_of_another_width_or_kind_are_refused() -> None:
    assert "item 1 of the list has 1 values, not 2" in refusal(
        b'[["a", "b"], ["c"]]', "json", Layout(columns=("k", "v"))
    )
    assert "item 1 of the list is a text, unlike the first" in refusal(b'[{"a": 1}, "b"]', "json")
    assert "nothing at 'a.x'" in refusal(b'{"a": [1]}', "json", Layout(path="a.x"))
    assert "nothing at '7'" in refusal(b"[[1]]", "json", Layout(path="7"))


def test_what_is_wrong_with_a_layout_is_said_by_its_option() -> None:
    wrong = Layout(delimiter=";;", quote="\n", comment=("",), skip=-1, encoding="klingon", header=True, columns=("a",))
    assert [problem.partition(":")[0] for problem in find_layout_problems(wrong)] == [
        "delimiter", "quote", "columns", "comment", "skip", "encoding",
    ]  # fmt: skip
    assert [*find_layout_problems(Layout(delimiter=",", quote=","))] != []
    assert not [*find_layout_problems(Layout(delimiter="\t", quote="", encoding="utf-16"))]


RDAP = (
    b'{"services": [[["aa", "bb"], ["https://one/", "http://one/"]], [["cc"], ["https://two/"]], [[], ["https://x/"]]]}'
)


def test_each_value_of_a_list_is_a_row() -> None:
    rows = read(RDAP, "json", Layout(path="services", columns=("domain", "urls"), each="domain"))
    assert rows == [
        {"domain": "aa", "urls": "https://one/, http://one/"},
        {"domain": "bb", "urls": "https://one/, http://one/"},
        {"domain": "cc", "urls": "https://two/"},
    ]
    assert read(b'{"a": [1, {"b": 2}], "c": "x"}\n{"a": "3"}\n', "jsonl", Layout(each="a")) == [
        {"a": "1", "c": "x"},
        {"a.b": "2", "c": "x"},
        {"a": "3"},
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'[{"domain": ["aa"]}]', "no row has the column 'domains', whose values were to be rows"),
        (json.dumps([{"domains": list(range(3000)), "x": "y" * 30_000}]).encode(), "repeats too much"),
    ],
)
def test_a_column_with_lists_that_is_missing_or_repeats_too_much_is_refused(data: bytes, reason: str) -> None:
    assert reason in refusal(data, "json", Layout(each="domains"))


def test_the_rows_that_lists_give_count_as_rows_of_the_document(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.formats.text.MAX_ROWS", 3)
    assert len(read(b'[{"a": [1, 2]}, {"a": [3]}]', "json", Layout(each="a"))) == 3
    assert "more than 3 rows" in refusal(b'[{"a": [1, 2]}, {"a": [3, 4]}]', "json", Layout(each="a"))
    assert "more than 3 rows" in refusal(b'{"a": [1, 2, 3, 4]}\n', "jsonl", Layout(each="a"))
