"""The types of pages. A page is a function `render(context, request) -> PageResponse` in a module of web/."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from functools import partial

from msgspec import Struct, field
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
from watcher.web.access import WebAccess
from watcher.web.sessions import Sessions
from watcher.web.streams import Streams

_CHECKS = ("watcher_checks", "Checks since the start", ("source", "outcome"))
HTML = "text/html; charset=utf-8"


class Viewer(Struct, frozen=True, kw_only=True):
    """Who looks at a page: an operator can accept, reject and acknowledge; without a token nobody can sign in."""

    is_operator: bool = False
    can_sign_in: bool = False


class PageRequest(Struct, frozen=True, kw_only=True):
    """One request.

    `parts` are the decoded parts of the path that the route leaves open, `query` has every value of each parameter,
    `form` those of the body of a POST. `base` is the URL of the first page without the last slash, `path` is the path
    with the query. The names of `headers` are in lower case.
    """

    query: Mapping[str, Sequence[str]]
    parts: Sequence[str] = ()
    form: Mapping[str, Sequence[str]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = "/"
    base: str = ""
    client: str = ""
    viewer: Viewer = Viewer()

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a parameter, stripped."""
        return (self.query.get(name) or [default])[-1].strip()

    def sent(self, name: str) -> str:
        """Return the last value of a field of the form, stripped."""
        return (self.form.get(name) or [""])[-1].strip()


class PageResponse(Struct, frozen=True, kw_only=True):
    """The response of a page. The policy of its route says how it is cached.

    `decided`: the operator's decision was written. A `stream` is sent in place of `body`, part by part.
    """

    body: bytes = b""
    stream: AsyncIterator[bytes] | None = None
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    decided: bool = False


class PageContext(Struct, frozen=True, kw_only=True):
    """The parts that every page may use; one for the life of the server. Pages run in threads of the server.

    `settings` and `access` return what is in force: a reload replaces them. `deliver` sends what the decision of an
    operator put into the outbox; None where something else does.
    """

    settings: Callable[[], Settings]
    open_monitor: Callable[[], Monitor]
    clock: Clock
    started: datetime
    access: Callable[[], WebAccess] = WebAccess
    deliver: Callable[[], None] | None = None
    sessions: Sessions = field(default_factory=Sessions)
    streams: Streams = field(default_factory=Streams)
    inventories: SharedInventories = field(default_factory=SharedInventories)
    checks: Counter = field(default_factory=partial(Counter, *_CHECKS, registry=None))

    def open_store(self) -> Store:
        """Open the history for reading."""
        return Store(self.settings().store.location, read_only=True)

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
