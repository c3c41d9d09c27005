"""The page: registry text is text in it, whatever it says, and nothing is loaded from anywhere."""

from __future__ import annotations

import re
from typing import Any

import lxml.html
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.render import HOSTILE, TEXT, comparison, hidden, release, saying
from watcher.core.model import Comparison
from watcher.registries.event_details import describe_events
from watcher.render.html import render_comparison
from watcher.render.safe_text import visible

ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "main", "article", "footer", "h1", "h2", "h3", "p", "span"),
    *("table", "tr", "th", "td", "ul", "li", "a", "del", "ins", "code"),
}
ATTRIBUTES = {"lang", "charset", "name", "content", "class", "dir", "href", "rel"}


def html(found: Comparison, **options: Any) -> str:
    return render_comparison(found, describe_events(found, address="https://w.example.org/x"), **options)


def sentences(page: str) -> list[str]:
    root = lxml.html.document_fromstring(page)
    return [heading.text_content() for heading in root.findall(".//h2")]


def elements(page: str) -> set[str]:
    return {str(element.tag) for element in lxml.html.document_fromstring(page).iter()}


@pytest.mark.fault(31)
@given(st.lists(TEXT, min_size=1, max_size=4), TEXT)
def test_any_text_is_text_and_stands_in_its_cell_as_it_is(texts: list[str], note: str) -> None:
    page = html(saying(*texts), note=visible(note))
    assert elements(page) <= ELEMENTS
    assert sentences(page) == [visible(text) for text in texts]
    assert {char for line in page.split("\n") for char in hidden(line)} == set()


@pytest.mark.fault(31)
@pytest.mark.parametrize("text", HOSTILE)
def test_no_markup_of_the_registry_gets_into_the_page(text: str) -> None:
    page = html(saying(text), note=text)
    assert not re.search(r"<(script|img|b)\b", page, re.IGNORECASE)
    assert elements(page) <= ELEMENTS
    root = lxml.html.document_fromstring(page)
    attributes = {name for element in root.iter() for name in element.attrib}
    assert attributes <= ATTRIBUTES
    assert all(link[2].startswith(("https://", "http://", "mailto:")) for link in root.iterlinks())


def test_the_date_is_registry_text_too() -> None:
    page = html(replace(saying("x"), new=release("2020-01-02\u202e<script>", "b")))
    assert hidden(page) == {"\n"}
    assert "<script" not in page


@pytest.mark.fault(36)
def test_a_template_in_registry_text_is_never_computed() -> None:
    page = html(saying("{{ 7 * 7 }}{% raise %}"), note="{{ config }}")
    assert sentences(page) == ["{{ 7 * 7 }}{% raise %}"]
    assert "{{ config }}" in page


@pytest.mark.fault(31)
def test_the_page_needs_nothing_from_anywhere() -> None:
    page = html(saying("http://example.test/ <link rel=stylesheet href=//x>"))
    root = lxml.html.document_fromstring(page)
    assert {link[0].tag for link in root.iterlinks()} == {"a"}
    assert "url(" not in page
    assert "@import" not in page


def test_the_head_names_source_dates_and_counts() -> None:
    root = lxml.html.document_fromstring(html(saying("one", "two")))
    assert root.findtext(".//title") == "ports: 2020-01-01 → 2020-01-02"
    head = [element.text_content() for element in root.find(".//main")[:3]]
    assert head == ["ports", "2020-01-01 → 2020-01-02", "2 added, 2 modified, 2 removed"]


def test_events_that_are_left_out_are_counted() -> None:
    found = saying(*map(str, range(10)))
    page = html(found, most=4)
    assert sentences(page) == ["0", "1", "2", "3"]
    assert "6 more events are not listed here." in page
    assert "not listed" not in html(found, most=10)
    assert "not listed" not in html(found)


@pytest.mark.parametrize("found", [comparison(()), saying()], ids=["no change", "no event"])
def test_without_events_there_is_no_table(found: Comparison) -> None:
    assert "table" not in elements(html(found))
    assert "no change" in html(found)
