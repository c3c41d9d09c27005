"""What people read on a terminal: whole, in order, and nothing in it moves the cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.render import HOSTILE, TEXT, comparison, event, hidden, item, modified, release, saying
from tests.support.port_releases import explained, tcp, unassigned
from watcher.core.model import Change, Item, Key, Section, Severity
from watcher.render.safe_text import visible
from watcher.render.text import render_comparison as text
from watcher.render.text import render_table

BASE = [tcp("base", "1")]


@pytest.mark.fault(34)
@given(st.lists(TEXT, max_size=4), st.booleans(), st.none() | st.integers(1, 200))
def test_no_text_gets_onto_the_terminal_but_what_can_be_seen(
    texts: list[str], everything: bool, width: int | None
) -> None:
    shown = text(saying(*texts), all=everything, width=width)
    assert {char for line in shown.split("\n") for char in hidden(line)} == set()


@pytest.mark.fault(34)
@given(TEXT, TEXT)
def test_neither_does_a_text_long_enough_to_be_compared_by_words(before: str, after: str) -> None:
    long = "word " * 20
    shown = text(comparison((modified(1, "one", long + before, after + long),)), all=True)
    assert {char for line in shown.split("\n") for char in hidden(line)} == set()
    assert len(shown.split("\n")) == 4


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_an_event_is_one_line_where_no_width_is_given(texts: list[str]) -> None:
    lines = text(saying(*texts)).split("\n")
    assert len(lines) == 2 + len(texts)
    assert [line.endswith(visible(said)) for line, said in zip(lines[2:], texts, strict=True)] == [True] * len(texts)


@pytest.mark.fault(34)
@given(TEXT)
def test_what_cannot_be_seen_is_written_out_and_the_rest_is_left_alone(said: str) -> None:
    shown = visible(said)
    assert hidden(shown) == set()
    place = 0
    for char in said:
        written = " " if char == "\n" else f"<U+{ord(char):04X}>" if char in hidden(said) else char
        if char not in hidden(said) and not shown.startswith(char, place):
            written = f"<U+{ord(char):04X}>"  # `visible` writes out more than `hidden` knows
        assert shown.startswith(written, place)
        place += len(written)
    assert place == len(shown)


@pytest.mark.fault(34)
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("a\u202eb", "a<U+202E>b"),
        ("\x1b[31m", "<U+001B>[31m"),
        ("\x9b31m", "<U+009B>31m"),
        ("a\tb\rc\0", "a<U+0009>b<U+000D>c<U+0000>"),
        ("soft\u00adhyphen\u200b\ufeff", "soft<U+00AD>hyphen<U+200B><U+FEFF>"),
        ("\U000e0041", "<U+E0041>"),
        ("\ud800", "<U+D800>"),
        ("a\nb", "a b"),
        ("é 漢 😀 <b>", "é 漢 😀 <b>"),
    ],
)
def test_hidden_characters_are_written_as_their_numbers(said: str, shown: str) -> None:
    assert visible(said) == shown
    assert visible(said, lines=True) == shown if "\n" not in said else "\n" in visible(said, lines=True)


@pytest.mark.fault(34)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), st.none() | st.integers(1, 100))
def test_a_table_lets_no_cell_out(rows: list[tuple[str, str]], width: int | None) -> None:
    shown = render_table(rows, ("ONE", "TWO"), width=width).split("\n")
    assert {char for line in shown for char in hidden(line)} == set()
    assert len(shown) >= 1 + len(rows)
    assert width is not None or len(shown) == 1 + len(rows)


@pytest.mark.parametrize("name", ["zero\u200dwidth", "right\u200cleft"])
def test_a_fields_name_is_registry_text_too(name: str) -> None:
    """An XML name may have U+200C and U+200D in it."""
    plain = Item(section=Section.ENTRY, key=Key(("name",), ("x",)), fields={"name": "x", name: "1"})
    shown = text(comparison((Change(before=None, after=plain),)), all=True)
    assert visible(name) in shown
    assert hidden(shown) == {"\n"}


@pytest.mark.parametrize("said", HOSTILE)
def test_wrapping_loses_no_word(said: str) -> None:
    shown = saying(" ".join([said] * 9))
    words = text(shown).split()
    assert text(shown, width=60).split() == words


def test_lines_are_no_longer_than_the_width_unless_one_word_is() -> None:
    changes = (modified(1, "one", "few words", "many words " * 30), modified(2, "two", "a b " * 40, "a c " * 40))
    shown = comparison(changes, (event(0, "many words " * 30),))
    assert max(map(len, text(shown, width=78, all=True).splitlines())) <= 78
    assert "x" * 200 in text(saying("x" * 200), width=40, all=True)


@pytest.mark.parametrize("width", [None, 40])
def test_the_date_is_registry_text_too(width: int | None) -> None:
    shown = replace(saying("x"), new=release("2020-01-02\u202e\x1b[2J", "b"))
    assert hidden(text(shown, all=True, width=width)) == {"\n"}


def test_the_head_names_source_dates_and_counts() -> None:
    shown = comparison((modified(1, "one", "a", "b"), Change(before=None, after=item(2, "two", "x"))))
    assert text(shown) == "ports  2020-01-01 → 2020-01-02    1 added, 1 modified"


def test_nothing_changed_is_said_in_words() -> None:
    assert text(comparison(())).endswith("nothing changed")


def test_a_quiet_change_of_an_assigned_row_is_not_called_free_space() -> None:
    shown = comparison((replace(modified(1, "one", "a", "b"), quiet=True),))
    assert "1 row changed only in key, notation, row numbers or unassigned ranges (--all shows them)" in text(shown)


def test_quiet_rows_are_counted_and_listed_only_with_all() -> None:
    changes, events = explained([*BASE, unassigned("2000-2009")], [*BASE, unassigned("2000-2008"), tcp("new", "2009")])
    shown = comparison(changes.changes, events)
    assert "2 rows of unassigned or reserved ranges were adjusted (--all shows them)" in text(shown)
    assert "2000-2008" not in text(shown)
    assert "(quiet)" in text(shown, all=True)
    assert "2000-2008" in text(shown, all=True)


def test_all_shows_every_change_with_its_fields() -> None:
    shown = comparison(
        (
            modified(1, "one", "a", "b"),
            Change(before=None, after=item(2, "two", "x")),
            Change(before=item(3, "three", "y"), after=None),
        )
    )
    assert text(shown, all=True).splitlines()[2:] == [
        "  ~ one 1 tcp",
        "      description: a → b",
        "  + two 2 tcp",
        "      description: x",
        "  - three 3 tcp",
        "      description: y",
    ]


def test_an_absent_value_is_said_to_be_none() -> None:
    assert "description: (none) → b" in text(comparison((modified(1, "one", "", "b"),)), all=True)
    assert "description: a → (none)" in text(comparison((modified(1, "one", "a", ""),)), all=True)


def test_two_long_texts_are_shown_by_the_words_that_differ() -> None:
    before = " ".join(f"word{number}" for number in range(40))
    shown = text(comparison((modified(1, "one", before, before.replace("word20", "other")),)), all=True)
    assert "… word16 word17 word18 word19 [-word20-] {+other+} word21 word22 word23 word24 …" in shown
    assert "word30" not in shown


def test_colours_are_ours_alone_and_change_no_column() -> None:
    shown = comparison((modified(1, "one", "a", "b"),), (event(0, "said \x1b[0m", Severity.WARNING), event(0, "x")))
    coloured = text(shown, colour=True)
    for code in ("\x1b[1m", "\x1b[33m", "\x1b[2m", "\x1b[0m"):
        assert code in coloured
        coloured = coloured.replace(code, "")
    assert coloured == text(shown)


def test_the_columns_of_a_table_stand_under_each_other() -> None:
    assert render_table([("a", "x"), ("漢字", "y"), ("e\u0301", "z")], ("ONE", "TWO")).splitlines() == [
        "ONE   TWO",
        "a     x",
        "漢字  y",
        "e\u0301     z",
    ]
