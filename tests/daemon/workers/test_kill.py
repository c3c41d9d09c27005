"""Workers are killed, the database is restarted and fails over: the history is that of one undisturbed process.

Each message is delivered at least once, and repeated at most once a kill, under the same id with the same text.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.postgresql import PostgresqlServer, open_pair, open_server, pair_location
from tests.support.table_servers import table
from tests.support.workers import Workers, check_result, open_workers, write_config
from watcher.store.object_url import ObjectUrl

pytestmark = pytest.mark.server
REPEATS = 4  # what two channels have on their way when the database is restarted, and again when it fails over


def run_rounds(
    workers: Workers, *, rounds: int, kills: int, seed: int, pause: float, after: Mapping[int, Callable[[], None]]
) -> None:
    """Run 4 workers over some rounds, of which each has its share of the kills; `after` so many do something else."""
    dice = random.Random(seed)  # noqa: S311 - when to kill
    workers.servers.publish(0)
    workers.start(4)
    for number in range(rounds):
        if number:
            workers.publish(number)
        for _ in range(kills // rounds):
            signal.sigtimedwait([], dice.uniform(0, pause))
            workers.kill_one(dice)
            after.get(workers.kills, lambda: None)()
        workers.wait_for(number)
    workers.stop()


def restart(server: PostgresqlServer) -> None:
    server.stop()
    server.start()


def fail_over(primary: PostgresqlServer, standby: PostgresqlServer) -> None:
    primary.stop(signal.SIGQUIT)
    standby.sql("SELECT pg_promote()")


@pytest.mark.fault(50)
@pytest.mark.timeout(900)
def test_60_kills_and_a_restart_of_the_database_lose_and_double_nothing(tmp_path: Path) -> None:
    with (
        open_server(max_connections="200") as server,
        open_workers(tmp_path, server.new_location(), sources=60) as workers,
    ):
        run_rounds(workers, rounds=3, kills=60, seed=1, pause=0.3, after={30: lambda: restart(server)})
        assert workers.kills == 60
        check_result(workers, 3, repeats=workers.kills + REPEATS)


@pytest.mark.fault(50)
@pytest.mark.timeout(900)
def test_60_kills_of_hosts_that_share_a_bucket_lose_and_damage_nothing(
    tmp_path: Path, object_url: ObjectUrl, run: RunCli
) -> None:
    with (
        open_server(max_connections="200") as server,
        open_workers(tmp_path, server.new_location(), sources=40, hosts=4, objects=object_url) as workers,
    ):
        run_rounds(workers, rounds=3, kills=60, seed=3, pause=0.3, after={30: lambda: restart(server)})
        check_result(workers, 3, repeats=workers.kills + REPEATS)
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
def test_1000_kills_a_restart_and_a_failover_lose_and_double_nothing(tmp_path: Path) -> None:
    sources, rounds, kills = (int(size) for size in SIZES.split()[:3])
    began = time.monotonic()
    with (
        open_pair(synchronous=True, max_connections="200") as (primary, standby),
        open_workers(tmp_path, pair_location(primary, standby), sources=sources, lease=5) as workers,
    ):
        run_rounds(
            workers,
            rounds=rounds,
            kills=kills,
            seed=2,
            pause=float(SIZES.split()[3]),
            after={kills // 3: lambda: restart(primary), kills * 2 // 3: lambda: fail_over(primary, standby)},
        )
        assert workers.kills == kills
        ran = time.monotonic() - began
        print(f"{sources} sources, {rounds} rounds, {workers.kills} kills in {ran:.0f} s; the result is compared next")
        check_result(workers, rounds, repeats=workers.kills + REPEATS)
        delivered = workers.servers.delivered()
        print(
            f"equal: {workers.servers.requests()} requests, {len(delivered)} messages, "
            f"{delivered.total() - len(delivered)} of them repeated; "
            f"CPU of the workers {workers.forks.cpu_seconds():.0f} s"
        )
