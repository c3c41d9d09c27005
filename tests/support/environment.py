"""A complete environment for tests: real HTTP and SMTP servers on loopback, a real monitor, a fake clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.fake_clock import FakeClock
from tests.support.raw_sql import connection
from tests.support.settings import load_once
from watcher.cli.demo_servers import SOURCE, DemoServers
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult
from watcher.store.source_records import SourceRecord
from watcher.store.store import Store

DERIVED = ("snapshots", "releases", "versions", "changes", "events", "event_ports", "event_services", "event_documents")
_NOTICE = "org.registry-watcher.notice"  # the type of a webhook


class Environment:
    """Publishes releases, checks them, shows what was stored and sent. Each check moves the clock by a second."""

    def __init__(self, servers: DemoServers) -> None:
        self.servers = servers
        self.clock = FakeClock(datetime.now(UTC), jitter=0.0)  # the receiver of webhooks accepts no other time
        self._number = 0

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @now.setter
    def now(self, now: datetime) -> None:
        self.clock.set(now)

    def publish(self, data: bytes) -> None:
        self._number += 1
        path = self.servers.folder / f"published-{self._number}"
        path.write_bytes(data)
        self.servers.publish(path)

    @contextmanager
    def service(self) -> Iterator[Monitor]:
        with Monitor(load_once(self.servers.config), clock=self.clock) as service:
            yield service

    def check(self, data: bytes | None = None) -> CheckResult:
        """Check once, a second after the last time, and deliver."""
        if data is not None:
            self.publish(data)
        self.now += timedelta(seconds=1)
        with self.service() as service:
            result = service.check(service.source(SOURCE))
            deliver_all(service)
        return result

    def deliver(self) -> None:
        """Send what is due."""
        with self.service() as service:
            deliver_all(service)

    def fetch_from(self, url: str) -> None:
        """Check the document at another address from now on."""
        lines = self.servers.config.read_text().splitlines()
        old = next(line for line in lines if line.startswith("url = ") and "/assignments/" in line)
        self.configure(old, f'url = "{url}"')

    @property
    def notices(self) -> list[dict[str, Any]]:
        """The data of the notices that the webhook received."""
        return [hook["data"] for hook in self.servers.webhooks if hook["type"] == _NOTICE]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        """The data of all other messages that the webhook received."""
        return [hook["data"] for hook in self.servers.webhooks if hook["type"] != _NOTICE]

    def record(self) -> SourceRecord:
        """Return what the history has about the source."""
        with self.service() as service:
            (record,) = service.store.history.read_records([SOURCE])
        return record

    def configure(self, before: str, after: str) -> None:
        text = self.servers.config.read_text()
        assert before in text
        self.servers.config.write_text(text.replace(before, after))

    def wait(self, until: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait for something that another process or thread does."""
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "the awaited condition did not come true"
            time.sleep(0.01)

    def files(self) -> set[str]:
        return {path.name for path in (self.servers.folder / "snapshots").rglob("*.zst")}

    def rows(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        return rows(self.servers.folder / "history.db", *tables)


def rows(path: Path, *tables: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of some tables, by default all that is derived from the snapshots."""
    with Store(path, create=False) as store:
        query = connection(store).query
        return {table: list(query(f"SELECT * FROM {table} ORDER BY 1, 2")) for table in tables or DERIVED}  # noqa: S608


@contextmanager
def open_environment(folder: Path) -> Iterator[Environment]:
    """A world in a folder; its servers end with it."""
    servers = DemoServers(folder)
    with servers.open():
        yield Environment(servers)


def content_of(found: dict[str, list[dict[str, object]]]) -> list[object]:
    """The rows in the words of the history: numbers that only tie tables together replaced by what they tie to."""
    place = {row["place"]: rank for rank, row in enumerate(sorted(found["releases"], key=lambda row: row["place"]))}  # type: ignore[arg-type,return-value]
    release_of = {row["id"]: row["content"] for row in found["releases"]}
    version_of = {
        row["id"]: (
            row["section"],
            row["key"],
            row["status"],
            row["fields"],
            place[row["first"]],
            place.get(row["until"]),
        )
        for row in found["versions"]
    }
    event_of = {row["id"]: (release_of[row["release_id"]], row["seq"]) for row in found["events"]}
    plain = {
        "releases": [{**row, "id": 0, "place": place[row["place"]]} for row in found["releases"]],
        "snapshots": [{**row, "release_id": release_of[row["release_id"]]} for row in found["snapshots"]],
        "versions": list(version_of.values()),
        "changes": [
            {**row, "release_id": release_of[row["release_id"]], "before_id": version_of.get(row["before_id"]),
             "after_id": version_of.get(row["after_id"])}
            for row in found["changes"]
        ],
        "events": [{**row, "id": 0, "release_id": release_of[row["release_id"]]} for row in found["events"]],
        "event_ports": [{**row, "event_id": event_of[row["event_id"]]} for row in found["event_ports"]],
        "event_services": [{**row, "event_id": event_of[row["event_id"]]} for row in found["event_services"]],
        "event_documents": [{**row, "event_id": event_of[row["event_id"]]} for row in found["event_documents"]],
    }  # fmt: skip
    return [sorted(map(str, rows)) for rows in plain.values()]
