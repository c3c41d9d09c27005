"""What workers share: claims with a lease and a number, jobs for what is due, one request a host, one scheduler."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from tests.support.fake_clock import FakeClock
from tests.support.postgresql import PostgresqlServer
from watcher.core.errors import ClaimLostError, StoreError, UsageError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.core.work import CHECK, DELIVER, Claim, DueWork, WorkItem
from watcher.daemon.workers.host_limits import SharedHostLimiter
from watcher.daemon.workers.job_queue import VERSION, JobMaker, read_schema
from watcher.store.postgresql.election import Election
from watcher.store.postgresql.work import CLAIM, READY, WorkTables
from watcher.store.store import Store

PORTS = WorkItem(kind=CHECK, name="ports")


@pytest.fixture
def location(postgresql_server: PostgresqlServer) -> PostgresqlUrl:
    location = postgresql_server.new_location()
    with Store(location) as store:
        store.work.create(read_schema(), VERSION)
    return location


@contextmanager
def open_tables(location: PostgresqlUrl) -> Iterator[WorkTables]:
    with Store(location, create=False) as store:
        yield store.work


@pytest.fixture
def tables(location: PostgresqlUrl) -> Iterator[WorkTables]:
    with open_tables(location) as opened:
        yield opened


def configure(tables: WorkTables, *names: str, host: str = "", first: float = 0.0) -> list[WorkItem]:
    items = [WorkItem(kind=CHECK, name=name) for name in names]
    tables.synchronize([DueWork(item=item, host=host, every=3600.0, first=first) for item in items])
    return items


def end_leases(tables: WorkTables) -> None:
    """Let every lease have ended, as if its time had passed."""
    tables.connection.execute("UPDATE work SET until = now() - interval '1 second' WHERE until IS NOT NULL")


def claim(tables: WorkTables, item: WorkItem, worker: int) -> Claim:
    claimed = tables.claim(item, worker, 60.0)
    assert claimed is not None
    return claimed


def test_what_is_due_is_claimed_once_until_its_lease_ends(tables: WorkTables) -> None:
    configure(tables, "ports")
    first = claim(tables, PORTS, 1)
    assert tables.claim(PORTS, 2, 60.0) is None
    end_leases(tables)
    assert claim(tables, PORTS, 2).token == first.token + 1


def test_a_finished_check_is_due_after_its_interval_and_not_before(tables: WorkTables) -> None:
    configure(tables, "ports")
    tables.finish(claim(tables, PORTS, 1), 3600.0)
    assert tables.claim(PORTS, 2, 60.0) is None
    tables.connection.execute("UPDATE work SET due = due - interval '1 hour'")
    assert tables.claim(PORTS, 2, 60.0)


def test_a_worker_that_was_slow_writes_nothing_once_another_one_has_its_work(location: PostgresqlUrl) -> None:
    with Store(location) as slow, Store(location) as other:
        configure(slow.work, "ports")
        held = claim(slow.work, PORTS, 1)
        slow.work.guard(held)
        slow.checks.record_skip("before", "2020-01-01T00:00:00Z")
        end_leases(other.work)
        claim(other.work, PORTS, 2)
        with pytest.raises(ClaimLostError, match="check ports"), slow.transaction():
            slow.checks.record_skip("after", "2020-01-01T00:00:00Z")
        with pytest.raises(ClaimLostError):
            slow.database.execute("UPDATE skips SET number = 7")  # a statement alone is a transaction
        slow.work.finish(held, 0.0)
        assert [row["source"] for row in other.database.query("SELECT source FROM skips WHERE number = 1")] == [
            "before"
        ]
        assert other.work.list_claimed() == {"check ports"}


def test_nobody_claims_the_work_of_a_transaction_that_runs(location: PostgresqlUrl) -> None:
    with Store(location) as writing, open_tables(location) as other:
        configure(other, "ports")
        writing.work.guard(claim(other, PORTS, 1))
        with writing.transaction():
            end_leases_of_others(other)
            assert other.claim(PORTS, 2, 60.0) is None
        assert other.claim(PORTS, 2, 60.0) is None
        end_leases(other)
        assert other.claim(PORTS, 2, 60.0)


def end_leases_of_others(tables: WorkTables) -> None:
    tables.connection.execute("UPDATE work SET until = now() WHERE name <> 'ports'")


def test_only_leases_of_running_work_are_extended(tables: WorkTables) -> None:
    one, two = configure(tables, "one", "two")
    worker = tables.register("host", 7, "1", 60.0)
    kept = claim(tables, one, worker)
    claim(tables, two, worker)
    end_leases(tables)
    tables.extend(worker, [kept], 60.0, schedules=True)
    assert tables.list_claimed() == {"check one"}
    (state,) = tables.list_workers()
    assert (state.host, state.process, state.running, state.alive, state.schedules) == ("host", 7, 1, True, True)


def test_what_is_due_and_lost_its_job_gets_another_one(tables: WorkTables) -> None:
    (item,) = configure(tables, "ports")
    maker = JobMaker()
    assert tables.find_ready(most=10, per_host=4) == [item]
    maker.add([item], tables.connection)
    assert tables.find_ready(most=10, per_host=4) == []
    tables.connection.execute("DELETE FROM procrastinate_jobs")  # lost
    assert tables.find_ready(most=10, per_host=4) == [item]


def test_what_is_not_due_or_claimed_gets_no_job(tables: WorkTables) -> None:
    configure(tables, "later", first=60.0)
    assert tables.find_ready(most=10, per_host=4) == []
    (item,) = configure(tables, "now")
    claim(tables, item, 1)
    assert tables.find_ready(most=10, per_host=4) == []


def test_the_job_of_a_dead_worker_is_removed_when_nobody_claims_its_work(tables: WorkTables) -> None:
    # The library keeps it as running, and its lock would keep every later job of the source waiting.
    items = configure(tables, "dead", "alive")
    maker = JobMaker()
    maker.add(items, tables.connection)
    tables.connection.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    claim(tables, items[1], 1)
    claimed = tables.list_claimed()
    assert maker.remove_hanging(tables.connection, claimed, now=0.0, lease=60.0) == 0
    assert maker.remove_hanging(tables.connection, claimed, now=61.0, lease=60.0) == 1
    assert tables.find_ready(most=10, per_host=4) == [items[0]]


def test_a_slow_host_leaves_room_in_the_queue_for_others(tables: WorkTables) -> None:
    slow = [WorkItem(kind=CHECK, name=f"slow{number}") for number in range(9)]
    fast = WorkItem(kind=CHECK, name="fast")
    tables.synchronize(
        [
            *(DueWork(item=item, host="slow.example", every=60.0) for item in slow),
            DueWork(item=fast, host="fast.example", every=60.0, first=0.0),
        ]
    )
    ready = tables.find_ready(most=10, per_host=4)
    assert len(ready) == 5
    assert fast in ready
    JobMaker().add(ready, tables.connection)
    assert tables.find_ready(most=10, per_host=4) == []
    assert tables.find_ready(most=10, per_host=6)[0].name.startswith("slow")


def test_a_host_that_asked_for_a_pause_gets_no_jobs(tables: WorkTables) -> None:
    configure(tables, "ports", host="busy.example")
    tables.block_host("busy.example", 60.0)
    assert tables.find_ready(most=10, per_host=4) == []
    assert 59 < tables.read_block("busy.example") <= 60
    assert tables.read_block("other.example") == 0


def test_deliveries_come_before_checks(tables: WorkTables) -> None:
    configure(tables, "ports")
    tables.mark_channels_due(["mail"])
    assert [item.kind for item in tables.find_ready(most=10, per_host=4)] == [DELIVER, CHECK]


def test_a_source_that_is_configured_no_more_is_no_work(tables: WorkTables) -> None:
    configure(tables, "old", "kept")
    tables.mark_channels_due(["mail"])
    configure(tables, "kept", "new", first=60.0)
    names = {name for (name,) in tables.connection.execute("SELECT name FROM work")}
    assert names == {"kept", "new", "mail"}
    assert tables.list_missing([PORTS]) == [PORTS]


def test_a_host_gets_one_request_at_a_time_from_all_workers(location: PostgresqlUrl) -> None:
    with open_tables(location) as one, open_tables(location) as two:
        limiters = []
        for tables in (one, two):
            limiter = SharedHostLimiter(FakeClock(), 10.0)
            limiter.tables = tables
            limiters.append(limiter)
        entered = threading.Event()

        def wait_for_turn() -> None:
            with limiters[1].lock_host("example.org"):
                entered.set()

        waiting = threading.Thread(target=wait_for_turn)
        with limiters[0].lock_host("example.org"):
            waiting.start()
            with limiters[0].lock_host("other.example"):
                assert not entered.wait(0.2)
            assert limiters[0].reserve("example.org") == 0
        waiting.join(10)
        assert entered.is_set()
        assert limiters[1].reserve("example.org") >= 9


def test_no_request_is_sent_when_the_turn_of_a_host_was_lost(
    location: PostgresqlUrl, postgresql_server: PostgresqlServer
) -> None:
    limiter = SharedHostLimiter(FakeClock(), 0.0)
    with open_tables(location) as tables:
        limiter.tables = tables
        with limiter.lock_host("example.org"):
            limiter.confirm("example.org")
            session = tables.connection.info.backend_pid
            postgresql_server.sql(f"SELECT pg_terminate_backend({session}, 10000)")
            assert limiter.blocked_for("example.org") == 0  # over a new connection
            with pytest.raises(StoreError, match=r"lost its turn to ask example\.org"):
                limiter.confirm("example.org")


def test_nobody_waits_forever_for_the_turn_of_a_host(location: PostgresqlUrl) -> None:
    with open_tables(location) as one, open_tables(location) as two:
        assert two.connection.execute("SHOW lock_timeout").fetchone() == ("5min",)
        two.connection.execute("SET lock_timeout = '50ms'")
        one.lock_host("example.org")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            two.lock_host("example.org")


def test_another_candidate_is_elected_when_the_scheduler_dies(
    location: PostgresqlUrl, postgresql_server: PostgresqlServer
) -> None:
    with Election(location) as first, Election(location) as second:
        assert (first.is_elected(), second.is_elected(), first.is_elected()) == (True, False, True)
        postgresql_server.sql(
            """SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND pid IN (SELECT pid FROM pg_stat_activity WHERE query LIKE '%registry-watcher scheduler%'
              OR query = 'SELECT 1')"""
        )
        assert not first.is_elected()
        assert second.is_elected()
        assert not first.is_elected()


def test_only_the_sessions_of_a_worker_that_hangs_are_ended_however_long_the_name_of_its_host_is(
    location: PostgresqlUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = "a-host-with-a-name-that-is-longer-than-that-of-a-session-of-postgresql.example"
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    monkeypatch.setattr(os, "getpid", lambda: 4_000_001)
    with open_tables(location) as hanging:
        hanging.register(host, 4_000_001, "1", lease=0.0)
        monkeypatch.setattr(os, "getpid", lambda: 4_000_002)
        with open_tables(location) as living:
            living.register(host, 4_000_002, "1", lease=60.0)
            assert living.end_dead_sessions(60.0) == 0
            assert living.end_dead_sessions(0.0) == 1
            with pytest.raises(psycopg.OperationalError):
                hanging.connection.execute("SELECT 1")
            assert [worker.alive for worker in living.list_workers()] == [False, True]


def test_the_queue_of_another_version_is_replaced(tables: WorkTables) -> None:
    (item,) = configure(tables, "ports")
    JobMaker().add([item], tables.connection)
    tables.create(read_schema(), VERSION)
    assert tables.find_ready(most=10, per_host=4) == []
    tables.create(read_schema(), "procrastinate 99")
    assert tables.find_ready(most=10, per_host=4) == [item]


def test_a_history_in_sqlite_has_no_workers(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store, pytest.raises(UsageError, match="watcher run"):
        _ = store.work


def test_what_is_due_of_100000_sources_is_found_by_an_index(tables: WorkTables) -> None:
    connection = tables.connection
    connection.execute(
        """INSERT INTO work (kind, name, host, every, due)
        SELECT 'check', 's' || number, 'host' || number % 500, 21600, now() + make_interval(mins => number - 5)
        FROM generate_series(1, 100000) AS number"""
    )
    connection.execute("ANALYZE work")
    plan = explain(tables, READY.replace(":most", "256").replace(":per_host", "4"))
    assert "Index Scan using work_due on work" in plan
    assert "Seq Scan on work " not in plan
    plan = explain(tables, CLAIM.replace("?", "{}").format(1, 60, "'check'", "'s77'"))
    assert plan.count("using work_pkey") == 2
    assert "work_due" not in plan
    assert {item.name for item in tables.find_ready(most=256, per_host=4)} == {f"s{number}" for number in range(1, 6)}


def explain(tables: WorkTables, query: str) -> str:
    return "\n".join(line for (line,) in tables.connection.execute(f"EXPLAIN {query}"))
