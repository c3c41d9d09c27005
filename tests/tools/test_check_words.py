"""The check of retired words sees what it looks for."""

from __future__ import annotations

import pytest

from tools.check_words import GLOSSARY, Use, retired_words, uses

TABLE = """
## Retired words

| retired | where | write |
|---|---|---|
| `intake` | names, prose | ingest |
| `memo` | names | row cache |
| `befell`, `befalls?` | prose | happened to |
"""


def found(path: str, text: str) -> list[tuple[int, str]]:
    return [(use.line, use.word) for use in uses(path, text, retired_words(TABLE))]


def test_a_retired_name_is_found_in_every_spelling() -> None:
    assert found("a.py", "class IntakeReport: ...\n\nx = old_intake\nmemo = 1\n") == [
        (1, "intake"),
        (3, "intake"),
        (4, "memo"),
    ]


def test_retired_prose_is_found_in_comments_docstrings_messages_and_pages() -> None:
    assert found("a.py", '"""One.\n\nWhat befell it."""\n# it befalls us\nprint("an intake of it")\n') == [
        (3, "befell"),
        (4, "befalls"),
        (5, "intake"),
    ]
    assert found("a.md", "A page.\n\nWhat befell it, and its memo.\n") == [(3, "befell")]


def test_longer_words_code_and_data_are_no_use() -> None:
    assert found("a.py", "intakes = 1\nx = {'intake': 1}\n") == []
    assert found("a.md", "the column `intake`\n") == []


def test_the_glossary_has_the_table_and_a_page_without_one_is_an_error() -> None:
    words = retired_words(GLOSSARY.read_text("utf-8"))
    assert len(words) > 20
    assert list(uses("a.md", "it was held, and accepted", words)) == []
    assert list(uses("a.md", "it was believed", words)) == [
        Use(path="a.md", line=1, word="believed", instead="held, accepted, trusted")
    ]
    with pytest.raises(ValueError, match="no table"):
        retired_words("# Glossary\n")
