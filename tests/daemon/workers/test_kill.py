"""Workers are killed at random instants, and the database is restarted: the history is that of one undisturbed process.

Each message is delivered at least once, and repeated at most once a kill, under the same id with the same text.
"""

from __future__ import annotations

import random
import signal
from pathlib import Path

from tests.support.history_rows import read_rows
from tests.support.postgresql import PostgresqlServer, open_server
from tests.support.workers import Workers, open_workers, watch_alone
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


def check_result(workers: Workers, rounds: int, *, restarts: int) -> None:
    """Compare a history with that of one process, and what was sent with the outbox."""
    rows, alone = read_rows(workers.location), read_rows(watch_alone(workers, rounds))
    for table in alone:
        assert rows[table] == alone[table], table
    assert rows["events"]
    with Store(workers.location, read_only=True) as store:
        store.verify(thorough=True)
        sent = {row[0] for row in store.database.execute("SELECT id FROM outbox WHERE state = 'sent'")}
    delivered = workers.servers.delivered()
    assert set(delivered) == sent
    assert all(len(bodies) == 1 for bodies in workers.servers.bodies().values())
    assert delivered.total() - len(delivered) <= workers.kills + restarts
    assert workers.servers.most_at_a_time() == 1
    assert list(SnapshotArchive(workers.config.parent / "snapshots").find_damage()) == []


def run_rounds(workers: Workers, server: PostgresqlServer, *, rounds: int, kills: int, seed: int, pause: float) -> None:
    """Run 4 workers over some rounds, of which each has its share of the kills; restart the server in one of them."""
    dice = random.Random(seed)  # noqa: S311 - when to kill
    workers.servers.publish(0)
    workers.start(4)
    for number in range(rounds):
        if number:
            workers.publish(number)
        for _ in range(kills // rounds):
            signal.sigtimedwait([], dice.uniform(0, pause))
            workers.kill_one(dice)
        if number == 1:
            server.stop()
            server.start()
        workers.wait_for(number)
    workers.stop()


def test_60_kills_and_a_restart_of_the_database_lose_and_double_nothing(tmp_path: Path) -> None:
    with open_server(max_connections="200") as server, open_workers(tmp_path, server, sources=80) as workers:
        run_rounds(workers, server, rounds=3, kills=60, seed=1, pause=0.3)
        assert workers.kills == 60
        check_result(workers, 3, restarts=1)
