"""The daemon's checks of itself: an alarm when no check runs, a heartbeat, metrics and health over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog
from msgspec.structs import replace

from watcher import __version__
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.core.errors import ConfigError, DeliveryError, FetchError
from watcher.core.lazy import load
from watcher.core.patterns import regex
from watcher.core.redaction import hide_secrets
from watcher.fetch.responses import LIBRARY_ERRORS, explain_error, explain_without_url
from watcher.fetch.sessions import session_for_one_request
from watcher.monitor.health import Level
from watcher.monitor.monitor import Monitor
from watcher.web.access import WebAccess, read_access
from watcher.web.page import PageContext

if TYPE_CHECKING:
    from watcher.web import app as web_app
    from watcher.web import routes, server
else:  # only with [metrics]: they take 15 MB
    web_app, routes, server = load("web_app"), load("web_routes"), load("web_server")

_ANSWER_BYTES = 1024
# Healthchecks answers 200 to every ping, and says "OK (not found)" or "OK (rate limited)" for one that counts nowhere.
_UNCOUNTED = regex(r"(?i)ok \((not found|rate limited)[^()]{0,80}\)")


class SelfCheck:
    """The self check of one daemon. `settings` returns the configuration in force."""

    def __init__(self, settings: Callable[[], Settings], open_monitor: Callable[[], Monitor], clock: Clock) -> None:
        self._settings = settings
        self._context = PageContext(settings=settings, open_monitor=open_monitor, clock=clock, started=clock.now())
        self._access = WebAccess()
        self._log = structlog.get_logger("watcher.self_check")

    def count_check(self, source: str, outcome: str) -> None:
        self._context.checks.labels(source, outcome).inc()

    def check_schedule(self) -> None:
        """Alert the operators when no check runs any more or a list cannot be read, and when that ends."""
        with self._context.open_monitor() as monitor:
            now = self._context.clock.now()
            monitor.alarms.check_schedule(now, self._context.started)
            for notice in monitor.alarms.check_inventories(monitor.inventories.read_all(), now):
                self._log.warning(notice.summary, inventory=notice.source)

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
            uncounted = ping(
                heartbeat.url.read(settings.folder),
                heartbeat.timeout,
                ca_file=settings.ca_file(heartbeat.ca_file),
                proxy=settings.proxy(heartbeat.proxy),
            )
        except (DeliveryError, ConfigError) as error:
            self._log.warning("heartbeat failed", error=str(error))
        else:
            if uncounted:
                self._log.warning("heartbeat not counted; is its URL right?", answer=uncounted)
            with self._context.open_monitor() as monitor:
                monitor.alarms.record_heartbeat(is_counted=uncounted is None, now=self._context.clock.now())

    @contextmanager
    def serve_pages(self) -> Iterator[int | None]:
        """Serve metrics and health for the block and give the port; None without [metrics]. Raises ConfigError."""
        metrics = self._settings().metrics
        if metrics is None:
            yield None
            return
        access = WebAccess(hosts=metrics.hosts, setting="metrics.hosts")
        app = web_app.create_app(replace(self._context, access=lambda: access), routes.MONITORING)
        with server.serve(metrics.listen, app, setting="metrics.listen") as port:
            self._log.info("serving metrics and health", port=port)
            yield port

    @contextmanager
    def serve_web(self) -> Iterator[int | None]:
        """Serve the pages for people for the block; give the port, None without `[web] listen`. Raises ConfigError."""
        web = self._settings().web
        if web.listen is None:
            yield None
            return
        self.use_access(read_access(self._settings()))
        app = web_app.create_app(replace(self._context, access=lambda: self._access))
        with server.serve(web.listen, app, setting="web.listen") as port:
            self._log.info("serving pages", port=port, with_token=bool(self._access.token))
            yield port

    def use_access(self, access: WebAccess) -> None:
        """Let the pages follow a changed configuration."""
        self._access = access


def ping(url: str, timeout: float, *, ca_file: Path | None = None, proxy: str | None = None) -> str | None:
    """GET a URL once; return the answer if it says that the ping was not counted, else None.

    Raises DeliveryError, which never shows the URL, unless the status is 2xx.
    """
    text = b""
    with session_for_one_request(timeout, ca_file=ca_file, proxy=proxy) as session:
        session.headers["User-Agent"] = f"registry-watcher/{__version__}"
        try:
            with session.get(url, allow_redirects=False, stream=True) as response:
                status = response.status_code
                with suppress(FetchError, *LIBRARY_ERRORS):  # the status counts, whatever comes after it
                    text = next(response.iter_content(_ANSWER_BYTES), b"")
        except (FetchError, *LIBRARY_ERRORS) as error:
            reason = error.reason if isinstance(error, FetchError) else explain_error(error).reason
            words = hide_secrets(explain_without_url(error, url), [_host_of(url)])
            raise DeliveryError(f"no answer: {reason}: {words}", permanent=False) from None
    if not 200 <= status < 300:
        raise DeliveryError(f"HTTP {status}", permanent=False)
    uncounted = _UNCOUNTED.fullmatch(text.decode("utf-8", "replace").strip())
    return uncounted[0] if uncounted else None


def _host_of(url: str) -> str:
    """Return the host of a URL; "" if the text is not one, because a reference to a secret can hold anything."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
