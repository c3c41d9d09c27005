"""Tables that are not IANA's: which key is chosen, a declared key, and codes that are texts."""

from __future__ import annotations

from itertools import pairwise, permutations

import pytest

from watcher.core.model import Event, Section
from watcher.core.tables import describe_key
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.base import with_key
from watcher.registries.catalog import REGISTRIES

IANA = REGISTRIES["iana"]


def table(*rows: str) -> bytes:
    return ("\r\n".join(rows) + "\r\n").encode()


def key_columns(*rows: str) -> tuple[str, ...]:
    parsed = read_content(table(*rows), IANA, "csv")
    return next(key.labels[1:] for (section, key) in parsed.items if section is Section.ENTRY)


def events(old: bytes, new: bytes, *, key: tuple[str, ...] = (), renames: bool = False) -> list[Event]:
    rules = with_key(IANA, key, renames=renames)
    return [*explain(rules, read_content(old, rules, "csv"), read_content(new, rules, "csv"))[1]]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (("no,code", "0,aa", "1,ab", "2,ac"), ("code",)),
        (("FIFA,ISO", "GER,DE", "FRA,FR", ",AQ", "ITA,IT", "ESP,ES", "SUI,CH"), ("ISO",)),
        (("downloads,project", "1000,boto3", "993,requests", "986,numpy"), ("project",)),
        (("day,name", "2024-01-01,a", "2024-01-02,b"), ("name",)),
        (("site,rack,load", "x,one,5", "x,two,5", "y,one,5"), ("site", "rack")),
    ],
)
def test_a_chosen_key_is_full_unique_and_no_measure(rows: tuple[str, ...], expected: tuple[str, ...]) -> None:
    head, *lines = rows
    assert key_columns(head, *lines) == expected
    assert key_columns(head, *reversed(lines)) == expected


OLD = table("cve,vendor,title", "CVE-1,Google,Chromium loader bug", "CVE-2,Acme,Other", "CVE-3,Acme,Third")
NEW = table("cve,vendor,title", "CVE-9,Google,Chromium loader bug", "CVE-2,Acme,Other", "CVE-3,Acme,Third")


def test_the_column_that_names_rows_does_not_depend_on_their_order() -> None:
    rows = ["1,,Bee one,x", "2,Ant two,Bee two,x", "3,Ant three,Bee three,x"]
    for lines in permutations(rows):
        old, new = (table("code,plant,animal,note", *lines).replace(b"x\r\n", end) for end in (b"x\r\n", b"y\r\n"))
        summary = events(old, new, key=("code",))[0].summary
        assert "Ant two" in summary, lines
        assert "Bee two" not in summary, lines


def test_rows_under_different_declared_keys_are_two_entries() -> None:
    assert [event.id for event in events(OLD, NEW, key=("cve",))] == ["entry-removed", "entry-added"]


def test_a_source_may_allow_renames() -> None:
    assert [event.id for event in events(OLD, NEW, key=("cve",), renames=True)] == ["entry-modified"]


def test_a_code_of_a_plain_table_is_a_text() -> None:
    releases = [table("Code,Name", f"{code},Alpha", "10,Bravo", "20,Delta") for code in ("007", "7", "007")]
    for old, new in pairwise(releases):
        (event,) = events(old, new)
        assert event.id == "entry-modified"
        assert "Code" in event.summary


def test_the_description_of_a_key_says_how_it_was_chosen() -> None:
    assert describe_key(("registry", "ISO")) == "ISO (chosen from the rows)"
    assert describe_key(("Type", "Subtag")) == "Type, Subtag (declared)"


ROWS = ("aa,Alpha", "ab,Bravo", "ac,Charlie", "ad,Delta", "ae,Echo", "af,Foxtrot")


def numbered(*rows: str, first: int = 0) -> bytes:
    return table("no,code,name", *(f"{number},{row}" for number, row in enumerate(rows, first)))


@pytest.mark.parametrize("key", [("code",), ()], ids=["declared key", "chosen key"])
@pytest.mark.parametrize("first", [0, 1])
def test_a_row_that_is_inserted_is_one_event_whatever_numbers_the_others_get(key: tuple[str, ...], first: int) -> None:
    old, new = numbered(*ROWS, first=first), numbered(*ROWS[:2], "zz,Zulu", *ROWS[2:], first=first)
    assert [event.summary for event in events(old, new, key=key)] == ["zz Zulu added"]
    assert [event.summary for event in events(new, old, key=key)] == ["zz Zulu removed"]
    assert [event.summary for event in events(old, numbered(*ROWS, first=1 - first), key=key)] == []


def test_a_renumbered_row_that_changed_is_an_event_without_its_number() -> None:
    new = numbered("zz,Zulu", *ROWS[:-1], "af,Fox")
    assert [event.summary for event in events(numbered(*ROWS), new)] == ["zz Zulu added", "af Foxtrot renamed to Fox"]


@pytest.mark.parametrize(
    "new",
    [
        numbered("ab,Bravo", "aa,Alpha", *ROWS[2:]),
        numbered("zz,Zulu", "ab,Bravo", "aa,Alpha", *ROWS[2:]),
        numbered(*ROWS).replace(b"5,af", b"9,af"),
        numbered(*ROWS).replace(b"5,af", b"4,af"),
    ],
    ids=["a swap", "a swap and a new row", "a gap", "a number twice"],
)
def test_a_rank_that_changes_is_an_event(new: bytes) -> None:
    changed = [event for event in events(numbered(*ROWS), new, key=("code",)) if "no" in event.summary]
    assert changed
