"""The record of checks: one row each, many in one transaction, and how a source stands by it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_sql import connection
from watcher.store.check_log import Check, CheckLog, SourceSummary
from watcher.store.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.db") as opened:
        yield opened


@pytest.fixture
def checks(store: Store) -> CheckLog:
    return store.checks


def add(checks: CheckLog, at: int, outcome: str = "unchanged", source: str = "a", **more: object) -> None:
    validators = ('"1"', None) if outcome == "baseline" else None
    check = Check(source=source, at=f"2024-01-01T00:00:{at:02}Z", outcome=outcome, **more)  # type: ignore[arg-type]
    checks.record_check(check, url="http://127.0.0.1/", registry="iana", validators=validators)


def written(store: Store) -> list[tuple[str, str]]:
    return [
        tuple(row) for row in connection(store).execute("SELECT substr(at, 18, 2), outcome FROM checks ORDER BY id")
    ]


def test_checks_that_found_nothing_wait_for_each_other(checks: CheckLog, store: Store) -> None:
    with checks.batch_checks(3):
        add(checks, 1)
        add(checks, 2)
        assert written(store) == []
        add(checks, 3)
        assert len(written(store)) == 3
        add(checks, 4)
    assert [at for at, _ in written(store)] == ["01", "02", "03", "04"]


def test_one_that_found_something_is_written_at_once_and_after_those_before_it(checks: CheckLog, store: Store) -> None:
    with checks.batch_checks(100):
        add(checks, 1)
        add(checks, 2, "failed")
        assert written(store) == [("01", "unchanged"), ("02", "failed")]
        add(checks, 3)
    assert [at for at, _ in written(store)] == ["01", "02", "03"]


def test_what_ends_the_batch_loses_none_of_it(checks: CheckLog, store: Store) -> None:
    def interrupted() -> None:
        with checks.batch_checks(100):
            add(checks, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [at for at, _ in written(store)] == ["01"]
    add(checks, 2)
    assert len(written(store)) == 2


def test_a_check_that_found_nothing_writes_a_row_of_checks_and_nothing_else(checks: CheckLog, store: Store) -> None:
    add(checks, 1, "baseline")
    before = connection(store).conn.total_changes
    add(checks, 2)
    assert connection(store).conn.total_changes == before + 1
    assert written(store)[-1] == ("02", "unchanged")


def test_how_a_source_stands_follows_from_its_checks(checks: CheckLog) -> None:
    assert checks.read_state("a") == {"last_success": None, "failures": 0}
    add(checks, 1, "failed")
    assert checks.read_state("a") == {"last_success": None, "failures": 1}
    add(checks, 2)
    add(checks, 3, "failed", source="b")
    assert checks.read_state("a") == {"last_success": "2024-01-01T00:00:02Z", "failures": 0}
    add(checks, 4, "failed")
    add(checks, 5, "failed")
    assert checks.read_state("a") == {"last_success": "2024-01-01T00:00:02Z", "failures": 2}


def test_the_newest_answers_pass_over_failed_checks(checks: CheckLog) -> None:
    for at, outcome in enumerate(("held", "failed", "unchanged", "failed"), 1):
        add(checks, at, outcome)
    assert [check["outcome"] for check in checks.list_successful("a", 5)] == ["unchanged", "held"]
    assert [check["outcome"] for check in checks.list_successful("a", 1)] == ["unchanged"]


def test_many_sources_are_asked_after_at_once(checks: CheckLog) -> None:
    add(checks, 1, "baseline")
    add(checks, 2, "failed", reason="not_found", message="HTTP status 404")
    assert checks.read_summaries(["a", "b"]) == {
        "a": SourceSummary(at="2024-01-01T00:00:02Z", outcome="failed", reason="not_found", message="HTTP status 404"),
        "b": SourceSummary(),
    }


def test_no_question_of_a_sweep_reads_all_the_checks(checks: CheckLog, store: Store) -> None:
    plans: list[str] = []

    def explain(statement: str) -> None:
        if statement.startswith("SELECT"):
            plans.append(statement)

    add(checks, 1)
    connection(store).conn.set_trace_callback(explain)
    checks.read_summaries(["a"])
    checks.find_last_check("a")
    checks.list_successful("a", 2)
    checks.read_state("a")
    checks.read_validators("a", "http://127.0.0.1/")
    connection(store).conn.set_trace_callback(None)
    assert len(plans) >= 5
    for statement in plans:
        for step in connection(store).execute(f"EXPLAIN QUERY PLAN {statement}"):
            assert not step[3].startswith("SCAN") or "VIRTUAL TABLE" in step[3], (statement, step[3])
