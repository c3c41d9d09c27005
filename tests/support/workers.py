"""Workers that watch many small tables on loopback, with one history in PostgreSQL."""

from __future__ import annotations

import base64
import hashlib
import random
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from tests.support.history_rows import read_rows
from tests.support.table_servers import TableServers, table, tag
from tests.support.worker_forks import WorkerForks
from watcher.cli.context import load_settings
from watcher.core.errors import StoreError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.core.work import CHECK
from watcher.monitor.monitor import Monitor
from watcher.store.location import HistoryLocation
from watcher.store.object_url import ObjectUrl
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

_HOSTS = 16
_PATIENCE = 1.0  # seconds for one source in one round
CHANNELS = ("one", "two")


@dataclass(kw_only=True)
class Workers:
    """A history, its sources, and the workers that run. A host is a configuration, with its folder of snapshots."""

    folder: Path
    configs: list[Path]
    location: HistoryLocation
    servers: TableServers
    forks: WorkerForks
    sources: int
    kills: int = 0

    @property
    def config(self) -> Path:
        """The configuration of the first host."""
        return self.configs[0]

    def start(self, number: int) -> None:
        """Start workers, on one host after the other."""
        for place in range(number):
            self.forks.start(self.configs[place % len(self.configs)])

    def publish(self, round_number: int) -> None:
        """Publish a round, and make every source due: as if its interval had passed."""
        self.servers.publish(round_number)
        with Store(self.location) as store:
            make_due(store, self.sources)

    def kill_one(self, dice: random.Random) -> None:
        """Kill one of the workers with SIGKILL and start another in its place, on the same host."""
        pid = dice.choice(self.forks.running)
        self.forks.kill(pid)
        self.kills += 1
        self.forks.start(self.forks.configs[pid])

    def replace_ended(self) -> None:
        """Start each worker again that ended because it was started while the server was away."""
        for pid in [*self.forks.running]:
            if (code := self.forks.find_exit_code(pid)) is not None:
                assert (code, "cannot be used as the history" in self.forks.log) == (2, True), self.forks.log[-6000:]
                self.forks.start(self.forks.configs[pid])

    def is_complete(self, round_number: int) -> bool:
        """Return whether every source was checked in a round, has its table of it, and all messages were sent."""
        expected = {
            f"s{number}": (hashlib.sha256(table(f"s{number}", round_number)).hexdigest(), tag(round_number))
            for number in range(self.sources)
        }
        with Store(self.location, read_only=True) as store:
            newest = store.database.execute(
                """SELECT name, (SELECT sha256 FROM releases WHERE source_id = sources.id
                  ORDER BY place DESC LIMIT 1), etag FROM sources"""
            ).fetchall()
            pending = store.database.execute("SELECT count(*) FROM outbox WHERE state <> 'sent'").fetchone()[0]
        return {name: (sha256, etag) for name, sha256, etag in newest} == expected and pending == 0

    def wait_for(self, round_number: int) -> None:
        """Wait until a round is complete."""
        until = time.monotonic() + max(_PATIENCE * self.sources, 600)
        while True:
            self.replace_ended()
            try:
                if self.is_complete(round_number):
                    return
            except StoreError:  # the server restarts, or there is no history yet
                pass
            assert time.monotonic() < until, f"round {round_number} is not complete:\n{self.forks.log[-6000:]}"
            signal.sigtimedwait([], max(0.3, self.sources / 1000))

    def stop(self) -> None:
        """Stop all workers; each ends in order."""
        for pid in [*self.forks.running]:
            assert self.forks.kill(pid, signal.SIGTERM) == 0, self.forks.log[-3000:]


def make_due(store: Store, sources: int) -> None:
    """Make every source due, once no worker is at work: the end of a check would set when its source is due again."""
    statement = """UPDATE work SET due = now() WHERE kind = ?1 AND NOT EXISTS
        (SELECT 1 FROM work AS other WHERE other.kind = ?1 AND (other.until > now() OR other.due <= now()))"""
    while store.database.execute(statement, [CHECK]).rowcount < sources:
        signal.sigtimedwait([], 0.05)


