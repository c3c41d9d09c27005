"""Time in which nobody looked: what happened in it is known to lie between two looks."""

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
    """A source that was looked at twice, then not for five days, then changed."""
    with open_environment(tmp_path) as made:
        made.now = made.now.replace(microsecond=0) - 6 * DAY
        made.check(release([tcp("a", "1")]))
        made.check()
        made.now += 5 * DAY
        made.publish(b"<html></html>")
        made.check()  # a failed check is no look
        made.now += DAY - timedelta(seconds=10)
        made.check(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
        yield made


def said(config: Path, *arguments: str) -> str:
    done = CliRunner().invoke(watcher, ["--config", str(config), *arguments])
    assert done.exit_code == 0, done.output
    return done.output


def read(config: Path, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said(config, *arguments, "--format", "json"))
    return found


def test_a_change_lies_between_the_last_look_at_the_old_and_the_first_at_the_new(env: Environment) -> None:
    config = env.servers.config
    seen, came = to_text(env.now - 6 * DAY + timedelta(seconds=8)), to_text(env.now)
    (event,) = read(config, "history")["events"]
    assert event["between"] == ["2020-01-01", "2020-01-02"]
    assert event["observed_between"] == [seen, came]
    assert [each["observed_between"] for each in read(config, "releases", "ports")["releases"]][1] == [seen, came]
    assert read(config, "show", "ports", "2")["events"][0]["observed_between"] == [seen, came]


@pytest.mark.parametrize("command", [("history",), ("history", "ports"), ("releases", "ports"), ("show", "ports", "1")])
def test_the_time_in_which_nobody_looked_is_shown_with_the_history(env: Environment, command: tuple[str, ...]) -> None:
    (gap,) = read(env.servers.config, *command)["gaps"]
    begin, end = to_text(env.now - 6 * DAY + timedelta(seconds=8)), to_text(env.now)
    assert gap == {"source": "ports", "from": begin, "until": end}
    text = said(env.servers.config, *command)
    assert f"no successful check of ports between {begin} and {end} (6 days)" in text


def test_a_gap_that_goes_on_is_shown_as_one(env: Environment) -> None:
    with env.service() as service:
        connection(service.store).execute("DELETE FROM checks WHERE release_id = 2")
    text = said(env.servers.config, "releases", "ports")
    assert "no successful check of ports since " in text


def test_where_all_was_looked_at_in_time_nothing_is_said(tmp_path: Path) -> None:
    with open_environment(tmp_path) as made:
        for _ in range(3):
            made.check(release([tcp("a", "1")]))
        assert read(made.servers.config, "releases", "ports")["gaps"] == []
        assert "no successful check" not in said(made.servers.config, "releases", "ports")


def test_a_group_that_rests_is_not_looked_at_often_and_that_is_no_gap(tmp_path: Path) -> None:
    with serve_index(IndexServer()) as tree:
        tree.publish(*GROUPS)
        place = CollectionEnvironment(tree, tmp_path)
        place.now = datetime.now(UTC) - 4 * DAY
        place.check_all()
        place.now += 4 * DAY
        place.check_all()
        assert read(place.config, "releases", f"iana.{GROUPS[0]}")["gaps"] == []
        assert len(read(place.config, "releases", "iana")["gaps"]) == 1
