"""Gaps in observation: times without a successful check, and the window in which a change happened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.collection_environment import GROUPS, CollectionEnvironment
from tests.support.environment import Environment, open_environment
from tests.support.index_server import IndexServer, serve_index
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.cli import watcher
from watcher.core.times import to_text

DAY = timedelta(days=1)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A source that was checked twice, then not for five days, and then changed."""
    with open_environment(tmp_path) as made:
        made.now = made.now.replace(microsecond=0) - 6 * DAY
        made.check(release([tcp("a", "1")]))
        made.check()
        made.now += 5 * DAY
        made.publish(b"<html></html>")
        made.check()  # a failed check observes nothing
        made.now += DAY - timedelta(seconds=10)
        made.check(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
        yield made


def run_text(config: Path, *arguments: str) -> str:
    result = CliRunner().invoke(watcher, ["--config", str(config), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def run_json(config: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(run_text(config, *arguments, "--format", "json"))
    return found


def test_a_change_happened_between_the_last_check_with_the_old_and_the_first_with_the_new_release(
    env: Environment,
) -> None:
    config = env.servers.config
    last_seen, first_seen = to_text(env.now - 6 * DAY + timedelta(seconds=8)), to_text(env.now)
    (event,) = run_json(config, "history")["events"]
    assert event["between"] == ["2020-01-01", "2020-01-02"]
    assert event["observed_between"] == [last_seen, first_seen]
    assert [row["observed_between"] for row in run_json(config, "releases", "ports")["releases"]][1] == [
        last_seen,
        first_seen,
    ]
    assert run_json(config, "show", "ports", "2")["events"][0]["observed_between"] == [last_seen, first_seen]


@pytest.mark.parametrize("command", [("history",), ("history", "ports"), ("releases", "ports"), ("show", "ports", "1")])
def test_a_gap_is_shown_with_the_history(env: Environment, command: tuple[str, ...]) -> None:
    (gap,) = run_json(env.servers.config, *command)["gaps"]
    begin, end = to_text(env.now - 6 * DAY + timedelta(seconds=8)), to_text(env.now)
    assert gap == {"source": "ports", "from": begin, "until": end}
    text = run_text(env.servers.config, *command)
    assert f"no successful check of ports between {begin} and {end} (6 days)" in text


def test_a_gap_that_still_lasts_is_shown(env: Environment) -> None:
    with env.service() as service:
        connection(service.store).execute("DELETE FROM checks WHERE release_id = 2")
    text = run_text(env.servers.config, "releases", "ports")
    assert "no successful check of ports since " in text


def test_without_gaps_nothing_is_shown(tmp_path: Path) -> None:
    with open_environment(tmp_path) as made:
        for _ in range(3):
            made.check(release([tcp("a", "1")]))
        assert run_json(made.servers.config, "releases", "ports")["gaps"] == []
        assert "no successful check" not in run_text(made.servers.config, "releases", "ports")


def test_the_long_interval_of_an_unchanged_group_is_not_a_gap(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        place = CollectionEnvironment(tree, tmp_path)
        place.now = datetime.now(UTC) - 4 * DAY
        place.check_all()
        place.now += 4 * DAY
        place.check_all()
        assert run_json(place.config, "releases", f"iana.{GROUPS[0]}")["gaps"] == []
        assert len(run_json(place.config, "releases", "iana")["gaps"]) == 1
