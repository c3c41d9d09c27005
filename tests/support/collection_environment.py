"""A collection of groups served on loopback, and the real monitor that checks it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.environment import rows
from tests.support.fake_clock import FakeClock
from tests.support.index_server import INDEX, IndexServer
from watcher.cli.context import load_settings
from watcher.config.settings import CollectionSettings
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import sweep

GROUPS = tuple(f"group-{number:02}" for number in range(12))
CONFIG = """
[fetch]
allow_private = true
min_interval = 0
[[source]]
name = "iana"
type = "collection"
index = "{url}{index}"
url = "{url}/assignments/{{group}}/{{group}}.xml"
every = "24h"
{more}
[[channel]]
name = "hook"
type = "webhook"
url = "{url}/hook"
secret = "env:NONE"
sources = ["iana*"]
"""


class CollectionEnvironment:
    """A configured collection and the server of its groups. Time moves one second with each check."""

    def __init__(self, tree: IndexServer, folder: Path, more: str = "") -> None:
        self.tree = tree
        self.folder = folder
        self.clock = FakeClock(datetime(2024, 1, 1, tzinfo=UTC))
        self.config = folder / "config.toml"
        self.config.write_text(CONFIG.format(url=tree.url, index=INDEX, more=more))
        self.config.chmod(0o600)

    @property
    def now(self) -> datetime:
        return self.clock.now()

    @now.setter
    def now(self, now: datetime) -> None:
        self.clock.set(now)

    @contextmanager
    def service(self) -> Iterator[Monitor]:
        with Monitor(load_settings(self.config), clock=self.clock) as made:
            yield made

    @property
    def settings(self) -> CollectionSettings:
        (results,) = load_settings(self.config).collections
        return results

    def check_all(self, *, due: bool = False) -> dict[str, CheckResult]:
        """Check the index and every group, or with `due` only the groups that are due."""
        self.clock.advance(timedelta(seconds=1))
        results = {}
        with self.service() as service:
            if (index := service.check_index(self.settings)) is not None:
                results["iana"] = index
            collection = service.collection(self.settings)
            chosen = collection.groups_due(self.clock.now()) if due else collection.groups()
            with sweep(service, self.settings, chosen) as checks:
                results |= {group.name: checks.check(group) for group in checks}
        return results

    def outcomes(self, *, due: bool = False) -> dict[str, Outcome]:
        return {name: taken.outcome for name, taken in self.check_all(due=due).items()}

    def rows(self, *tables: str) -> dict[str, list[dict[str, Any]]]:
        return rows(self.folder / "history.db", *tables)

    def stored_events(self) -> list[tuple[str, str]]:
        """Return (source, event id) of every stored event."""
        database = self.rows("events", "releases", "sources")
        names = {source["id"]: source["name"] for source in database["sources"]}
        source = {release["id"]: names[release["source_id"]] for release in database["releases"]}
        return [(source[event["release_id"]], event["event"]) for event in database["events"]]
