"""The jobs of a worker: each claims its work first, and whatever it writes is refused once the claim is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from watcher.config.inventory_files import SharedInventories
from watcher.config.settings import AnySource, CollectionSettings, Settings
from watcher.core.clock import Clock
from watcher.core.errors import StoreError
from watcher.core.work import CHECK, DELIVER, Claim, WorkItem
from watcher.daemon.jobs import DEADLINES, HEALTH, HEARTBEAT, Jobs
from watcher.daemon.workers.control import WorkerControl
from watcher.daemon.workers.host_limits import SharedHostLimiter
from watcher.monitor.judging_limit import JudgingLimit
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult
from watcher.store.store import Store

_RETRY = 10.0  # seconds until work is tried again that could not be recorded
_SHORTEST = 60.0  # seconds between two checks of a collection


class _Current(threading.local):
    """What the job of this thread has: its claim, its store, when it is due again, whether it was recorded."""

    claim: Claim | None = None
    store: Store | None = None
    postponed: float | None = None
    is_recorded: bool = True


class WorkerJobs(Jobs):
    """The jobs of one worker."""

    def __init__(self, settings: Settings, clock: Clock, load: Callable[[], Settings], control: WorkerControl) -> None:
        super().__init__(settings, self._create_monitor, clock, load)
        self._control = control
        self._current = _Current()
        self._judging_limit = JudgingLimit()
        self._inventories = SharedInventories()
        # Open from one job to the next: a new connection costs the server more than a check does.
        self._idle: list[Store] = []
        self._sources: tuple[Settings, dict[str, AnySource]] = (settings, {})
        self.claim = timedelta(seconds=control.lease)

    def _create_monitor(self, settings: Settings) -> Monitor:
        limiter = SharedHostLimiter(self._clock, settings.fetch.min_interval)
        claim = self._current.claim
        if claim is not None and self._current.store is None:
            self._current.store = self._take_store(settings)
        monitor = Monitor(
            settings,
            create=False,
            clock=self._clock,
            rate_limiter=limiter,
            judging_limit=self._judging_limit,
            inventories=self._inventories.for_settings(settings),
            store=self._current.store if claim is not None else None,
        )
        limiter.tables = monitor.store.work
        limiter.tables.guard(claim)
        return monitor

    def work(self, item: WorkItem) -> None:
        """Do a piece of work if it is due and nobody else does it."""
        if self.stopping.is_set() or self._find_action(item) is None:
            return
        try:
            claim = self._control.claim(item)
        except StoreError as error:
            self._log.warning("work not claimed", work=item.lock, error=str(error))
            return
        if claim is None:
            return
        self._current.claim, self._current.postponed, self._current.is_recorded = claim, None, True
        try:
            self._work(item)
        finally:
            self._current.claim = None
            self._give_back_store()
            try:
                self._control.finish(claim, self._find_next(item))
            except StoreError as error:
                self._log.warning("claim not ended; it ends with its lease", work=item.lock, error=str(error))

    def _take_store(self, settings: Settings) -> Store:
        try:
            return self._idle.pop()
        except IndexError:
            return Store(settings.store.location, create=False)

    def _give_back_store(self) -> None:
        store, self._current.store = self._current.store, None
        if store is not None:
            if self._current.is_recorded:
                self._idle.append(store)
            else:
                store.close()  # whatever happened to its connection

    def close(self) -> None:
        """Close the connections of jobs that have ended."""
        while self._idle:
            self._idle.pop().close()

    def _work(self, item: WorkItem) -> None:
        action = self._find_action(item)
        if action is not None:
            action()

    def _find_action(self, item: WorkItem) -> Callable[[], None] | None:
        """Return what does a piece of work; None if this worker's configuration does not have it."""
        if item.kind == DELIVER:
            return lambda: self.deliver(item.name)
        if item.kind == CHECK:
            source = self._find_source(item.name)
            if source is None:
                return None
            if isinstance(source, CollectionSettings):
                return lambda: self.check_collection(source)
            return lambda: self.check_source(source)
        own = {HEALTH: self.check_health, DEADLINES: self.check_deadlines, HEARTBEAT: self.send_heartbeat}
        return own.get(item.name)

    def _find_source(self, name: str) -> AnySource | None:
        settings, sources = self._sources
        if settings is not self.settings or not sources:
            settings = self.settings
            sources = {source.name: source for source in settings.watched}
            self._sources = settings, sources
        return sources.get(name)

    def _find_next(self, item: WorkItem) -> float | None:
        """Return in how many seconds a piece of work that has ended is due again."""
        if item.kind == DELIVER:
            return None  # when the outbox has something
        every = self._find_interval(item)
        if self.stopping.is_set():
            return 0.0
        if not self._current.is_recorded:
            return min(_RETRY, every)
        if self._current.postponed is not None:
            return min(self._current.postponed, every)
        return every + (self._jitter() if item.kind == CHECK else 0.0)

    def _jitter(self) -> float:
        return self.settings.daemon.jitter.total_seconds() * self._clock.jitter()

    def _find_interval(self, item: WorkItem) -> float:
        if item.kind == CHECK:
            source = self._find_source(item.name)
            return source.every.total_seconds() if source is not None else 0.0
        return own_intervals(self.settings).get(item.name, 0.0)

    def check_collection(self, settings: CollectionSettings) -> None:
        super().check_collection(settings)
        failure = "next check of a collection not known"
        with self.run(failure, self.hung_after, source=settings.name), self.open_monitor() as monitor:
            now = self._clock.now()
            seconds = (monitor.collection(settings).next_due(now) - now).total_seconds()
            if self._current.postponed is None:
                self._current.postponed = max(seconds, _SHORTEST)

    def start_deliveries(self, monitor: Monitor) -> None:
        """Do nothing: the scheduler sees what the outbox has within a second."""

    def postpone(self, source: str, seconds: float) -> None:  # noqa: ARG002 - one check a thread
        self._current.postponed = seconds

    def _count(self, source: str, result: CheckResult) -> CheckResult:
        if result.reason == "store":
            self._current.is_recorded = False
        return super()._count(source, result)

    @contextmanager
    def run(self, failure: str, budget: float, *, source: str) -> Iterator[None]:
        with super().run(failure, budget, source=source):
            try:
                yield
            except BaseException:
                self._current.is_recorded = False
                raise


def own_intervals(settings: Settings) -> dict[str, float]:
    """Return the jobs of the watcher itself with their intervals in seconds."""
    intervals = {HEALTH: 60.0, DEADLINES: 600.0}
    if settings.heartbeat is not None:
        intervals[HEARTBEAT] = settings.heartbeat.every.total_seconds()
    return intervals
