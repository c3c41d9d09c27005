"""The log of checks: one row each, and many in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.raw_sql import connection
from watcher.store.check_log import Check, CheckLog, SourceSummary
from watcher.store.location import HistoryLocation
from watcher.store.store import Store


@pytest.fixture
def store(location: HistoryLocation) -> Iterator[Store]:
    with Store(location) as opened:
        yield opened


@pytest.fixture
def checks(store: Store) -> CheckLog:
    return store.checks


def record(checks: CheckLog, at: int, outcome: str = "unchanged", source: str = "a", **more: object) -> None:
    validators = ('"1"', None) if outcome == "baseline" else None
    check = Check(source=source, at=f"2024-01-01T00:00:{at:02}Z", outcome=outcome, **more)  # type: ignore[arg-type]
    checks.record_check(check, url="http://127.0.0.1/", registry="iana", validators=validators)


def written(store: Store) -> list[tuple[str, str]]:
    return [
        tuple(row) for row in connection(store).execute("SELECT substr(at, 18, 2), outcome FROM checks ORDER BY id")
    ]


def test_unchanged_checks_are_written_in_batches(checks: CheckLog, store: Store) -> None:
    with checks.batch_checks(3):
        record(checks, 1)
        record(checks, 2)
        assert written(store) == []
        record(checks, 3)
        assert len(written(store)) == 3
        record(checks, 4)
    assert [at for at, _ in written(store)] == ["01", "02", "03", "04"]


def test_a_failed_check_is_written_at_once_after_those_before_it(checks: CheckLog, store: Store) -> None:
    with checks.batch_checks(100):
        record(checks, 1)
        record(checks, 2, "failed")
        assert written(store) == [("01", "unchanged"), ("02", "failed")]
        record(checks, 3)
    assert [at for at, _ in written(store)] == ["01", "02", "03"]


def test_an_interrupted_batch_is_written(checks: CheckLog, store: Store) -> None:
    def interrupted() -> None:
        with checks.batch_checks(100):
            record(checks, 1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [at for at, _ in written(store)] == ["01"]
    record(checks, 2)
    assert len(written(store)) == 2


def test_an_unchanged_check_writes_one_row_and_nothing_else(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        record(store.checks, 1, "baseline")
        before = connection(store).conn.total_changes
        record(store.checks, 2)
        assert connection(store).conn.total_changes == before + 1
        assert written(store)[-1] == ("02", "unchanged")


def test_the_newest_successful_checks_leave_out_failed_ones(checks: CheckLog) -> None:
    for at, outcome in enumerate(("held", "failed", "unchanged", "failed"), 1):
        record(checks, at, outcome)
    assert [check["outcome"] for check in checks.list_successful("a", 5)] == ["unchanged", "held"]
    assert [check["outcome"] for check in checks.list_successful("a", 1)] == ["unchanged"]


def test_one_query_summarizes_many_sources(checks: CheckLog) -> None:
    record(checks, 1, "baseline")
    record(checks, 2, "failed", reason="not_found", message="HTTP status 404")
    assert checks.read_summaries(["a", "b"]) == {
        "a": SourceSummary(at="2024-01-01T00:00:02Z", outcome="failed", reason="not_found", message="HTTP status 404"),
        "b": SourceSummary(),
    }


def test_no_query_of_a_sweep_reads_all_checks(tmp_path: Path) -> None:
    store = Store(tmp_path / "history.db")
    checks = store.checks
    plans: list[str] = []

    def explain(statement: str) -> None:
        if statement.startswith(("SELECT", "WITH")):
            plans.append(statement)

    record(checks, 1)
    connection(store).conn.set_trace_callback(explain)
    checks.read_summaries(["a"])
    checks.find_last_check("a")
    checks.list_successful("a", 2)
    list(store.history.read_records(["a"]))
    checks.read_validators("a", "http://127.0.0.1/")
    connection(store).conn.set_trace_callback(None)
    assert len(plans) >= 5
    for statement in plans:
        for step in connection(store).execute(f"EXPLAIN QUERY PLAN {statement}"):
            assert not step[3].startswith("SCAN") or "VIRTUAL TABLE" in step[3], (statement, step[3])
    store.close()
