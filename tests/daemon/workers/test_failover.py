"""The primary dies while checks and deliveries are under way, and the standby takes over (docs/scale.md)."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.support.postgresql import PostgresqlServer, open_pair, pair_location
from tests.support.workers import Workers, check_result, open_workers
from watcher.core.errors import StoreError
from watcher.store.store import Store

pytestmark = pytest.mark.server


def count_checks(workers: Workers) -> int | None:
    """Return how many checks are recorded; None while no server takes writes."""
    try:
        with Store(workers.location, create=False) as store:
            return int(store.database.execute("SELECT count(*) FROM checks").fetchone()[0])
    except StoreError:
        return None


def wait_until(workers: Workers, least: int) -> tuple[int, float]:
    """Wait until so many checks are recorded; return how many there are and the seconds that it took."""
    began = time.monotonic()
    while (number := count_checks(workers)) is None or number < least:
        assert time.monotonic() - began < 120, workers.forks.log[-4000:]
        signal.sigtimedwait([], 0.02)
    return number, time.monotonic() - began


@contextmanager
def cut_off(standby: PostgresqlServer) -> Iterator[None]:
    """Let the standby receive nothing during the block, nor what was on its way at the end."""
    receiver = int(standby.sql("SELECT pid FROM pg_stat_wal_receiver"))
    os.kill(receiver, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(receiver, signal.SIGTERM)
        os.kill(receiver, signal.SIGCONT)


@pytest.mark.slow  # 50 s and 20 CPU s each, on a busy machine
@pytest.mark.parametrize("synchronous", [True, False], ids=["synchronous", "asynchronous"])
def test_a_standby_takes_over_while_checks_and_deliveries_are_under_way(tmp_path: Path, *, synchronous: bool) -> None:
    with (
        open_pair(synchronous=synchronous, max_connections="100") as (primary, standby),
        open_workers(tmp_path, pair_location(primary, standby), sources=80) as workers,
    ):
        workers.servers.publish(0)
        workers.start(2)
        workers.wait_for(0)
        workers.publish(1)
        wait_until(workers, 80 + 20)
        with nullcontext() if synchronous else cut_off(standby):
            before, _ = wait_until(workers, 80 + 40)
            began = time.monotonic()
            primary.stop(signal.SIGQUIT)
        standby.sql("SELECT pg_promote()")
        kept, _ = wait_until(workers, 1)
        until_promoted = time.monotonic() - began
        _, until_working = wait_until(workers, kept + 1)
        workers.wait_for(1)
        until_done = time.monotonic() - began
        workers.publish(2)
        workers.wait_for(2)
        workers.stop()
        delivered = workers.servers.delivered()
        print(
            f"{'synchronous' if synchronous else 'asynchronous'}: {before} checks before, {kept} after; "
            f"{until_promoted:.1f} s until the standby took writes, then {until_working:.1f} s until the next check, "
            f"{until_done:.1f} s until all that was due was done; "
            f"{delivered.total() - len(delivered)} of {len(delivered)} messages repeated"
        )
        lost = before - kept
        assert lost <= 0 if synchronous else lost > 0
        # A channel sends one message at a time; what the standby does not know of is sent again.
        check_result(workers, 3, repeats=2 if synchronous else 2 * (lost + 1))
