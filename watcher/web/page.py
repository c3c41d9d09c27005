"""The types of pages. A page is a function `render(context, request) -> PageResponse` in a module of web/."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from prometheus_client import Counter

from watcher.core.clock import Clock
from watcher.monitor import health
from watcher.monitor.health import HealthVerdict
from watcher.monitor.monitor import Monitor

_CHECKS = ("watcher_checks", "Checks since the start", ("source", "outcome"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PageRequest:
    """One GET or HEAD request; `query` has every value of each parameter."""

    query: Mapping[str, Sequence[str]]
    accept: str = "*/*"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResponse:
    """The response of a page; `status` is a code and its reason phrase."""

    body: bytes
    status: str = "200 OK"
    content_type: str = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageContext:
    """The parts that every page may use; one for the life of the daemon. Pages run in threads of the server."""

    open_monitor: Callable[[], Monitor]
    clock: Clock
    started: datetime
    checks: Counter = field(default_factory=partial(Counter, *_CHECKS, registry=None))

    def assess_health(self) -> HealthVerdict:
        with self.open_monitor() as monitor:
            return health.assess(monitor.alarms.sources_health(), self.clock.now(), self.started)


# Renders one path. A WatcherError that it raises becomes a 503.
Page = Callable[[PageContext, PageRequest], PageResponse]
