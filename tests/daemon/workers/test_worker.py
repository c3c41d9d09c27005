"""`watcher worker` as a process: it works, says so, takes over, and ends in order."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.postgresql import PostgresqlServer
from tests.support.workers import Workers, check_result, open_workers
from watcher.cli.context import load_settings
from watcher.core.work import CHECK
from watcher.monitor.doctor import DiagnosisState, diagnose
from watcher.monitor.monitor import Monitor
from watcher.store.store import Store


@pytest.fixture
def workers(tmp_path: Path, postgresql_server: PostgresqlServer) -> Iterator[Workers]:
    with open_workers(tmp_path, postgresql_server.new_location(), sources=3) as opened:
        yield opened


def wait_for_scheduler(workers: Workers, besides: int = 0) -> int:
    """Wait until a living worker is the scheduler, not the process `besides`, and return its process."""
    for _ in range(300):
        with Store(workers.location) as store:
            work = store.find_work()
            states = work.list_workers() if work else []
        for state in states:
            if state.schedules and state.process != besides:
                return state.process
        signal.sigtimedwait([], 0.1)
    raise AssertionError(workers.forks.log)


def test_it_works_and_says_who_works(workers: Workers, run: RunCli) -> None:
    config = ["--config", str(workers.config)]
    workers.servers.publish(0)
    workers.start(2)
    workers.wait_for(0)
    scheduler = wait_for_scheduler(workers)
    report = json.loads(run(*config, "status", "--format", "json").out)
    assert {worker["process"] for worker in report["workers"]} == set(workers.forks.running)
    assert [worker["process"] for worker in report["workers"] if worker["schedules"]] == [scheduler]
    assert report["work"]["due"] == 0
    assert f"process {scheduler}: scheduler" in run(*config, "status").out
    settings = load_settings(workers.config)
    with Monitor(settings) as monitor:
        found = [diagnosis for diagnosis in diagnose(settings, monitor.clock.now()) if diagnosis.area == "workers"]
    assert found[0].message.startswith("2 on ")
    workers.stop()
    with Monitor(settings) as monitor:
        (found_none,) = [
            diagnosis for diagnosis in diagnose(settings, monitor.clock.now()) if diagnosis.area == "workers"
        ]
    assert found_none.state is DiagnosisState.PROBLEM


def test_another_worker_schedules_when_the_scheduler_is_killed(workers: Workers) -> None:
    workers.servers.publish(0)
    workers.start(2)
    workers.wait_for(0)
    scheduler = wait_for_scheduler(workers)
    workers.forks.kill(scheduler)
    assert wait_for_scheduler(workers, besides=scheduler) == workers.forks.running[0]
    workers.publish(1)
    workers.wait_for(1)


def test_a_reload_adds_and_removes_sources(workers: Workers) -> None:
    workers.servers.publish(0)
    workers.start(1)
    workers.wait_for(0)
    text = workers.config.read_text()
    added = (
        f'[[source]]\nname = "s3"\nurl = "{workers.servers.url(3)}"\nregistry = "iana"\nformat = "csv"\nkey = ["id"]\n'
    )
    workers.config.write_text(f"{text}\n{added}".replace('name = "s0"', 'name = "s0"\nenabled = false'))
    os.kill(workers.forks.running[0], signal.SIGHUP)
    workers.sources = 4
    workers.wait_for(0)
    with Store(workers.location) as store:
        names = store.database.execute("SELECT name FROM work WHERE kind = ? ORDER BY name", [CHECK]).fetchall()
    assert [name for (name,) in names] == ["s1", "s2", "s3"]
    workers.stop()


def test_the_status_of_many_sources_has_pages(tmp_path: Path, run: RunCli) -> None:
    source = '[[source]]\nname = "s{}"\nurl = "http://example.org/{}"\n'
    (tmp_path / "config.toml").write_text("".join(source.format(number, number) for number in range(3)))
    config = ["--config", str(tmp_path / "config.toml")]
    first = run(*config, "status", "--limit", "2")
    assert "s0" in first.out
    assert "s2 " not in first.out
    assert "1 more sources; `watcher status --after s1` goes on" in first.out
    rest = json.loads(run(*config, "status", "--after", "s1", "--format", "json").out)
    assert [source["source"] for source in rest["sources"]] == ["s2"]
    assert "no source named 's9'" in run(*config, "status", "--after", "s9").err


def test_it_refuses_a_history_in_sqlite(tmp_path: Path, run: RunCli) -> None:
    (tmp_path / "config.toml").write_text("")
    result = run("--config", str(tmp_path / "config.toml"), "worker")
    assert result.code == 2
    assert "set url in [store]" in result.err


def test_a_worker_that_was_stopped_for_longer_than_its_lease_changes_nothing(
    tmp_path: Path, postgresql_server: PostgresqlServer
) -> None:
    with open_workers(tmp_path, postgresql_server.new_location(), sources=4) as workers:
        workers.servers.publish(0)
        workers.start(1)
        workers.wait_for(0)
        asked = workers.servers.requests()
        workers.servers.delay(3.0)
        workers.publish(1)
        while workers.servers.requests() < asked + workers.sources:
            signal.sigtimedwait([], 0.05)
        stopped = wait_for_claims(workers)
        os.kill(workers.forks.running[0], signal.SIGSTOP)  # while it waits for the servers
        workers.servers.delay(0.5)
        workers.start(1)
        while wait_for_claims(workers) & stopped:
            signal.sigtimedwait([], 0.1)
        os.kill(workers.forks.running[0], signal.SIGCONT)
        workers.wait_for(1)
        assert "another worker has taken over check s" in workers.forks.log
        workers.stop()
        workers.servers.delay(0.0)
        check_result(workers, 2, repeats=1)


def wait_for_claims(workers: Workers) -> set[tuple[str, int]]:
    """Wait until checks are claimed; return their sources with the numbers of the claims."""
    for _ in range(600):
        with Store(workers.location) as store:
            query = "SELECT name, token FROM work WHERE kind = ? AND until > now()"
            if claims := set(store.database.execute(query, [CHECK]).fetchall()):
                return claims
        signal.sigtimedwait([], 0.1)
    raise AssertionError(workers.forks.log)
