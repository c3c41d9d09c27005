"""`watcher status --check`: what a monitoring system shows, and the exit code that it knows."""

from __future__ import annotations

from datetime import datetime

from watcher.cli.context import settings
from watcher.cli.output import App
from watcher.core.errors import WatcherError
from watcher.core.operations import HoldState
from watcher.monitor import health
from watcher.monitor.alarms import Oversight
from watcher.monitor.health import Level, Verdict
from watcher.store.database import Database
from watcher.store.holds import Held
from watcher.store.outbox import Deliveries


def verdict(app: App, now: datetime) -> tuple[str, Level]:
    """Return one line and how bad it is."""
    try:
        configured = settings(app)
        with Database(configured.store.path, create=False) as database:
            found = health.verdict(Oversight(configured, database).sights(), now)
            waiting = len(Deliveries(database).pending())
            held = sum(1 for hold in Held(database).all() if hold.state is HoldState.HELD)
        told = "; ".join(found.reasons) or "all is looked at in time"
        line = f"WATCHER {found.level.name} - {told} | pending={waiting} held={held}"
    except WatcherError as error:
        found = Verdict(level=Level.UNKNOWN)
        line = f"WATCHER UNKNOWN - {error}"
    return line, found.level
