"""/metrics: the metrics for Prometheus, read from the history at each request. A collection is one label value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, InfoMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from watcher import __version__
from watcher.core.operations import HoldState
from watcher.core.times import from_text
from watcher.monitor import health
from watcher.monitor.health import Level
from watcher.monitor.monitor import Monitor
from watcher.web.page import PageContext, PageRequest, PageResponse


def render(context: PageContext, request: PageRequest) -> PageResponse:
    """Return the metrics in the format that the client accepts; `?name[]=` selects some of them."""
    registry = CollectorRegistry()
    registry.register(HistoryCollector(context))
    registry.register(context.checks)
    encode, content_type = choose_encoder(request.headers.get("accept", "*/*"))
    names = request.query.get("name[]")
    selected = registry.restricted_registry(names) if names else registry
    return PageResponse(body=encode(selected), content_type=content_type)


class HistoryCollector(Collector):
    """The metrics that come from the history; read when Prometheus asks."""

    def __init__(self, context: PageContext) -> None:
        self._context = context

    def collect(self) -> Iterator[GaugeMetricFamily | InfoMetricFamily]:
        """Yield every metric but the counters. Raises StoreError if the history cannot be read."""
        yield InfoMetricFamily("watcher_build", "The running version", value={"version": __version__})
        with self._context.open_monitor() as monitor:
            yield from self._collect_sources(monitor)
            yield from _collect_outbox(monitor)
            yield from _collect_workers(monitor)

    def _collect_sources(self, monitor: Monitor) -> Iterator[GaugeMetricFamily]:
        sources = monitor.alarms.sources_health()
        now, started = self._context.clock.now(), self._context.started
        is_healthy = health.assess(sources, now, started).level < Level.CRITICAL
        yield GaugeMetricFamily("watcher_healthy", "0: a source is overdue, or all of them fail", int(is_healthy))
        success_age = _family(
            "watcher_last_success_age_seconds", "Seconds since the last check that did not fail", "source"
        )
        check_age = _family("watcher_last_check_age_seconds", "Seconds since the last check", "source")
        overdue = _family("watcher_overdue", "1: not checked in time", "source")
        failing = _family("watcher_failing_sources", "Sources, or groups of a collection, in alarm", "source")
        groups = _family("watcher_groups", "Groups of a collection", "source")
        releases = _family("watcher_releases", "Releases in the history; of a collection, of its index", "source")
        held = _family("watcher_held_releases", "Releases that are held", "source")
        numbers = monitor.store.history.count_all_releases()
        holds = Counter(hold.source for hold in monitor.store.holds.list_holds() if hold.state is HoldState.HELD)
        for source in sources:
            label = [source.source]
            for family, at in ((success_age, source.streak.success), (check_age, source.streak.last)):
                if at is not None:
                    family.add_metric(label, (now - from_text(at)).total_seconds())
            overdue.add_metric(label, int(health.is_overdue(source, now, started)))
            failing.add_metric(label, len(source.failing))
            releases.add_metric(label, numbers.get(source.source, 0))
            in_groups = (number for name, number in holds.items() if name.startswith(f"{source.source}."))
            held.add_metric(label, holds[source.source] + (sum(in_groups) if source.groups else 0))
            if source.groups:
                groups.add_metric(label, source.groups)
        yield from (success_age, check_age, overdue, failing, groups, releases, held)


def _collect_outbox(monitor: Monitor) -> Iterator[GaugeMetricFamily]:
    family = _family("watcher_deliveries", "Messages that were not sent, by state", "channel", "state")
    counts = monitor.store.outbox.count_by_state()
    for channel in monitor.settings.channel:
        for state in ("pending", "gathering", "silenced", "failed"):
            family.add_metric([channel.name, state], counts.get((channel.name, state), 0))
    yield family


def _collect_workers(monitor: Monitor) -> Iterator[GaugeMetricFamily]:
    work = monitor.store.find_work()
    if work is None:
        return
    labels = ("worker", "host", "process")
    alive = _family("watcher_worker_alive", "0: its lease has ended", *labels)
    schedules = _family("watcher_worker_schedules", "1: it is the scheduler", *labels)
    running = _family("watcher_worker_running", "Checks and channels that it works on", *labels)
    for worker in work.list_workers():
        label = [str(worker.id), worker.host, str(worker.process)]
        alive.add_metric(label, int(worker.alive))
        schedules.add_metric(label, int(worker.schedules))
        running.add_metric(label, worker.running)
    yield from (alive, schedules, running)
    load = work.read_load()
    yield GaugeMetricFamily("watcher_work_due", "Checks that are due and that no worker does", load.due)
    yield GaugeMetricFamily("watcher_work_late_seconds", "Seconds for which the oldest of them is due", load.late)


def _family(name: str, description: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, description, labels=labels)
