"""The daemon: when to look, when to send. Everything it does, `watcher check` does too.

The schedule is in memory and derived from the record of checks: a source is due when its interval has passed since
the last attempt, so a restart neither forgets nor repeats. A collection is one job, a turn of which looks at its index
and at the groups that are due; a turn that a server cut short is taken up when the server may be asked again.

The main thread watches: APScheduler follows the wall clock and would sleep through an hour that is set back, so when
wall and monotonic clock part the schedule is made anew.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import FrameType

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from watcher.config import AnySource, CollectionSettings, Settings, SourceSettings
from watcher.errors import WatcherError
from watcher.pipeline import Outcome, Taken
from watcher.service import Service
from watcher.supervisor import notify, watchdog_seconds
from watcher.times import from_text

_TURN = 5.0  # seconds between two looks of the main thread
_CLOCK_JUMP = 10.0  # seconds by which the clocks may drift apart within a turn
_GRACE = 20.0  # seconds a check or delivery under way has to end after SIGTERM
_THREADS = 4
_SPREAD = 0.1  # share of a lateness-free start over which overdue sources are spread at most


_UNWELCOME = (Outcome.FAILED, Outcome.STALE, Outcome.HELD)


@dataclass(slots=True)
class _Work:
    """How many jobs are under way, to wait for them at the end."""

    count: int = 0
    idle: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> None:
        with self.idle:
            self.count += 1

    def __exit__(self, *_: object) -> None:
        with self.idle:
            self.count -= 1
            self.idle.notify_all()

    def wait(self, seconds: float) -> bool:
        with self.idle:
            return self.idle.wait_for(lambda: self.count == 0, seconds)


class Daemon:
    """Checks every source on its schedule and delivers what is due, until told to stop."""

    def __init__(
        self, settings: Settings, service: Callable[[], Service], jitter: Callable[[], float] = random.random
    ) -> None:
        self._settings = settings
        self._service = service
        self._jitter = jitter
        self._stop = threading.Event()
        self._work = _Work()
        self._log = structlog.get_logger("watcher.daemon")
        self._scheduler = self._new_scheduler()

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT. Returns False when work had to be abandoned at the end (it is safe to)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        with self._service() as service:  # fails here, before READY, when the history cannot be used
            service.verify()
        self._schedule()
        self._scheduler.start()
        notify("READY=1\nSTATUS=watching")
        self._log.info("watching", sources=[source.name for source in self._sources()])
        self._watch()
        notify("STOPPING=1")
        self._scheduler.shutdown(wait=False)
        finished = self._work.wait(_GRACE)
        self._log.info("stopped" if finished else "stopped with work abandoned; it is taken up again at the next start")
        return finished

    def stop(self) -> None:
        """Make `run` return."""
        self._stop.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the signal module's shape
        self._stop.set()

    def _watch(self) -> None:
        interval = watchdog_seconds()
        turn = min(_TURN, interval / 3) if interval else _TURN
        wall, monotonic = time.time(), time.monotonic()
        while not self._stop.wait(turn):
            now_wall, now_monotonic = time.time(), time.monotonic()
            jump = (now_wall - wall) - (now_monotonic - monotonic)
            wall, monotonic = now_wall, now_monotonic
            if abs(jump) > _CLOCK_JUMP:
                self._log.warning("the clock jumped; the schedule is made anew", seconds=round(jump))
                self._scheduler.shutdown(wait=False)
                self._scheduler = self._new_scheduler()
                self._schedule()
                self._scheduler.start()
            notify("WATCHDOG=1")

    def _new_scheduler(self) -> BackgroundScheduler:
        # misfire_grace_time None: a job that is late runs late. The default of one second drops it.
        return BackgroundScheduler(
            timezone=UTC,
            # A collection keeps a thread for minutes; deliveries must not wait for one.
            executors={"default": ThreadPoolExecutor(_THREADS + len(self._settings.collections))},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )

    def _sources(self) -> list[AnySource]:
        return [source for source in self._settings.source if source.enabled]

    def _schedule(self) -> None:
        now = datetime.now(UTC)
        with self._service() as service:
            for source in self._sources():
                due = self._due(service, source, now)
                # A clock that was wrong once must not put the next check years ahead.
                due = min(due, now + source.every)
                self._scheduler.add_job(
                    self._check_collection if isinstance(source, CollectionSettings) else self._check,
                    "interval",
                    args=[source],
                    id=source.name,
                    seconds=source.every.total_seconds(),
                    jitter=self._settings.daemon.jitter.total_seconds() or None,
                    next_run_time=now if due == now else max(due, now) + self._late(source.every),
                )
        self._scheduler.add_job(self._send, "interval", id=" deliveries", seconds=_TURN, next_run_time=now)

    @staticmethod
    def _due(service: Service, source: AnySource, now: datetime) -> datetime:
        """When a source is due: now exactly where it was never looked at."""
        if isinstance(source, CollectionSettings):
            return service.collection(source).next_turn(now)
        last = service.checks.last(source.name)
        return from_text(str(last["at"])) + source.every if last else now

    def _late(self, every: timedelta) -> timedelta:
        """After a downtime everything is due at once: spread it."""
        return min(self._settings.daemon.jitter, every * _SPREAD) * self._jitter()

    def _check(self, source: SourceSettings) -> None:
        with self._turn("check not recorded", source=source.name), self._service() as service:
            self._tell(source.name, service.check(source))
            self._deliver(service)

    def _check_collection(self, settings: CollectionSettings) -> None:
        """One turn of a collection: its index, then the groups that are due, each by itself."""
        with self._turn("collection not checked", source=settings.name), self._service() as service:
            index = service.check_index(settings)
            if index is not None:
                self._tell(settings.name, index)
                if index.outcome is Outcome.FAILED and settings.local:
                    return
            collection = service.collection(settings)
            chosen = collection.in_turn(datetime.now(UTC))
            counts: Counter[str] = Counter()
            with service.sweep(chosen, self._stop.is_set) as groups:
                for group in groups:
                    with self._turn("check not recorded", source=group.name):
                        taken = service.check(group)
                        counts[str(taken.outcome)] += 1
                        if taken.outcome is not Outcome.UNCHANGED:
                            self._tell(group.name, taken)
            left = len(chosen) - counts.total()
            self._log.info(
                "collection checked", source=settings.name, left=left, refused=collection.listed[1], **counts
            )
            if left and (wait := service.fetcher.asked_to_wait(chosen[-1].settings.url)):
                # Moved, not added: a turn of its own would be looked at twice when both come together.
                self._scheduler.modify_job(settings.name, next_run_time=datetime.now(UTC) + timedelta(seconds=wait + 1))
            self._deliver(service)

    def _tell(self, source: str, taken: Taken) -> None:
        """Log what came of a check."""
        level = self._log.warning if taken.outcome in _UNWELCOME else self._log.info
        events = [event.summary for event in taken.comparison.events] if taken.comparison else None
        level("checked", source=source, outcome=str(taken.outcome), message=taken.message, events=events)

    def _send(self) -> None:
        with self._turn("deliveries not sent"), self._service() as service:
            self._deliver(service)

    def _deliver(self, service: Service) -> None:
        report = service.deliver()
        if report.sent or report.retried or report.failed:
            level = self._log.warning if report.retried or report.failed else self._log.info
            level("delivered", sent=report.sent, tried_again_later=report.retried, given_up=report.failed)

    @contextmanager
    def _turn(self, failed: str, **about: str) -> Iterator[None]:
        """One piece of work: counted, and the one place where every error ends. The next turn comes."""
        with self._work:
            try:
                yield
            except WatcherError as error:
                self._log.error(failed, error=str(error), **about)
            except Exception:  # noqa: BLE001 - a defect of ours in one source must not end the others
                self._log.exception(failed, **about)
