"""Reading JSON: values as they were written, nested ones under dotted names, what is ambiguous refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watcher.core.errors import ParseError
from watcher.core.tables import Layout
from watcher.formats.base import FieldMap
from watcher.formats.json_records import read, read_lines

ANY = FieldMap()


def rows(data: str, path: str = "") -> list[dict[str, str]]:
    return [dict(row.fields) for row in read(data.encode(), FieldMap(layout=Layout(path=path))).rows]


def refusal(data: bytes, path: str = "") -> tuple[str, int | None]:
    with pytest.raises(ParseError) as error:
        read(data, FieldMap(layout=Layout(path=path)))
    return error.value.reason, error.value.line


def test_values_are_kept_as_written() -> None:
    data = '[{"a": 1.10, "b": 123456789012345678901234567890, "c": true, "d": null, "e": "", "f": " x \\n y  z"}]'
    assert rows(data) == [{"a": "1.10", "b": "123456789012345678901234567890", "c": "true", "f": "x\ny z"}]


def test_nested_values_have_dotted_names_and_plain_arrays_are_one_text() -> None:
    data = '[{"a": {"b": {"c": "x"}}, "tags": ["p", 2, false], "none": [], "hosts": [{"n": "h"}, {"n": "i"}]}]'
    assert rows(data) == [{"a.b.c": "x", "tags": "p, 2, false", "hosts": '[{"n": "h"}, {"n": "i"}]'}]


def test_the_rows_are_the_only_list_or_the_one_that_is_named() -> None:
    assert rows('{"updated": "2020", "items": [{"a": "1"}]}') == [{"a": "1"}]
    nested = '{"data": {"version": 7, "one": [{"a": "1"}], "two": [{"a": "2"}]}}'
    assert rows(nested, "data.two") == [{"a": "2"}]
    document = read(nested.encode(), FieldMap(layout=Layout(path="data.two")))
    assert dict(document.headers[""]) == {"id": "", "path": "data.two", "version": "7"}
    assert refusal(nested.encode(), "data") == ("not_expected_format", None)
    assert refusal(nested.encode(), "data.three") == ("not_expected_format", None)


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "empty", None),
        (b"<!doctype html><html>", "not_expected_format", 1),
        (b'"text"', "not_expected_format", None),
        (b'[{"a": 1}, 2]', "not_expected_format", None),
        (b"[[1], 2]", "not_expected_format", None),
        (b"{}", "not_expected_format", None),
        (b'[{"a":\n1,}]', "not_well_formed", 2),
        (b'[{"a": 1}', "not_well_formed", 1),
        (b'[{"a": 1, "a": 2}]', "not_well_formed", None),
        (b'[{"a": NaN}]', "not_well_formed", None),
        (b'[{"a": -Infinity}]', "not_well_formed", None),
        (b'[{"a.b": 1, "a": {"b": 2}}]', "not_well_formed", None),
        (b'[{"a": "\\ud800"}]', "not_well_formed", None),
        (b'[{"a": "\\u0000"}]', "not_well_formed", None),
        (b"\xff[]", "not_well_formed", 1),
        (b"[" * 100_000, "too_large", 1),
        (b'[{"a":' + b'{"a":' * 50 + b"1" + b"}" * 51 + b"]", "too_large", None),
        (b'[{"a": "' + b"x" * 2_200_000 + b'"}]', "too_large", None),
    ],
)
def test_anything_but_a_list_is_refused(data: bytes, reason: str, line: int | None) -> None:
    assert refusal(data) == (reason, line)


def test_declared_names_become_fields_and_a_closed_registry_reports_others() -> None:
    columns = FieldMap(titles={"meta.code": "value"}, always=("value", "name"), closed=True)
    document = read(b'[{"meta": {"code": "1"}, "odd": "x"}, {"odd": "y"}]', columns)
    assert [dict(row.fields) for row in document.rows] == [
        {"value": "1", "name": "", "odd": "x"},
        {"value": "", "name": "", "odd": "y"},
    ]
    assert [problem.message for problem in document.problems] == ["unknown key 'odd'"]


def test_json_lines_are_one_object_a_line() -> None:
    document = read_lines(b'\xef\xbb\xbf{"a": 1}\r\n\n{"a": 2}\n', ANY)
    assert [dict(row.fields) for row in document.rows] == [{"a": "1"}, {"a": "2"}]
    assert document.problems == ()
    assert [problem.code for problem in read_lines(b'{"a": 1}', ANY).problems] == ["unfinished"]
    for data, reason, line in (
        (b'{"a": 1}\n{"a":\n', "not_well_formed", 2),
        (b'{"a": 1}\n[1]\n', "not_expected_format", 2),
    ):
        with pytest.raises(ParseError) as error:
            read_lines(data, ANY)
        assert (error.value.reason, error.value.line) == (reason, line)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


@given(_VALUES)
def test_any_json_is_read_or_refused_and_nothing_else(value: object) -> None:
    for data in (json.dumps(value), json.dumps([{"x": value}])):
        try:
            document = read(data.encode(), ANY)
        except ParseError:
            continue
        assert all(isinstance(text, str) for row in document.rows for text in row.fields.values())
