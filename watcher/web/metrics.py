"""What Prometheus is told, and /healthz: read from the history when somebody asks.

A collection is one label value, however many groups it has. Checks are counted in this process, as counters are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, make_wsgi_app
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from watcher import __version__
from watcher.core.errors import WatcherError
from watcher.core.operations import HoldState
from watcher.core.times import from_text
from watcher.monitor import health
from watcher.monitor.health import HealthVerdict, Level
from watcher.monitor.monitor import Monitor
from watcher.web.server import answer

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class Metrics(Collector):
    """`service` opens the history; `now` and `started` are times of the wall clock."""

    def __init__(self, service: Callable[[], Monitor], now: Callable[[], datetime], started: datetime) -> None:
        self._service = service
        self._now = now
        self._started = started
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._checks = Counter(
            "watcher_checks", "Checks since the start", ["source", "outcome"], registry=self._registry
        )

    def checked(self, source: str, outcome: str) -> None:
        """Count a check; of a group, under the name of its collection."""
        self._checks.labels(source, outcome).inc()

    def verdict(self) -> HealthVerdict:
        """Return how the watcher is. Raises StoreError where the history cannot be read."""
        with self._service() as service:
            return health.assess(service.alarms.sources_health(), self._now(), self._started)

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        """Give everything but the counters."""
        yield InfoMetricFamily("watcher_build", "What runs", value={"version": __version__})
        with self._service() as service:
            yield from self._sources(service)
            yield from _outbox(service)

    def _sources(self, service: Monitor) -> Iterator[GaugeMetricFamily]:
        sights = service.alarms.sources_health()
        now = self._now()
        verdict = health.assess(sights, now, self._started)
        yield GaugeMetricFamily(
            "watcher_healthy", "1: all is looked at in time", _number(verdict.level < Level.CRITICAL)
        )
        age = _family("watcher_last_success_age_seconds", "Since a check that did not fail", "source")
        last = _family("watcher_last_check_age_seconds", "Since any check", "source")
        late = _family("watcher_overdue", "1: not looked at in time", "source")
        failing = _family("watcher_failing_sources", "Sources, or groups of a collection, in alarm", "source")
        groups = _family("watcher_groups", "Groups of a collection", "source")
        releases = _family("watcher_releases", "Releases in the history; of a collection, of its index", "source")
        held = _family("watcher_held_releases", "Releases that are held", "source")
        holds = [hold.source for hold in service.store.holds.list_holds() if hold.state is HoldState.HELD]
        for sight in sights:
            name = [sight.source]
            for family, at in ((age, sight.streak.success), (last, sight.streak.last)):
                if at is not None:
                    family.add_metric(name, (now - from_text(at)).total_seconds())
            late.add_metric(name, _number(health.is_overdue(sight, now, self._started)))
            failing.add_metric(name, len(sight.failing))
            releases.add_metric(name, service.store.history.count_releases(sight.source))
            inside = f"{sight.source}." if sight.groups else sight.source
            held.add_metric(name, sum(1 for each in holds if each == sight.source or each.startswith(inside)))
            if sight.groups:
                groups.add_metric(name, sight.groups)
        yield from (age, last, late, failing, groups, releases, held)

    def app(self) -> WSGIApplication:
        """Return the application that answers /metrics and /healthz."""
        metrics = make_wsgi_app(self._registry, disable_compression=True)

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            try:
                if environ["PATH_INFO"] == "/metrics":
                    found: Iterable[bytes] = metrics(environ, start_response)
                    return found
                if environ["PATH_INFO"] == "/healthz":
                    return _healthz(self.verdict(), start_response)
            except WatcherError as error:
                return answer(start_response, "503 Service Unavailable", f"{error}\n")
            return answer(start_response, "404 Not Found", "there are /metrics and /healthz\n")

        return app


def _healthz(verdict: HealthVerdict, start_response: StartResponse) -> Iterable[bytes]:
    status = "503 Service Unavailable" if verdict.level is Level.CRITICAL else "200 OK"
    return answer(start_response, status, "\n".join([verdict.level.name.lower(), *verdict.reasons]) + "\n")


def _outbox(service: Monitor) -> Iterator[GaugeMetricFamily]:
    family = _family("watcher_deliveries", "Messages that were not sent, by state", "channel", "state")
    counts = service.store.outbox.count_by_state()
    for channel in service.settings.channel:
        for state in ("pending", "gathering", "silenced", "failed"):
            family.add_metric([channel.name, state], counts.get((channel.name, state), 0))
    yield family


def _family(name: str, words: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, labels=labels)


def _number(holds: bool) -> int:
    return int(holds)
