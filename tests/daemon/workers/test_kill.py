"""Workers are killed at random instants, and the database is restarted: the history is that of one undisturbed process.

Each message is delivered at least once, and repeated at most once a kill, under the same id with the same text.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.postgresql import PostgresqlServer, open_server
from tests.support.table_servers import table
from tests.support.workers import Workers, check_result, open_workers, write_config
from watcher.store.object_url import ObjectUrl

pytestmark = pytest.mark.server


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


@pytest.mark.fault(50)
@pytest.mark.timeout(900)
def test_60_kills_and_a_restart_of_the_database_lose_and_double_nothing(tmp_path: Path) -> None:
    with (
        open_server(max_connections="200") as server,
        open_workers(tmp_path, server.new_location(), sources=60) as workers,
    ):
        run_rounds(workers, server, rounds=3, kills=60, seed=1, pause=0.3)
        assert workers.kills == 60
        check_result(workers, 3, repeats=workers.kills + 1)


@pytest.mark.fault(50)
@pytest.mark.timeout(900)
def test_60_kills_of_hosts_that_share_a_bucket_lose_and_damage_nothing(
    tmp_path: Path, object_url: ObjectUrl, run: RunCli
) -> None:
    with (
        open_server(max_connections="200") as server,
        open_workers(tmp_path, server.new_location(), sources=40, hosts=4, objects=object_url) as workers,
    ):
        run_rounds(workers, server, rounds=3, kills=60, seed=3, pause=0.3)
        check_result(workers, 3, repeats=workers.kills + 1)
        snapshots = sum(len({table(f"s{number}", past) for past in range(3)}) for number in range(workers.sources))
        for config in workers.configs:
            verified = run("--config", str(config), "verify", "--history")
            assert (verified.code, verified.out.splitlines()[0]) == (0, f"{snapshots} snapshots, 0 damaged")
        workers.configs.append(
            write_config(
                tmp_path / "fresh", workers.location, workers.servers, workers.sources, lease=2, objects=object_url
            )
        )
        fresh = ["--config", str(workers.configs[-1])]
        assert run(*fresh, "cat", "s7").out.encode() == table("s7", 2)
        assert run(*fresh, "verify", "--history").code == 0
        assert len(list((tmp_path / "fresh" / "snapshots").glob("s*/*"))) == snapshots


# Sources, rounds, kills, and the longest pause between two kills in seconds. 20 minutes on two busy cores.
SIZES = os.environ.get("KILL_TEST", "400 5 1000 1.0")


@pytest.mark.fault(50)
@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_1000_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    sources, rounds, kills = (int(each) for each in SIZES.split()[:3])
    began = time.monotonic()
    with (
        open_server(max_connections="200") as server,
        open_workers(tmp_path, server.new_location(), sources=sources, lease=5) as workers,
    ):
        run_rounds(workers, server, rounds=rounds, kills=kills, seed=2, pause=float(SIZES.split()[3]))
        assert workers.kills == kills
        ran = time.monotonic() - began
        print(f"{sources} sources, {rounds} rounds, {workers.kills} kills in {ran:.0f} s; the result is compared next")
        check_result(workers, rounds, repeats=workers.kills + 1)
        delivered = workers.servers.delivered()
        print(
            f"equal: {workers.servers.requests()} requests, {len(delivered)} messages, "
            f"{delivered.total() - len(delivered)} of them repeated; "
            f"CPU of the workers {workers.forks.cpu_seconds():.0f} s"
        )
