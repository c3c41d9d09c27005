"""The daemon's checks of itself: an alarm when no check runs, a heartbeat, metrics and health over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from watcher import __version__
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.core.errors import DeliveryError, FetchError
from watcher.fetch.guarded_sockets import session_for_one_request
from watcher.fetch.responses import LIBRARY_ERRORS, explain_error
from watcher.monitor.health import Level
from watcher.monitor.monitor import Monitor
from watcher.web import routes, server
from watcher.web.page import PageContext


class SelfCheck:
    """The self check of one daemon. `settings` returns the configuration in force."""

    def __init__(self, settings: Callable[[], Settings], open_monitor: Callable[[], Monitor], clock: Clock) -> None:
        self._settings = settings
        self._context = PageContext(open_monitor=open_monitor, clock=clock, started=clock.now())
        self._log = structlog.get_logger("watcher.self_check")

    def count_check(self, source: str, outcome: str) -> None:
        self._context.checks.labels(source, outcome).inc()

    def check_schedule(self) -> None:
        """Alert the operators when no check runs any more, and when checks run again."""
        with self._context.open_monitor() as monitor:
            monitor.alarms.check_schedule(self._context.clock.now(), self._context.started)

    def send_heartbeat(self) -> None:
        """Ping the configured URL unless a source is overdue. A failed ping is logged and not retried."""
        settings = self._settings()
        heartbeat = settings.heartbeat
        if heartbeat is None:
            return
        verdict = self._context.assess_health()
        if verdict.level is Level.CRITICAL:
            self._log.warning("heartbeat withheld", reasons=list(verdict.reasons))
            return
        try:
            ping(heartbeat.url.read(settings.folder), heartbeat.timeout)
        except DeliveryError as error:
            self._log.warning("heartbeat failed", error=str(error))

    @contextmanager
    def serve_pages(self) -> Iterator[int | None]:
        """Serve the pages for the block and give the port; None without [metrics]. Raises ConfigError."""
        metrics = self._settings().metrics
        if metrics is None:
            yield None
            return
        with server.serve(metrics.listen, routes.create_app(self._context), metrics.hosts) as port:
            self._log.info("serving metrics and health", port=port)
            yield port


def ping(url: str, timeout: float) -> None:
    """GET a URL once. Raises DeliveryError, which never shows the URL, unless the status is 2xx."""
    with session_for_one_request(timeout) as session:
        session.headers["User-Agent"] = f"registry-watcher/{__version__}"
        try:
            with session.get(url, allow_redirects=False, stream=True) as response:
                status = response.status_code
        except FetchError as error:
            raise DeliveryError(f"no answer: {error.reason}", permanent=False) from None
        except LIBRARY_ERRORS as error:
            raise DeliveryError(f"no answer: {explain_error(error).reason}", permanent=False) from None
    if not 200 <= status < 300:
        raise DeliveryError(f"HTTP {status}", permanent=False)
