"""`watcher status --check`: what a monitoring system shows, and the exit code that it knows."""

from __future__ import annotations

from datetime import datetime

from watcher.cli.context import settings
from watcher.cli.output import App
from watcher.core.errors import WatcherError
from watcher.core.operations import HoldState
from watcher.monitor import health
from watcher.monitor.alarms import Alarms
from watcher.monitor.health import HealthVerdict, Level
from watcher.store.store import Store


def verdict(app: App, now: datetime) -> tuple[str, Level]:
    """Return one line and how bad it is."""
    try:
        configured = settings(app)
        with Store(configured.store.path, create=False) as store:
            found = health.verdict(Alarms(configured, store).sights(), now)
            waiting = len(store.outbox.list_pending())
            held = sum(1 for hold in store.holds.list_holds() if hold.state is HoldState.HELD)
        told = "; ".join(found.reasons) or "all is looked at in time"
        line = f"WATCHER {found.level.name} - {told} | pending={waiting} held={held}"
    except WatcherError as error:
        found = HealthVerdict(level=Level.UNKNOWN)
        line = f"WATCHER UNKNOWN - {error}"
    return line, found.level
