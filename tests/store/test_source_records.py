"""What the history has about many sources: the same for one as for each, with few queries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from tests.support.environment import SOURCE, open_environment
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from tests.support.settings import load_once
from watcher.config.overview import load_overview
from watcher.core.model import RULES_VERSION
from watcher.reports.sources import list_sources
from watcher.reports.status import report_status
from watcher.store import source_records
from watcher.store.check_log import Check
from watcher.store.location import HistoryLocation
from watcher.store.source_records import SourceRecord
from watcher.store.store import Store

NOW = datetime(2024, 1, 2, tzinfo=UTC)


def record_check(store: Store, at: int, outcome: str = "unchanged", source: str = "a") -> None:
    check = Check(source=source, at=f"2024-01-01T00:00:{at:02}Z", outcome=outcome)
    store.checks.record_check(check, url="http://127.0.0.1/", registry="iana", validators=None)


def last_success(store: Store, source: str) -> tuple[str | None, int]:
    (record,) = store.history.read_records([source])
    return record.last_success, record.failures


def test_the_state_of_a_source_follows_from_its_checks(location: HistoryLocation) -> None:
    with Store(location) as store:
        assert last_success(store, "a") == (None, 0)
        record_check(store, 1, "failed")
        assert last_success(store, "a") == (None, 1)
        record_check(store, 2)
        record_check(store, 3, "failed", source="b")
        assert last_success(store, "a") == ("2024-01-01T00:00:02Z", 0)
        record_check(store, 4, "failed")
        record_check(store, 5, "failed")
        assert last_success(store, "a") == ("2024-01-01T00:00:02Z", 2)
        store.checks.record_skip("a", "2024-01-01T00:00:06Z")
        assert store.checks.record_skip("a", "2024-01-01T00:00:07Z") == 2
        (record,) = store.history.read_records(["a"])
        assert (record.checked, record.outcome, record.skipped) == ("2024-01-01T00:00:05Z", "failed", 2)


def test_records_come_in_the_order_of_the_names(location: HistoryLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_records, "_TOGETHER", 2)
    with Store(location) as store:
        for number, name in enumerate("edcba"):
            record_check(store, number, source=name)
        at = [record.checked for record in store.history.read_records(["b", "none", "e", "a", "c"])]
    assert at == ["2024-01-01T00:00:03Z", None, "2024-01-01T00:00:00Z", "2024-01-01T00:00:04Z", "2024-01-01T00:00:02Z"]


def test_a_record_is_about_the_newest_release(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release([tcp("a", "1")]))
        env.check(release([tcp("a", "1"), tcp("b", "2")]))
        with env.service() as service:
            latest = service.store.history.find_latest(SOURCE)
            none, record = service.store.history.read_records(["none", SOURCE])
            assert latest is not None
            assert none == SourceRecord()
            assert (record.releases, record.registry, record.outcome) == (2, "ports", "changed")
            assert record.key == service.store.history.read_key_columns(SOURCE) != ()
            assert (record.release, record.published, record.observed, record.entries) == (
                latest.release.id,
                latest.release.published,
                latest.release.observed,
                latest.release.entries,
            )


def test_a_source_whose_first_check_failed_is_judged_by_the_present_rules(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(b"")
        for expected in (0, 1):
            with env.service() as service:
                assert service.store.history.count_releases(SOURCE) == expected
                assert service.store.history.list_judged_before(RULES_VERSION) == []
            env.check(release([tcp("a", "1")]))


def count_statements(store: Store, work: Callable[[], object]) -> int:
    statements: list[str] = []
    connection(store).conn.set_trace_callback(statements.append)
    work()
    connection(store).conn.set_trace_callback(None)
    return len(statements)


QUESTIONS: dict[str, Callable[[Path, Store], object]] = {
    "status": lambda config, store: report_status(load_overview(config), store, NOW),
    "sources": lambda config, store: list_sources(load_once(config), store),
    "derivations": lambda _config, store: store.history.count_derivations(),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_many_sources_take_no_more_queries_than_one(tmp_path: Path, question: str) -> None:
    config, ask = tmp_path / "config.toml", QUESTIONS[question]
    numbers = []
    with Store(tmp_path / "history.db") as store:
        for size in (1, 20):
            names = [f"s{number}" for number in range(size)]
            config.write_text("".join(f'[[source]]\nname = "{name}"\nurl = "https://a.example/"\n' for name in names))
            for name in names:
                record_check(store, 1, "failed", source=name)
            ask(config, store)
            numbers.append(count_statements(store, partial(ask, config, store)))
    assert numbers[0] == numbers[1] > 0
