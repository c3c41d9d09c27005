"""The bytes of a row are found, and what is read from these bytes alone is the row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.group_releases import group, record, registry
from watcher.core.tables import Layout
from watcher.formats.catalog import FORMATS
from watcher.formats.row_ranges import RowRanges
from watcher.registries.generic.identity import COLUMNS

TEXT = st.text(alphabet='abc 12<>&"é日', max_size=8)


@given(cells=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6), split=st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_every_record_is_found_in_its_registry(cells: list[tuple[str, str]], split: int) -> None:
    records = [
        record("rfc1", value=str(number), a=_escape(one), b=_escape(two)) for number, (one, two) in enumerate(cells)
    ]
    data = group(registry("x", *records[:split]), registry("y", *records[split:], *records))
    rows = FORMATS["xml"].read(data, COLUMNS).rows
    ranges = RowRanges(data, "xml", COLUMNS)
    found = [ranges.find_entry(row.fields, row.registry) for row in rows]
    assert all(place is not None for place in found)
    for row, place in zip(rows, found, strict=True):
        assert place is not None
        piece = data[slice(*place)]
        assert piece.startswith(b"<record")
        assert f"<value>{row.fields['value']}</value>".encode() in piece
    assert ranges.find_entry({"value": "none"}, None) is None


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;")


@pytest.mark.parametrize(
    ("form", "data", "layout"),
    [
        ("csv", b'code,name\n1,"two\nlines, and ""more"""\n2,Beta\n2,Beta2\n', Layout()),
        (
            "csv",
            "# a\n1;Größe\n2;Zahl\n".encode("latin-1"),
            Layout(columns=("a", "b"), delimiter=";", comment=("#",), encoding="latin-1"),
        ),
        ("tsv", b"a\tb\r\n1\tx\r\n11\tx\r\n", Layout()),
        ("lines", b"alpha\nbeta\n\nalphabet\n", Layout()),
        ("jsonl", b'{"a": 1, "b": "x y"}\n{"a": 2, "b": "x y"}\n', Layout()),
        (
            "record-jar",
            (
                b"File-Date: 2020-01-01\n%%\nType: language\nSubtag: aa\n%%\n"
                b"Type: language\nSubtag: ab\nDescription: Long\n  text\n"
            ),
            Layout(),
        ),
    ],
)
def test_rows_of_text_formats_are_found_by_their_lines(form: str, data: bytes, layout: Layout) -> None:
    field_map = replace(COLUMNS, layout=layout)
    rows = FORMATS[form].read(data, field_map).rows
    assert len(rows) >= 2
    ranges = RowRanges(data, form, field_map)
    places = [ranges.find_entry(row.fields, None) for row in rows]
    assert len({*places}) == len(rows)
    for row, place in zip(rows, places, strict=True):
        assert place is not None, row
        text = data[slice(*place)].decode(layout.encoding or "utf-8")
        words = {word.strip('",') for value in row.fields.values() for word in value.split()}
        assert [word for word in words if word not in text] == []


@pytest.mark.parametrize(
    ("form", "data"),
    [
        ("json", b'[{"code": "1"}, {"code": "2"}]'),
        ("xml", group(registry("x", record(value="1"), "<!-- <record></record> -->"))),
    ],
)
def test_a_row_without_a_range_of_its_own_is_not_found(form: str, data: bytes) -> None:
    row = FORMATS[form].read(data, COLUMNS).rows[0]
    assert RowRanges(data, form, COLUMNS).find_entry(row.fields, None) is None
