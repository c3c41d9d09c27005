"""R0 for a whole tree: a network that fails is one alarm and one all-clear, however many groups it has."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.index_server import IndexServer, group_path, serve_index

pytestmark = pytest.mark.fault(18)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CollectionEnvironment]:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        place = CollectionEnvironment(tree, tmp_path)
        place.config.write_text(place.config.read_text() + "operator = true\n")
        place.check_all()
        yield place


def notices(env: CollectionEnvironment) -> list[dict[str, Any]]:
    """The notices to the operators, whether they can be sent or not."""
    bodies = [json.loads(row["body"])["data"] for row in env.rows("outbox")["outbox"]]
    return sorted((body for body in bodies if "details" in body), key=lambda body: body["id"])


def test_a_tree_that_fails_is_one_alarm_and_one_all_clear(env: CollectionEnvironment) -> None:
    for group in GROUPS:
        env.tree.answers[group_path(group)] = (404, {})
    for _ in range(5):
        env.check_all()
    (alarm,) = notices(env)
    assert (alarm["id"], alarm["source"], alarm["details"]["number"]) == ("source-gone", "iana", len(GROUPS))
    assert len(env.rows("troubles")["troubles"]) == len(GROUPS)
    env.tree.answers.clear()
    for _ in range(3):
        env.check_all()
    assert [notice["id"] for notice in notices(env)] == ["source-gone", "source-recovered"]
    assert env.rows("troubles")["troubles"] == []


def test_a_group_that_fails_alone_is_reported_under_its_own_name(env: CollectionEnvironment) -> None:
    env.tree.answers[group_path(GROUPS[3])] = (400, {})  # not tried again
    for _ in range(4):
        env.check_all()
    (alarm,) = notices(env)
    assert (alarm["id"], alarm["source"]) == ("source-unhealthy", f"iana.{GROUPS[3]}")
    env.now += timedelta(days=2)
    env.check_all()
    assert len(notices(env)) == 1
