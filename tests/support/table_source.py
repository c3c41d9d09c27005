"""A source that reads a plain table from a file, with a channel for alerts and notices whose messages stay queued."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.environment import content_of, rows
from tests.support.fake_clock import FakeClock
from tests.support.settings import load_once
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult

NAME = "t"


@dataclass(kw_only=True)
class TableSource:
    """One configured table in a folder of its own. Each check moves the clock by an hour."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.configure()

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def served(self) -> Path:
        return self.folder / "served"

    def configure(self, **settings: Any) -> None:
        """Write the configuration with these settings in place of those before; None removes one."""
        self.settings = {name: value for name, value in {**self.settings, **settings}.items() if value is not None}
        table = {"name": NAME, "url": self.served.as_uri(), "registry": "iana", "format": "csv", **self.settings}
        lines = [
            "[fetch]",
            "allow_files = true",
            "[[channel]]",
            'name = "noc"\ntype = "email"\nto = ["noc@example.org"]\noperator = true',
            "[[source]]",
            *(f"{name} = {json.dumps(value)}" for name, value in table.items()),
        ]
        self.config.write_text("\n".join(lines) + "\n")
        self.config.chmod(0o600)

    @contextmanager
    def monitor(self) -> Iterator[Monitor]:
        with Monitor(load_once(self.config), clock=self.clock) as monitor:
            yield monitor

    def check(self, data: bytes | None = None) -> CheckResult:
        if data is not None:
            self.served.write_bytes(data)
        self.clock.advance(timedelta(hours=1))
        with self.monitor() as monitor:
            return monitor.check(monitor.settings.registries[0])

    def history(self) -> list[object]:
        """Return everything that is derived from the snapshots."""
        return content_of(rows(self.folder / "history.db"))

    def subjects(self) -> list[str]:
        """Return the subjects of all messages in the outbox, the oldest first."""
        outbox = rows(self.folder / "history.db", "outbox")["outbox"]
        return [json.loads(row["body"])["subject"] for row in sorted(outbox, key=lambda row: row["created"])]


def table(*lines: str) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode()
