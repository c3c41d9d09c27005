"""What the daemon does to be watched itself: looks whether it looks, gives a sign of life, answers who asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import structlog

from watcher.config.settings import Settings
from watcher.core.errors import DeliveryError
from watcher.daemon.heartbeat import ping
from watcher.monitor.health import Level
from watcher.monitor.monitor import Monitor
from watcher.web import server
from watcher.web.metrics import Metrics

EVERY = 60.0  # seconds between two looks at the looking


class SelfCheck:
    """`settings` gives the configuration in force, `service` makes the parts for the thread that calls."""

    def __init__(
        self,
        settings: Callable[[], Settings],
        service: Callable[[], Monitor],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._service = service
        self._now = now
        self._started = now()
        self._log = structlog.get_logger("watcher.self_check")
        self._metrics = Metrics(service, now, self._started)

    def checked(self, source: str, outcome: str) -> None:
        """Count a check."""
        self._metrics.checked(source, outcome)

    def look(self) -> None:
        """Tell the operators when nothing is looked at any more, and when it is again."""
        with self._service() as service:
            service.alarms.check_schedule(self._now(), self._started)

    def beat(self) -> None:
        """Give the sign of life, unless something is not looked at in time or nothing can be read.

        One that does not arrive is logged and not tried again: whoever waits for it says so.
        """
        settings = self._settings()
        heartbeat = settings.heartbeat
        if heartbeat is None:
            return
        verdict = self._metrics.verdict()
        if verdict.level is Level.CRITICAL:
            self._log.warning("no sign of life is given", reasons=list(verdict.reasons))
            return
        try:
            ping(heartbeat.url.read(settings.folder), heartbeat.timeout)
        except DeliveryError as error:
            self._log.warning("the sign of life did not arrive", error=str(error))

    @contextmanager
    def answering(self) -> Iterator[int | None]:
        """Answer who asks over HTTP, where that is configured at the start; give the port. Raises ConfigError."""
        metrics = self._settings().metrics
        if metrics is None:
            yield None
            return
        with server.served(metrics.listen, self._metrics.app(), metrics.hosts) as port:
            self._log.info("metrics and health are served", port=port)
            yield port
