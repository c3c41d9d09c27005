"""The daemon: when to look, when to send. Everything it does, `watcher check` does too.

The schedule is in memory and derived from the record of checks: a source is due when its interval has passed since
the last attempt, so a restart neither forgets nor repeats. A collection is one job, a turn of which looks at its index
and at the groups that are due; a turn that a server cut short is taken up when the server may be asked again.

The main thread watches; it asks the history when it starts and when it reloads, and never the network, so that it has
time. APScheduler follows the wall clock and would sleep through an hour that is set back, so when wall and monotonic
clock part, every turn is moved to where it belongs. The service manager hears of us only while every piece of work
gives a sign of life within its budget: a thread that hangs for ever cannot be ended, the process can. SIGHUP reads the
configuration again; one that cannot be used leaves the old one in force.
"""

from __future__ import annotations

import random
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor as Threads
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler

from watcher.alerts import notices
from watcher.alerts.delivery import DeliveryReport
from watcher.config.settings import AnySource, CollectionSettings, Settings, SourceSettings
from watcher.core import runtime
from watcher.core.errors import ConfigError, WatcherError
from watcher.core.operations import Notice
from watcher.core.times import from_text, to_text
from watcher.daemon.sd_notify import notify, reloading, status, watchdog_seconds
from watcher.daemon.self_check import EVERY, SelfCheck
from watcher.daemon.signals import Signals
from watcher.daemon.turns import CatchUpOnceTrigger
from watcher.daemon.watchdog import Watchdog
from watcher.fetch.rsync import LONGEST as LONGEST_TRANSFER
from watcher.monitor import health
from watcher.monitor.deliver import channels_due, deliver_channel, queue_notice
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import sweep

_TURN = 5.0  # seconds between two looks of the main thread
_CLOCK_JUMP = 10.0  # seconds by which the clocks may drift apart within a turn
_THREADS = 4
_CHANNELS = 64  # that are sent over at the same time
_SPREAD = 0.1  # share of a lateness-free start over which overdue sources are spread at most
_COMMANDS = 10  # of a dialogue with a mail server, each of which may take its whole timeout
_DELIVERIES, _HEALTH, _HEARTBEAT = " deliveries", " health", " heartbeat"  # no source can be named so

_UNWELCOME = (Outcome.FAILED, Outcome.STALE, Outcome.HELD)


class _Turns:
    """Work in threads of its own, by name: a name has one turn at a time, and none waits for another's."""

    def __init__(self, threads: int, work: Callable[[str], None]) -> None:
        self._threads = Threads(threads, thread_name_prefix="turn")
        self._work = work
        self._lock = threading.Lock()
        self._going: set[str] = set()
        self._ended = False

    def begin(self, name: str) -> None:
        """Give a name its turn, unless it has it already."""
        with self._lock:
            if name in self._going or self._ended:
                return
            self._going.add(name)
            self._threads.submit(self._turn, name)

    def end(self) -> None:
        """Begin no turn any more; those under way go on."""
        with self._lock:
            self._ended = True
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _turn(self, name: str) -> None:
        try:
            self._work(name)
        finally:
            with self._lock:
                self._going.discard(name)


