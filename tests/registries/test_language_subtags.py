"""The language subtag registry in its own format: identity, deprecation, private use."""

from __future__ import annotations

from watcher.core.model import Content, Status
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

SUBTAGS = REGISTRIES["language-subtags"]
OLD = """\
File-Date: 2020-01-01
%%
Type: language
Subtag: aa
Description: Afar
Added: 2005-10-16
%%
Type: region
Subtag: BU
Description: Burma
Added: 2005-10-16
%%
Type: region
Subtag: aa
Description: Private use
Added: 2005-10-16
%%
Type: grandfathered
Tag: i-klingon
Description: Klingon
Added: 1999-05-26
"""


def content(text: str) -> Content:
    return read_content(text.encode(), SUBTAGS, "record-jar")


def test_the_key_is_type_and_subtag_or_tag() -> None:
    parsed = content(OLD)
    assert parsed.published == "2020-01-01"
    assert [key.values for _, key in parsed.items if len(key.values) == 3] == [
        ("language", "aa", ""),
        ("region", "BU", ""),
        ("region", "aa", ""),
        ("grandfathered", "", "i-klingon"),
    ]
    assert [item.status for item in parsed.items.values() if item.key.values[:2] == ("region", "aa")] == [
        Status.PRIVATE_USE
    ]


def test_the_evidence_of_a_deprecation_is_its_date() -> None:
    new = OLD.replace("Description: Burma\n", "Description: Burma\nDeprecated: 1989-12-05\nPreferred-Value: MM\n")
    (event,) = explain(SUBTAGS, content(OLD), content(new.replace("2020-01-01", "2020-02-01")))[1]
    assert (event.id, event.summary, event.evidence) == (
        "entry-deprecated",
        "region BU Burma is now deprecated",
        "1989-12-05",
    )
