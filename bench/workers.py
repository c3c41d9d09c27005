"""Measure workers that share a history in PostgreSQL beside one process with SQLite: checks, deliveries a second."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from bench.measuring import Part, table
from tests.support.postgresql import PostgresqlServer, find_programs, open_server
from tests.support.table_servers import TableServers
from tests.support.worker_forks import WorkerForks
from tests.support.workers import CHANNELS, make_due, write_config
from watcher.cli.context import load_settings
from watcher.core.errors import StoreError
from watcher.core.operations import Delivery
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.store.location import HistoryLocation
from watcher.store.store import Store

SOURCES = 40
_TURNS = 2
_HOSTS = 32
_NUMBERS = (1, 2, 4)
_JOBS = 16
# Durable, as in production: the defaults of the server.
_DURABLE = {"fsync": "on", "full_page_writes": "on", "max_connections": "200", "shared_buffers": "128MB"}
_MOST = 600.0  # seconds for one measurement

_CHECKS = "SELECT count(*) FROM checks"
# The messages of changes are recorded and not sent, so that checks and deliveries can be measured apart.
_SILENCE = "[[silence]]\nfrom = 2020-01-01T00:00:00Z\nuntil = 2099-01-01T00:00:00Z\n"

Rates = tuple[float, float, float]  # a second: checks of a new release, checks that find nothing new, deliveries


def measure(folder: Path, sources: int = SOURCES) -> Part:
    """Return the part; without PostgreSQL it says so."""
    if find_programs() is None:
        return Part(text="PostgreSQL is not installed here.", targets=[])
    folder.mkdir(parents=True, exist_ok=True)
    turns: list[dict[str, Rates]] = []
    with open_server(**_DURABLE) as server, TableServers(_HOSTS, folder) as servers:
        for turn in range(_TURNS):
            place = folder / str(turn)
            place.mkdir()
            rates: dict[str, Rates] = {}
            rates["one process, SQLite"] = _one_process(place / "sqlite", None, servers, sources)
            rates["one process, PostgreSQL"] = _one_process(place / "postgresql", server, servers, sources)
            for number in _NUMBERS:
                workers = "1 worker" if number == 1 else f"{number} workers"
                rates[workers] = _workers(place / str(number), server, servers, sources, number)
            turns.append(rates)
    rates = {name: _best([turn[name] for turn in turns]) for name in turns[0]}
    alone = rates["one process, SQLite"]
    head = ["", "checks/s, published a new table", "checks/s, nothing new", "deliveries/s"]
    lines = [[name, *rate] for name, rate in rates.items()]
    head += ["SQLite = 1", "nothing new", "deliveries"]
    lines = [[*line, *(one / other for one, other in zip(rates[str(line[0])], alone, strict=True))] for line in lines]
    return Part(
        text=(
            f"{sources} tables of three rows on {_HOSTS} hosts of this machine, no pause between two requests, "
            f"{sources} webhooks over {len(CHANNELS)} channels; {os.cpu_count()} cores, which workers, database, hosts "
            f"and receiver share. One process: `Monitor.check` of one source after the other, then all deliveries. "
            f"A worker has {_JOBS} jobs at a time; its time is from the moment at which everything is due until the "
            "last result is recorded, and includes the queue, the claims and the limit of one request at a time to a "
            "host. "
            f"The best of {_TURNS} turns. 100,000 registries every six hours need 4.6 checks a second."
            f"\n\n{table(head, lines)}"
        ),
        targets=[],
    )


def _best(rates: list[Rates]) -> Rates:
    return max(rate[0] for rate in rates), max(rate[1] for rate in rates), max(rate[2] for rate in rates)


def _configure(
    folder: Path, server: PostgresqlServer | None, servers: TableServers, sources: int
) -> tuple[Path, HistoryLocation]:
    location: HistoryLocation = server.new_location() if server else folder / "history.db"
    config = write_config(folder, location, servers, sources, lease=60)
    text = config.read_text("utf-8").replace("jobs = 4", f"jobs = {_JOBS}")
    config.write_text(f"{text}\n{_SILENCE}", "utf-8")
    servers.publish(0)
    return config, location


def _one_process(folder: Path, server: PostgresqlServer | None, servers: TableServers, sources: int) -> Rates:
    config, location = _configure(folder, server, servers, sources)
    with Monitor(load_settings(config)) as monitor:

        def check_all() -> None:
            for source in monitor.settings.registries:
                monitor.check(source)

        check_all()
        servers.publish(1)
        new, same = _seconds(check_all), _seconds(check_all)
        _queue_messages(location, sources)
        sent = _seconds(lambda: deliver_all(monitor))
    return sources / new, sources / same, sources / sent


def _workers(folder: Path, server: PostgresqlServer, servers: TableServers, sources: int, number: int) -> Rates:
    config, location = _configure(folder, server, servers, sources)
    with WorkerForks(folder) as forks:
        forks.start(config)
        _wait_for(location, _CHECKS, sources)  # the baselines
        for _ in range(number - 1):
            forks.start(config)
        _wait_for(location, "SELECT count(*) FROM work_workers WHERE until > now()", number)
        servers.publish(1)
        new = _seconds(lambda: _check_again(location, sources, 2 * sources))
        same = _seconds(lambda: _check_again(location, sources, 3 * sources))
        sent = _seconds(lambda: _send(location, sources))
        for pid in [*forks.running]:
            forks.kill(pid, signal.SIGTERM)
    return sources / new, sources / same, sources / sent


def _send(location: HistoryLocation, number: int) -> None:
    _queue_messages(location, number)
    _wait_for(location, "SELECT count(*) FROM outbox WHERE state = 'sent'", number)


def _check_again(location: HistoryLocation, sources: int, checks: int) -> None:
    with Store(location) as store:
        make_due(store, sources)
    _wait_for(location, _CHECKS, checks)


def _wait_for(location: HistoryLocation, query: str, number: int) -> None:
    """Wait until a query counts so many rows. Raises TimeoutError."""
    until = time.monotonic() + _MOST
    while _count(location, query) < number:
        if time.monotonic() > until:
            raise TimeoutError(query)
        time.sleep(0.05)


def _count(location: HistoryLocation, query: str) -> int:
    """Return a count; 0 while there is no history."""
    try:
        with Store(location, read_only=True) as store:
            return int(store.database.execute(query).fetchone()[0])
    except StoreError:
        return 0


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _queue_messages(location: HistoryLocation, number: int) -> None:
    with Store(location) as store, store.transaction():
        now = "2020-01-01T00:00:00Z"
        store.outbox.add_deliveries(
            [
                Delivery(
                    id=f"msg_bench{position}",
                    channel=CHANNELS[position % len(CHANNELS)],
                    recipient="",
                    source="s0",
                    release="bench",
                    body=json.dumps({"number": position}),
                    created=now,
                )
                for position in range(number)
            ],
            now=now,
        )