def write_config(
    folder: Path,
    location: HistoryLocation,
    servers: TableServers,
    sources: int,
    *,
    lease: int,
    objects: ObjectUrl | None = None,
) -> Path:
    """Write the configuration of a host and return its path."""
    folder.mkdir(exist_ok=True)
    secret = folder / "secret"
    secret.write_text("whsec_" + base64.b64encode(bytes(range(32))).decode())
    secret.chmod(0o600)
    place = f'path = "{location}"' if isinstance(location, Path) else f'url = "{location}"'
    tables = [
        f'[store]\n{place}\nsnapshots = "snapshots"',
        *([] if objects is None else [f'objects = "{objects}"']),
        "[fetch]\nallow_private = true\nmin_interval = 0",
        f'[worker]\nlease = "{lease}s"\njobs = 4',
        '[log]\nformat = "json"\nlevel = "warning"',
        '[daemon]\njitter = "0s"',
        *(
            f'[[channel]]\nname = "{name}"\ntype = "webhook"\nurl = "{servers.hook}/{name}"\nsecret = "file:secret"'
            for name in CHANNELS
        ),
        *(
            f'[[source]]\nname = "s{number}"\nurl = "{servers.url(number)}"\nregistry = "iana"\nformat = "csv"\n'
            'key = ["id"]'
            for number in range(sources)
        ),
    ]
    path = folder / "config.toml"
    path.write_text("\n".join(tables))
    return path


@contextmanager
def open_workers(
    folder: Path,
    location: PostgresqlUrl,
    *,
    sources: int,
    lease: int = 2,
    hosts: int = 1,
    objects: ObjectUrl | None = None,
) -> Iterator[Workers]:
    """Start the servers of the sources, for workers that have their history at a location. No worker runs yet.

    Several hosts share the snapshots at `objects`.
    """
    with TableServers(_HOSTS, folder) as servers, WorkerForks(folder) as forks:
        configs = [
            write_config(folder / f"host{number}", location, servers, sources, lease=lease, objects=objects)
            for number in range(hosts)
        ]
        yield Workers(folder=folder, configs=configs, location=location, servers=servers, forks=forks, sources=sources)


def watch_alone(workers: Workers, rounds: int) -> HistoryLocation:
    """Record the same rounds with one process and SQLite, and return where that history is. Nothing is sent."""
    location = workers.folder / "alone" / "history.db"
    config = write_config(workers.folder / "alone", location, workers.servers, workers.sources, lease=60)
    settings = load_settings(config)
    with Monitor(settings) as monitor:
        for number in range(rounds):
            workers.servers.publish(number)
            for source in settings.watched:
                result = monitor.check(monitor.source(source.name))
                assert result.outcome != "failed", (source.name, result.message)
    return location


def check_result(workers: Workers, rounds: int, *, repeats: int) -> None:
    """Compare a history with that of one process, and what was sent with the outbox; so many `repeats` are allowed."""
    rows, alone = read_rows(workers.location), read_rows(watch_alone(workers, rounds))
    for name in alone:
        different = [(ours, other) for ours, other in zip_longest(rows[name], alone[name]) if ours != other]
        assert different[:5] == [], name
    assert rows["events"]
    with Store(workers.location, read_only=True) as store:
        store.verify(thorough=True)
        sent = {row[0] for row in store.database.execute("SELECT id FROM outbox WHERE state = 'sent'")}
    delivered = workers.servers.delivered()
    assert set(delivered) == sent
    assert all(len(bodies) == 1 for bodies in workers.servers.bodies().values())
    assert delivered.total() - len(delivered) <= repeats
    assert workers.servers.most_at_a_time() == 1
    for config in workers.configs:
        assert list(SnapshotArchive(load_settings(config).store.archive).find_damage()) == []
