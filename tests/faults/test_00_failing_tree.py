"""R0 for a whole tree: a network that fails is one alarm and one all-clear, however many groups it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.test_collection import GROUPS, Place
from tests.support.index_server import Tree, path, served

pytestmark = pytest.mark.fault(18)


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    with served(Tree()) as tree:
        tree.publish(*GROUPS)
        place = Place(tree, tmp_path)
        place.config.write_text(place.config.read_text() + "operator = true\n")
        place.look()
        yield place


def notices(here: Place) -> list[dict[str, Any]]:
    """What the operators are told, whether it can be sent or not."""
    found = [json.loads(row["body"])["data"] for row in here.rows("outbox")["outbox"]]
    return sorted((each for each in found if "details" in each), key=lambda each: each["id"])


def test_a_tree_that_fails_is_one_alarm_and_one_all_clear(here: Place) -> None:
    for group in GROUPS:
        here.tree.answers[path(group)] = (404, {})
    for _ in range(5):
        here.look()
    (alarm,) = notices(here)
    assert (alarm["id"], alarm["source"], alarm["details"]["number"]) == ("source-gone", "iana", len(GROUPS))
    assert len(here.rows("troubles")["troubles"]) == len(GROUPS)
    here.tree.answers.clear()
    for _ in range(3):
        here.look()
    assert [each["id"] for each in notices(here)] == ["source-gone", "source-recovered"]
    assert here.rows("troubles")["troubles"] == []


def test_a_group_that_fails_alone_is_told_under_its_own_name(here: Place) -> None:
    here.tree.answers[path(GROUPS[3])] = (400, {})  # not tried again
    for _ in range(4):
        here.look()
    (alarm,) = notices(here)
    assert (alarm["id"], alarm["source"]) == ("source-unhealthy", f"iana.{GROUPS[3]}")
    here.now += timedelta(days=2)
    here.look()
    assert len(notices(here)) == 1
