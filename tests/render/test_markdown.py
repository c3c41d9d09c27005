"""Markdown: one row of the table an event, and no registry text is markup."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.render import HOSTILE, TEXT, comparison, event, hidden, release, saying
from watcher.core.model import Severity
from watcher.render.markdown import escape
from watcher.render.markdown import render_comparison as markdown
from watcher.render.safe_text import visible

ROW = re.compile(r"\| (\w+) \| `([a-z-]+)` \| (.*) \|")


def unescaped(text: str) -> str:
    return re.sub(r"\\([!-/:-@\[-`{-~])|`([^`]*)`", r"\1\2", text)


def bare(text: str) -> str:
    """Return the characters that Markdown interprets: without a backslash before them, and outside of code."""
    return re.sub(r"\\.|`[^`]*`", "", text)


@given(st.lists(TEXT, min_size=1, max_size=5))
def test_any_text_is_one_row_of_three_cells_and_reads_as_it_is(texts: list[str]) -> None:
    lines = markdown(saying(*texts)).split("\n")
    assert len(lines) == 6 + len(texts)
    for line, said in zip(lines[6:], texts, strict=True):
        assert bare(line).count("|") == 4
        row = ROW.fullmatch(line)
        assert row is not None
        assert unescaped(row[3]) == visible(said)
        assert not re.search(r"@|://|www\.", bare(row[3]), re.IGNORECASE)
        assert hidden(line) == set()


@pytest.mark.fault(31)
@given(TEXT)
def test_no_sign_of_markdown_or_html_is_left_bare(said: str) -> None:
    assert not re.search(r"[`*_\[\]<>#|~!&\\]", bare(escape(said)))
    assert unescaped(escape(said)) == visible(said)


@pytest.mark.parametrize("said", HOSTILE)
def test_no_text_makes_a_row_of_its_own(said: str) -> None:
    assert markdown(saying(said, said)).count("\n") == 7


@pytest.mark.fault(86)
@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("see https://x.example/a_b now", "see `https://x.example/a_b` now"),
        ("@everyone, ask jo@example.org", "`@everyone,` ask `jo@example.org`"),
        ("WWW.example.org", "`WWW.example.org`"),
        ("a|b@c", "a\\|`b@c`"),
        ("a\\|b@c `d@e`", "a\\\\\\|`b@c` \\``d@e`\\`"),
        ("x\u3164y", "x\\<U\\+3164\\>y"),
    ],
)
def test_no_text_becomes_a_link_or_notifies_somebody(said: str, shown: str) -> None:
    assert escape(said) == shown


def test_the_date_is_registry_text_too() -> None:
    shown = replace(saying("x"), new=release("2020-01-02\u202e<img src=x>\n# Title", "b"))
    heading, *rest = markdown(shown).split("\n")
    assert hidden(heading) == set()
    assert not re.search(r"[<>]", bare(heading))
    assert rest[0] == ""


def test_a_comparison_is_a_heading_the_counts_and_a_table() -> None:
    shown = comparison(saying("x").changes.changes, (event(0, "a_b | c", Severity.WARNING), event(0, "plain")))
    assert markdown(shown).splitlines() == [
        "## ports: 2020-01-01 → 2020-01-02",
        "",
        "1 added, 1 modified, 1 removed",
        "",
        "| Severity | Event | What |",
        "|---|---|---|",
        "| warning | `description-changed` | a\\_b \\| c |",
        "| info | `description-changed` | plain |",
    ]


def test_without_events_there_is_no_table() -> None:
    assert markdown(comparison(())) == "## ports: 2020-01-01 → 2020-01-02\n\nno change"
