"""The types of pages. A page is a function `render(context, request) -> PageResponse` in a module of web/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from prometheus_client import Counter

from watcher.config.inventory_files import SharedInventories
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.monitor import health
from watcher.monitor.health import HealthVerdict
from watcher.monitor.monitor import Monitor
from watcher.reports.attention import EventAttention
from watcher.reports.observation import ObservationGaps
from watcher.store.store import Store

_CHECKS = ("watcher_checks", "Checks since the start", ("source", "outcome"))
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One GET or HEAD request.

    `parts` are the decoded parts of the path that the route leaves open, `query` has every value of each parameter.
    """

    query: Mapping[str, Sequence[str]]
    parts: Sequence[str] = ()
    accept: str = "*/*"

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter without the space around it."""
        return (self.query.get(name) or [default])[-1].strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """The response of a page. `cache` is its Cache-Control."""

    body: bytes
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    cache: str = "no-store"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The parts that every page may use; one for the life of the server. Pages run in threads of the server.

    `settings` returns the configuration in force. `address` is the URL of the first page, "" if none is configured.
    """

    settings: Callable[[], Settings]
    open_monitor: Callable[[], Monitor]
    clock: Clock
    started: datetime
    address: str = ""
    inventories: SharedInventories = field(default_factory=SharedInventories)
    checks: Counter = field(default_factory=partial(Counter, *_CHECKS, registry=None))

    def open_store(self) -> Store:
        """Open the history for reading."""
        return Store(self.settings().store.path, read_only=True)

    def assess_health(self) -> HealthVerdict:
        with self.open_monitor() as monitor:
            return health.assess(monitor.alarms.sources_health(), self.clock.now(), self.started)

    def observation(self, store: Store) -> ObservationGaps:
        """Return the gaps in the observation, and what operators decided about events."""
        settings = self.settings()
        rules = settings.overview.ignored
        attention = EventAttention(
            store=store, rules=rules, inventories=self.inventories.for_settings(settings) if rules else None
        )
        return ObservationGaps(overview=settings.overview, checks=store.checks, clock=self.clock, attention=attention)


# Renders one path. A UsageError that it raises becomes a 404, another WatcherError a 503.
Page = Callable[[PageContext, PageRequest], PageResponse]
