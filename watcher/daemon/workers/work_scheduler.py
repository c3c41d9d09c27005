"""The scheduler: one worker of all, elected by an advisory lock, sees what is due and makes a job for it.

It decides nothing that another one could not decide too. Two at the same time, as after a network failure, make jobs
twice, of which the second finds its work claimed.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import structlog

from watcher.config.settings import AnySource, CanarySource, CollectionSettings, Settings, SourceSettings
from watcher.core.clock import Clock
from watcher.core.errors import WatcherError
from watcher.core.times import from_text, to_text
from watcher.core.work import CHECK, OWN, DueWork, WorkItem
from watcher.daemon.workers.control import WorkerControl
from watcher.daemon.workers.job_queue import JobMaker
from watcher.daemon.workers.worker_jobs import WorkerJobs, own_intervals
from watcher.monitor import schedule
from watcher.monitor.deliver import channels_due
from watcher.monitor.monitor import Monitor
from watcher.store.postgresql.election import Election

_IDLE = 1.0  # seconds between two attempts to be elected, and between two sweeps with nothing to do
_BUSY = 0.2  # seconds between two sweeps while there is work
_DIGESTS = 5.0  # seconds between two rounds over digests and hourly limits
_MOST = 256  # jobs at a time: the queue looks through all of them for the next one
_PER_HOST = 4  # jobs of one host at a time
_SPREAD = 0.1  # of a source's interval: the longest time over which overdue checks are spread


class WorkScheduler:
    """Asks to be elected, and sweeps while it is, in a thread of its own."""

    def __init__(self, election: Election, jobs: WorkerJobs, control: WorkerControl, clock: Clock) -> None:
        self._election = election
        self._jobs = jobs
        self._control = control
        self._clock = clock
        self._maker = JobMaker()
        self._log = structlog.get_logger("watcher.worker")
        self._thread = threading.Thread(target=self._run, name="scheduler", daemon=True)
        self._synchronized: Settings | None = None
        self._digested = float("-inf")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Wait until the sweep under way has ended; the election is then left to others."""
        self._thread.join(5)

    def _run(self) -> None:
        with self._election:
            while not self._jobs.stopping.is_set():
                wait = _IDLE
                try:
                    if self._seek_election():
                        wait = self._serve()
                except (WatcherError, psycopg.Error) as error:
                    self._log.warning("sweep failed; it is repeated", error=" ".join(str(error).split()))
                except Exception:  # noqa: BLE001 - a defect in one sweep must not end all others
                    self._log.exception("sweep failed; it is repeated")
                self._jobs.stopping.wait(wait)

    def _seek_election(self) -> bool:
        elected = self._election.is_elected()
        if elected != self._control.schedules:
            self._control.schedules = elected
            self._synchronized = None
            self._log.info("elected as scheduler" if elected else "scheduler no more", worker=self._control.worker)
        return elected

    def _serve(self) -> float:
        """Sweep while elected, over one connection; return how long to wait when that ends."""
        with self._jobs.open_monitor() as monitor:
            while not self._jobs.stopping.is_set() and self._seek_election():
                if self._synchronized is not self._jobs.settings:
                    self._synchronize(monitor)
                number = self._sweep(monitor)
                self._jobs.stopping.wait(_BUSY if number else _IDLE)
                if self._synchronized is not self._jobs.settings:
                    break  # a reload: the monitor has the old settings
        return 0.0

    def _sweep(self, monitor: Monitor) -> int:
        """Make a job for what is due and has none; return how many."""
        tables, now = monitor.store.work, self._clock.monotonic()
        if now - self._digested >= _DIGESTS:
            self._digested = now
            channels = channels_due(monitor)
            hanging = self._maker.remove_hanging(tables.connection, tables.list_claimed(), now, self._control.lease)
            if hanging:
                self._log.warning("jobs removed whose worker died or could not end them", jobs=hanging)
        else:
            channels = monitor.store.outbox.list_due_channels(to_text(self._clock.now()))
        tables.mark_channels_due(channels)
        ready = tables.find_ready(most=_MOST, per_host=_PER_HOST)
        self._maker.add(ready, tables.connection)
        return len(ready)

    def _synchronize(self, monitor: Monitor) -> None:
        settings = self._jobs.settings
        monitor.store.work.synchronize([*self._list_checks(monitor, settings), *_list_own(settings)])
        self._synchronized = settings

    def _list_checks(self, monitor: Monitor, settings: Settings) -> list[DueWork]:
        items = {source.name: WorkItem(kind=CHECK, name=source.name) for source in settings.watched}
        missing = {item.name for item in monitor.store.work.list_missing(items.values())}
        now = self._clock.now()
        last = {name: summary.at for name, summary in monitor.store.checks.read_summaries(missing).items()}

        def first(source: AnySource) -> float:
            if source.name not in missing:
                return 0.0
            if isinstance(source, CollectionSettings):
                due = monitor.collection(source).next_due(now)
            else:
                at = last[source.name]
                due = schedule.due(source.every, from_text(at) if at else None, None, now)
            spread = timedelta() if due == now else self._spread(settings, source.every)
            return max((due + spread - now).total_seconds(), 0.0)

        return [
            DueWork(
                item=items[source.name], host=_host_of(source), every=source.every.total_seconds(), first=first(source)
            )
            for source in settings.watched
        ]

    def _spread(self, settings: Settings, every: timedelta) -> timedelta:
        return min(settings.daemon.jitter, every * _SPREAD) * self._clock.jitter()


def _list_own(settings: Settings) -> list[DueWork]:
    return [
        DueWork(item=WorkItem(kind=OWN, name=name), host="", every=every)
        for name, every in own_intervals(settings).items()
    ]


def _host_of(source: AnySource) -> str:
    """Return the host that a check asks; "" if it asks none, or several."""
    if isinstance(source, CanarySource):
        return ""
    url = source.url if isinstance(source, SourceSettings) else source.index or ""
    return "" if url.startswith("file:") else urlsplit(url).netloc
