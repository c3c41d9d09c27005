"""A history is judged again by the present rules, without fetching and without alerts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment, rows
from tests.support.old_history import to_version_1
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from tests.support.run_cli import run_command
from watcher.store.database import MIGRATIONS
from watcher.store.store import Store

WAS_SENT = ("outbox", "checks", "held", "deadline_marks")
EVENTS = ("changes", "events", "event_ports", "event_services", "event_documents", "releases")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.check(release([tcp("a", "1")], "2024-01-01"))
        made.check(release([tcp("a", "1"), tcp("b", "2", references="[RFC9350]")], "2024-02-01"))
        made.check(release([tcp("a", "3"), tcp("c", "2", references="[RFC9350]")], "2024-03-01"))
        yield made


LEFT_OUT = ("id", "event_id", "sequence")  # version 1 had no sequence


def judged(path: Path) -> dict[str, list[dict[str, object]]]:
    """Return what the rules made, without the numbers of rows."""
    return {
        table: [{name: value for name, value in row.items() if name not in LEFT_OUT} for row in found]
        for table, found in rows(path, *EVENTS).items()
    }


def test_the_history_of_the_version_before_is_judged_again_and_nothing_is_sent(env: Environment) -> None:
    path = env.servers.folder / "history.db"
    expected, sent = judged(path), rows(path, *WAS_SENT)
    assert sent["outbox"]
    to_version_1(path)
    status = json.loads(run_command(env.servers.config, "status", "--format", "json").stdout)
    assert status["judged_by_older_rules"] == ["ports"]
    assert "older rules; run `watcher rebuild --events`" in run_command(env.servers.config, "doctor").stdout
    assert {row["summary"] for row in rows(path, "events")["events"]} == {"old words"}
    assert "old words" in run_command(env.servers.config, "history", "--rfc", "9350").stdout
    done = run_command(env.servers.config, "rebuild", "--events")
    assert (done.returncode, done.stdout) == (0, "ports: 3 releases, their events judged again\n")
    assert judged(path) == expected
    for row in sent["outbox"]:
        row["scheduled"] = None  # as an older version has it
    assert rows(path, *WAS_SENT) == sent
    assert "older rules" not in run_command(env.servers.config, "doctor").stdout
    assert (
        json.loads(run_command(env.servers.config, "status", "--format", "json").stdout)["judged_by_older_rules"] == []
    )
    messages = len(env.servers.webhooks)
    env.check()
    assert len(env.servers.webhooks) == messages
    env.check(release([tcp("a", "3"), tcp("d", "2", references="[RFC9350]")], "2024-04-01"))
    assert len(env.servers.webhooks) == messages + 1


def test_the_doctor_reads_an_old_history_without_migrating_it(env: Environment) -> None:
    path = env.servers.folder / "history.db"
    to_version_1(path)
    assert "ports: events were judged by older rules" in run_command(env.servers.config, "doctor").stdout
    with Store(path, read_only=True) as store:
        assert connection(store).execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (1,)
    Store(path).close()
    with Store(path, read_only=True) as store:
        assert connection(store).execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (len(MIGRATIONS),)


def test_a_rebuild_that_fails_midway_leaves_the_events_as_they_were(
    env: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = env.servers.folder / "history.db"
    to_version_1(path)
    Store(path).close()
    before = rows(path)
    with env.service() as service:
        ingest = service.ingest(service.source("ports"))

        def stop(done: int, total: int) -> None:
            assert total == 2
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            ingest.rebuild_events(stop)
    assert rows(path) == before
