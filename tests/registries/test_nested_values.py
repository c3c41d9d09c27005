"""Nested JSON values are compared by path, and the items of lists by what identifies them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from watcher.registries.shared.nested_values import find_nested_changes
from watcher.reports.file_diff import InputFile, compare_files

LOGS = [{"d": "l1", "url": "u1", "state": {"s": "usable"}}, {"d": "l2", "url": "u2", "state": {"s": "usable"}}]
FIRST = {"d": "new", "url": "u0", "state": {"s": "pending"}}
RETIRED = {**LOGS[1], "state": {"s": "retired"}}


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (LOGS, [FIRST, *LOGS], ["new added"]),
        (LOGS, LOGS[1:], ["l1 removed"]),
        (LOGS, [LOGS[0], RETIRED], ["l2.state.s usable → retired"]),
        (LOGS, [RETIRED, LOGS[0], FIRST], ["new added", "l2.state.s usable → retired"]),
        (LOGS, LOGS[::-1], []),
        ([{"n": ["a", "b"]}], [{"n": ["b", "c"]}], ["0.n.0 a → b", "0.n.1 b → c"]),
        ([["a", "1"]], [["a", "2"]], ["0.1 1 → 2"]),
        ([{"a": "x", "k": "1"}, {"a": "x", "k": "2"}], [{"a": "x", "k": "2"}], ["1 removed"]),
    ],
)
def test_a_nested_value_differs_by_path(old: Any, new: Any, changes: list[str]) -> None:
    assert find_nested_changes(json.dumps(old), json.dumps(new), 9) == changes


@pytest.mark.parametrize(
    "text",
    ["[{", "plain", "[{}] x", json.dumps(LOGS * 1000), "[" * 9_000 + "]" * 9_000],
)
def test_what_is_no_json_or_too_long_is_left_to_the_words(text: str) -> None:
    assert find_nested_changes(text, json.dumps(LOGS), 9) == []


def test_the_sentence_of_an_entry_names_the_items_that_changed() -> None:
    def operators(*logs: Any) -> InputFile:
        others = [{"name": f"op{number}", "logs": LOGS} for number in range(3)]
        return InputFile(name="x.json", data=json.dumps([{"name": "op", "logs": logs}, *others]).encode())

    comparison = compare_files(operators(*LOGS), operators(FIRST, LOGS[0], RETIRED))
    assert [event.summary for event in comparison.events] == ["op: logs: new added, l2.state.s usable → retired"]