class Daemon:
    """Checks every source on its schedule and delivers what is due, until told to stop."""

    def __init__(
        self,
        settings: Settings,
        service: Callable[[Settings], Monitor],
        jitter: Callable[[], float] = random.random,
        *,
        load: Callable[[], Settings] | None = None,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`load` reads the configuration again and raises ConfigError where it cannot be used; None: it never changes.

        `wall` is the time of day, `monotonic` the clock that nobody sets.
        """
        self._settings = settings
        self._make_service = service
        self._jitter = jitter
        self._load = load or (lambda: settings)
        self._wall, self._monotonic = wall, monotonic
        self._seen = wall(), monotonic()
        self._stop = threading.Event()
        self._work = Watchdog(monotonic)
        # Threads are made as they are needed, one for each channel that has something due.
        self._sending = _Turns(_CHANNELS, self._deliver)
        self._hung: frozenset[str] = frozenset()
        self._lanes: set[str] = set()
        # What befell the daemon itself, until the thread that delivers has written it down.
        self._notices: deque[Notice] = deque()
        self._skips: deque[tuple[str, str]] = deque()
        self._log = structlog.get_logger("watcher.daemon")
        self._scheduler = self._new_scheduler()
        self._pulse = SelfCheck(lambda: self._settings, self._service)

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT. Returns False when work had to be abandoned at the end (it is safe to)."""
        runtime.return_freed_memory_early()
        with Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals, self._pulse.answering():
            with self._service() as service:  # fails here, before READY, when the history cannot be used
                service.verify()
                service.alarms.after_start(datetime.now(UTC))
            self._schedule()
            self._scheduler.start()
            notify(f"READY=1\n{status(self._watching())}")
            self._log.info("watching", sources=[source.name for source in self._sources()])
            self._watch(signals)
            notify(f"STOPPING=1\n{status('ending what is under way')}")
            self._scheduler.shutdown(wait=False)
            self._sending.end()
            finished = self._finish(signals)
        self._log.info("stopped" if finished else "stopped with work abandoned; it is taken up again at the next start")
        return finished

    def stop(self) -> None:
        """Make `run` return, and work under way end where it can."""
        self._stop.set()

    def _service(self) -> Monitor:
        return self._make_service(self._settings)

    def _watching(self) -> str:
        number = len(self._sources())
        return f"watching {number} source{'s' * (number != 1)}"

    def _watch(self, signals: Signals) -> None:
        interval = watchdog_seconds()
        turn = min(_TURN, interval / 3) if interval else _TURN
        while True:
            for number in signals.wait(turn):
                if number == signal.SIGHUP:
                    self._reload()
                else:
                    self.stop()
            if self._stop.is_set():
                return
            self._look_at_the_clocks()
            self._look_at_the_work()

    def _finish(self, signals: Signals) -> bool:
        """Wait for what is under way, but not for ever, and no longer once we are told to stop a second time."""
        until = self._monotonic() + self._settings.daemon.grace.total_seconds()
        while not (finished := self._work.wait(0.1)) and self._monotonic() < until:
            if {signal.SIGTERM, signal.SIGINT} & set(signals.wait(0)):
                break
        return finished

    def _look_at_the_clocks(self) -> None:
        now = self._wall(), self._monotonic()
        jump = (now[0] - self._seen[0]) - (now[1] - self._seen[1])
        self._seen = now
        if abs(jump) > _CLOCK_JUMP:
            self._log.warning("the clock jumped; the turns are moved", seconds=round(jump))
            self._move_turns(timedelta(seconds=jump))
            self._notices.append(health.clock_jumped(jump, to_text(datetime.now(UTC))))

    def _move_turns(self, jump: timedelta) -> None:
        """Keep every turn where it is in true time: a clock set back takes them along, one set ahead leaves them past.

        What is past then has one turn, soon. (A machine that slept looks like a clock set ahead.)
        """
        now = datetime.now(UTC)
        every = {source.name: source.every for source in self._sources()}
        under_way = self._work.under_way()
        with self._paused():
            for job in self._scheduler.get_jobs():
                then = job.next_run_time + min(jump, timedelta())
                if job.id in every and job.id in under_way:
                    then = now + every[job.id]
                elif then <= now:
                    then = now + self._late(every[job.id]) if job.id in every else now
                job.modify(next_run_time=then)

    def _look_at_the_work(self) -> None:
        """Tell the service manager that we get on, unless something hangs: then it ends us and starts us again."""
        hung = {piece.name for piece in self._work.hung()}
        if self._work.still() > self._patience + 2 * _TURN:
            hung.add("the scheduler")
        if not hung:
            notify("WATCHDOG=1")
        elif hung != self._hung:
            self._log.error("hung; the watchdog is told no more", work=sorted(hung))
            notify(status(f"hung: {', '.join(sorted(hung))}"))
        self._hung = frozenset(hung)

    def _reload(self) -> None:
        notify(reloading())
        try:
            settings = self._load()
            changed = [
                source
                for source in _enabled(settings)
                if source not in self._settings.sources or settings.daemon != self._settings.daemon
            ]
            firsts = self._firsts(settings, changed)
        except WatcherError as error:
            problems = error.problems if isinstance(error, ConfigError) else (str(error),)
            self._log.error("configuration refused; the old one stays in force", problems=problems)
            self._notices.append(notices.config_refused(problems, to_text(datetime.now(UTC))))
            self._scheduler.modify_job(_DELIVERIES, next_run_time=datetime.now(UTC))
            notify(f"READY=1\n{status(f'{self._watching()}; the changed configuration is refused: {error}')}")
            return
        self._settings = settings
        with self._paused():
            kept = {source.name for source in self._sources()} - firsts.keys()
            for job in self._scheduler.get_jobs():
                if job.id not in (*kept, _DELIVERIES):
                    job.remove()
            self._add(firsts)
            self._add_own()
        self._log.info("configuration read again", sources=[source.name for source in self._sources()])
        notify(f"READY=1\n{status(self._watching())}")

    def _new_scheduler(self) -> BackgroundScheduler:
        # misfire_grace_time None: a job that is late runs late. The default of one second drops it.
        scheduler = BackgroundScheduler(
            timezone=UTC,
            # Deliveries wait for no check.
            executors={"default": ThreadPoolExecutor(_THREADS), _DELIVERIES: ThreadPoolExecutor(1)},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        scheduler.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED)
        return scheduler

    def _lane(self, source: AnySource) -> str:
        """Return the threads a source is looked at by: a collection keeps one for minutes, so each has its own."""
        if not isinstance(source, CollectionSettings):
            return "default"
        if source.name not in self._lanes:
            self._scheduler.add_executor(ThreadPoolExecutor(1), f" {source.name}")
            self._lanes.add(source.name)
        return f" {source.name}"

    @contextmanager
    def _paused(self) -> Iterator[None]:
        """Change the schedule: in place, so that the scheduler still knows which sources are being looked at."""
        self._scheduler.pause()
        try:
            yield
        finally:
            self._scheduler.resume()

    def _sources(self) -> list[AnySource]:
        return _enabled(self._settings)

    def _schedule(self) -> None:
        self._add(self._firsts(self._settings, self._sources()))
        self._scheduler.add_job(
            self._send,
            CatchUpOnceTrigger(timedelta(seconds=_TURN)),
            id=_DELIVERIES,
            executor=_DELIVERIES,
            next_run_time=datetime.now(UTC),
        )
        self._add_own()

    def _add_own(self) -> None:
        """What the daemon does to be watched itself."""
        heartbeat = self._settings.heartbeat
        for name, work, every in (
            (_HEALTH, self._look, timedelta(seconds=EVERY)),
            (_HEARTBEAT, self._beat, heartbeat.every if heartbeat else None),
        ):
            if every is not None:
                self._scheduler.add_job(work, CatchUpOnceTrigger(every), id=name, next_run_time=datetime.now(UTC))

    def _add(self, firsts: Mapping[str, datetime]) -> None:
        for source in self._sources():
            if source.name in firsts:
                self._scheduler.add_job(
                    self._check_collection if isinstance(source, CollectionSettings) else self._check,
                    CatchUpOnceTrigger(source.every, lambda: self._settings.daemon.jitter * self._jitter()),
                    args=[source],
                    id=source.name,
                    executor=self._lane(source),
                    next_run_time=firsts[source.name],
                )

    def _firsts(self, settings: Settings, sources: Iterable[AnySource]) -> dict[str, datetime]:
        """When some sources have their next turn, by the record of checks."""
        now = datetime.now(UTC)
        under_way = self._work.under_way()
        firsts = {}
        with self._make_service(settings) as service:
            for source in sources:
                # A clock that was wrong once must not put the next check years ahead.
                due = min(self._due(service, source, now), now + source.every)
                if source.name in under_way:
                    due = now + source.every
                firsts[source.name] = now if due == now else max(due, now) + self._late(source.every)
        return firsts

    @staticmethod
    def _due(service: Monitor, source: AnySource, now: datetime) -> datetime:
        """When a source is due: now exactly where it was never looked at."""
        if isinstance(source, CollectionSettings):
            return service.collection(source).next_due(now)
        last = service.store.checks.find_last_check(source.name)
        return from_text(str(last["at"])) + source.every if last else now

    def _late(self, every: timedelta) -> timedelta:
        """After a downtime everything is due at once: spread it."""
        return min(self._settings.daemon.jitter, every * _SPREAD) * self._jitter()

    def _check(self, source: SourceSettings) -> None:
        if self._stop.is_set():  # it was queued behind others
            return
        with self._turn("check not recorded", self._budget(source), source=source.name), self._service() as service:
            self._tell(source.name, self._counted(source.name, service.check(source)))
            self._begin_sending(service)
        runtime.release_free_memory()

    def _check_collection(self, settings: CollectionSettings) -> None:
        """One turn of a collection: its index, then the groups that are due, each by itself."""
        budget = self._budget(settings)
        with self._turn("collection not checked", budget, source=settings.name), self._service() as service:
            index = service.check_index(settings)
            if index is not None:
                self._tell(settings.name, self._counted(settings.name, index))
                if index.outcome is Outcome.FAILED and settings.local:
                    return
            collection = service.collection(settings)
            chosen = collection.groups_due(datetime.now(UTC))
            counts: Counter[str] = Counter()
            with sweep(service, settings, chosen) as checks:
                for group in checks:
                    if self._stop.is_set():
                        break
                    with self._turn("check not recorded", self._budget(group), source=group.name):
                        taken = self._counted(settings.name, checks.check(group))
                        counts[str(taken.outcome)] += 1
                        if taken.outcome is not Outcome.UNCHANGED:
                            self._tell(group.name, taken)
            left = len(chosen) - counts.total()
            self._log.info("collection checked", source=settings.name, left=left, refused=collection.refused, **counts)
            if left and (wait := service.fetcher.blocked_for(chosen[-1].settings.url)):
                # Moved, not added: a turn of its own would be looked at twice when both come together.
                with suppress(JobLookupError):  # a reload meanwhile took the collection away
                    again = datetime.now(UTC) + timedelta(seconds=wait + 1)
                    self._scheduler.modify_job(settings.name, next_run_time=again)
            self._begin_sending(service)
        runtime.release_free_memory()

    def _counted(self, source: str, taken: CheckResult) -> CheckResult:
        self._pulse.checked(source, str(taken.outcome))
        return taken

    def _tell(self, source: str, taken: CheckResult) -> None:
        """Log what came of a check."""
        level = self._log.warning if taken.outcome in _UNWELCOME else self._log.info
        events = [event.summary for event in taken.comparison.events] if taken.comparison else None
        level("checked", source=source, outcome=str(taken.outcome), message=taken.message, events=events)

    def _look(self) -> None:
        with self._turn("how the watcher is was not looked at", self._patience, source=_HEALTH):
            self._pulse.look()

    def _beat(self) -> None:
        heartbeat = self._settings.heartbeat
        timeout = heartbeat.timeout if heartbeat else 0
        with self._turn("no sign of life was given", self._patience + timeout, source=_HEARTBEAT):
            self._pulse.beat()

    def _send(self) -> None:
        """Write down what befell the daemon, then send; for one thread."""
        with self._turn("deliveries not sent", self._patience, source=_DELIVERIES), self._service() as service:
            self._write_down(service)
            self._begin_sending(service)

    def _begin_sending(self, service: Monitor) -> None:
        """Begin to send over every channel that has something due, each in a thread of its own; wait for none."""
        for channel in channels_due(service):
            self._sending.begin(channel)

    def _write_down(self, service: Monitor) -> None:
        """Put what befell the daemon itself into the history; what cannot be written now stays for the next round."""
        while self._skips:
            source, at = self._skips[0]
            with service.store.transaction():
                number = service.store.checks.record_skip(source, at)
                queue_notice(service, notices.check_skipped(source, number, at))
            self._skips.popleft()
        while self._notices:
            queue_notice(service, self._notices[0])
            self._notices.popleft()

    def _deliver(self, channel: str) -> None:
        budget = self._patience + _COMMANDS * self._settings.smtp.timeout
        with (
            self._turn("deliveries not sent", budget, source=f"{_DELIVERIES} {channel}"),
            self._service() as service,
        ):
            report = deliver_channel(service, channel, self._going_on)
            if report != DeliveryReport():
                level = self._log.warning if report.retried or report.failed else self._log.info
                told = {"sent": report.sent, "tried_again_later": report.retried, "given_up": report.failed}
                level("delivered", channel=channel, **told)

    def _going_on(self) -> bool:
        """Say that the deliveries get on, and return whether they shall: what is left is sent after the next start."""
        self._work.alive()
        return not self._stop.is_set()

    def _skipped(self, event: JobEvent) -> None:
        """A turn came while the one before it was still under way. Of deliveries that is no news."""
        if event.job_id not in (_DELIVERIES, _HEALTH, _HEARTBEAT):
            self._log.warning("check skipped: the one before it is still under way", source=event.job_id)
            self._skips.append((event.job_id, to_text(datetime.now(UTC))))

    @property
    def _patience(self) -> float:
        return self._settings.daemon.hung_after.total_seconds()

    def _budget(self, source: AnySource) -> float:
        """Return the seconds after which a look at a source is taken for hung: its own deadlines, and then some."""
        fetches = 2 if isinstance(source, SourceSettings) and source.also else 1
        transfer = LONGEST_TRANSFER if isinstance(source, CollectionSettings) and source.rsync else 0
        return self._settings.fetch.deadline * fetches + transfer + self._patience

    @contextmanager
    def _turn(self, failed: str, budget: float, *, source: str) -> Iterator[None]:
        """One piece of work: known to be under way, and the one place where every error ends. The next turn comes."""
        with self._work.piece(source, budget):
            try:
                yield
            except WatcherError as error:
                self._log.error(failed, source=source, error=str(error))
            except Exception:  # noqa: BLE001 - a defect of ours in one source must not end the others
                self._log.exception(failed, source=source)


def _enabled(settings: Settings) -> list[AnySource]:
    return list(settings.watched)
