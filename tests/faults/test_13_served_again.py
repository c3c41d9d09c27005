"""The same bytes under other tags, older content, two nodes that disagree: the alerts that they cause."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.fault_server import Answer, FaultServer, not_modified, reply
from tests.support.port_releases import release, tcp
from watcher.cli.demo_servers import SOURCE
from watcher.monitor.result import Outcome

OLD = release([tcp("a", "1")], "2020-01-01")
NEW = release([tcp("a", "1"), tcp("b", "2")], "2020-01-02")
THIRD = release([tcp("a", "1"), tcp("b", "2"), tcp("c", "3")], "2020-01-03")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.configure("allow_private = true", "allow_private = true\nmin_interval = 0")
        yield made


def validators(env: Environment) -> tuple[str, str]:
    (row,) = env.rows("sources")["sources"]
    return row["etag"], row["last_modified"]


@pytest.mark.fault(13)
def test_the_same_bytes_under_new_validators_are_no_release_and_the_new_ones_are_kept(env: Environment) -> None:
    first = {"ETag": '"1"', "Last_Modified": "Wed, 01 Jan 2020 00:00:00 GMT"}
    second = {"ETag": '"2"', "Last_Modified": "Thu, 02 Jan 2020 00:00:00 GMT"}
    with FaultServer(reply(OLD, **first), reply(OLD, **second), not_modified(ETag='"2"')) as server:
        env.fetch_from(server.url("/assignments/x.xml"))
        assert env.check().outcome is Outcome.BASELINE
        before = env.rows("releases", "versions", "changes", "events", "snapshots")
        assert env.check().outcome is Outcome.UNCHANGED
        assert env.rows("releases", "versions", "changes", "events", "snapshots") == before
        assert validators(env) == ('"2"', second["Last_Modified"])
        env.check()
        assert server.requests[2].headers["if-none-match"] == '"2"'
    assert env.servers.webhooks == []


@pytest.mark.fault(14)
@pytest.mark.parametrize("tag", ['W/"{}"', '"{}"', ""])
def test_the_content_decides_where_every_node_has_its_own_tag_or_none(env: Environment, tag: str) -> None:
    numbers = count()

    def node(data: bytes) -> Answer:
        def answer(sock, stopped):  # type: ignore[no-untyped-def]
            headers = {"ETag": tag.format(next(numbers))} if tag else {}
            return reply(data, **headers)(sock, stopped)

        return answer

    with FaultServer(node(OLD), node(OLD), node(OLD), node(NEW)) as server:
        env.fetch_from(server.url("/assignments/x.xml"))
        assert [env.check().outcome for _ in range(5)] == [
            Outcome.BASELINE,
            Outcome.UNCHANGED,
            Outcome.UNCHANGED,
            Outcome.CHANGED,
            Outcome.UNCHANGED,
        ]
    assert len(env.alerts) == 1


@pytest.mark.fault(15)
def test_older_content_that_comes_back_is_no_alert_until_it_stays(env: Environment) -> None:
    for data in (OLD, NEW):
        env.check(data)
    assert len(env.alerts) == 1
    env.publish(OLD)
    assert [env.check().outcome for _ in range(3)] == [Outcome.STALE, Outcome.STALE, Outcome.CHANGED]
    assert len(env.alerts) == 2
    alert = env.alerts[1]
    assert [event["id"] for event in alert["events"]] == ["port-released"]
    assert "rollback" in env.rows("releases")["releases"][-1]["problems"]


@pytest.mark.fault(16)
def test_two_nodes_that_disagree_for_long_are_one_alert_for_each_content_and_counted(env: Environment) -> None:
    env.check(OLD)
    for _ in range(8):
        env.check(NEW)
        env.check(OLD)
    assert len(env.alerts) == 1
    env.check(THIRD)
    for data in (NEW, OLD, THIRD) * 3:
        env.check(data)
    assert len(env.alerts) == 2
    with env.service() as service:
        times = {hold.published: hold.times for hold in service.store.holds.list_holds(SOURCE)}
    assert times == {"2020-01-01": 8 + 3, "2020-01-02": 3}
    assert len(env.rows("releases")["releases"]) == 3
