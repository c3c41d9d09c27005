"""CSV: a spreadsheet computes nothing of it, and a reader gets every value back."""

from __future__ import annotations

import csv as reader
import io

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.render import HOSTILE, TEXT, comparison, item, modified, saying
from watcher.core.model import Change, Comparison
from watcher.render.csv import HEADER, escape_cell
from watcher.render.csv import render_comparison as csv
from watcher.render.safe_text import visible

FORMULAS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # noqa: RUF001


def read(text: str) -> list[list[str]]:
    return list(reader.reader(io.StringIO(text, newline=""), strict=True))


def values(shown: Comparison) -> list[list[str]]:
    """Return the expected rows, computed in another way."""
    rows = []
    for change in shown.changes.changes:
        key = change.item.key
        head = [str(change.kind), "entry", "", " ".join(filter(None, key.values)), "1"]
        if change.before and change.after:
            rows += [[*head, field.name, field.before, field.after] for field in change.fields]
        else:
            fields = [(name, value) for name, value in change.item.fields.items() if value]
            rows += [[*head, name, *((value, "") if change.before else ("", value))] for name, value in fields]
    return rows


@pytest.mark.fault(33)
@given(st.lists(TEXT, max_size=4))
@example(["a\rb"])
@example(["a\r=1+1"])
def test_every_value_is_read_back_and_no_cell_begins_a_formula(texts: list[str]) -> None:
    shown = saying(*texts)
    header, *rows = read(csv(shown))
    assert tuple(header) == HEADER
    assert not [cell for row in rows for cell in row if cell.strip().startswith(FORMULAS)]
    expected = [[visible(cell, lines=True) for cell in row] for row in values(shown)]
    assert [
        [cell[1:] if was.lstrip().startswith(FORMULAS) else cell for cell, was in zip(row, cells, strict=True)]
        for row, cells in zip(rows, expected, strict=True)
    ] == expected


@pytest.mark.fault(33)
@given(st.lists(TEXT, max_size=4))
@example(["a\rb"])
def test_raw_leaves_every_value_as_it_is(texts: list[str]) -> None:
    shown = saying(*(text.replace("\0", "") for text in texts))
    assert read(csv(shown, raw=True))[1:] == values(shown)


@pytest.mark.fault(33)
@pytest.mark.parametrize("start", FORMULAS)
def test_a_cell_that_begins_like_a_formula_gets_a_quote_before_it(start: str) -> None:
    assert escape_cell(f"{start}1+1") == f"'{start}1+1"
    assert escape_cell(f"a{start}1") == f"a{start}1"
    assert escape_cell(f" \n{start}1+1") == f"' \n{start}1+1"
    assert escape_cell(f"\u200b{start}1") == f"<U+200B>{start}1"
    assert escape_cell("") == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_makes_a_row_of_its_own(text: str) -> None:
    shown = comparison((modified(1, "one", "before", text),))
    assert read(csv(shown, raw=True))[1:] == [
        ["modified", "entry", "", "one 1 tcp", "1", "description", "before", text]
    ]


def test_an_added_or_removed_item_has_a_row_for_each_field_it_has() -> None:
    shown = comparison(
        (Change(before=None, after=item(2, "two", "x")), Change(before=item(3, "three", ""), after=None))
    )
    assert read(csv(shown)) == [
        list(HEADER),
        ["added", "entry", "", "two 2 tcp", "1", "name", "", "two"],
        ["added", "entry", "", "two 2 tcp", "1", "port", "", "2"],
        ["added", "entry", "", "two 2 tcp", "1", "protocol", "", "tcp"],
        ["added", "entry", "", "two 2 tcp", "1", "description", "", "x"],
        ["removed", "entry", "", "three 3 tcp", "1", "name", "three", ""],
        ["removed", "entry", "", "three 3 tcp", "1", "port", "3", ""],
        ["removed", "entry", "", "three 3 tcp", "1", "protocol", "tcp", ""],
    ]


def test_nothing_changed_is_a_header_alone() -> None:
    assert read(csv(comparison(()))) == [list(HEADER)]
    assert csv(comparison(())).count("\n") == 1
