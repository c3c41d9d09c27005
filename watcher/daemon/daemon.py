"""The daemon: when to check and when to deliver. The commands do the same work (`watcher check`).

The schedule is in memory and derived from the recorded checks: a source is due one interval after its last attempt, so
a restart neither forgets nor repeats a check. A collection is one job, which checks its index and the groups that are
due; when a server asks to wait, the job is moved to the time at which the server may be asked.

The main thread waits for signals, compares the clocks and sends keep-alives to the service manager. It reads the
history at the start and at a reload, and never uses the network, so it cannot hang. APScheduler follows the wall clock:
if that is set back by an hour, no job runs for an hour. So when wall and monotonic clock drift apart, the jobs are
moved. Keep-alives are sent only while no task hangs: a thread cannot be ended, so systemd restarts the process.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from watcher.alerts import notices
from watcher.config.settings import AnySource, CollectionSettings, Settings
from watcher.core import runtime
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import ConfigError
from watcher.core.times import from_text, to_text
from watcher.daemon.daemon_jobs import DaemonJobs
from watcher.daemon.jobs import DEADLINES, DELIVERIES, HEALTH, HEARTBEAT
from watcher.daemon.main_loop import ROUND, MainLoop
from watcher.daemon.scheduler import CatchUpOnceTrigger, JobScheduler
from watcher.daemon.sd_notify import notify, reloading, status
from watcher.daemon.signals import Signals
from watcher.monitor import health, schedule
from watcher.monitor.failures import failed_result
from watcher.monitor.monitor import Monitor
from watcher.web.access import read_access

_ROUND = timedelta(seconds=ROUND)  # between two deliveries
_SELF_CHECK = timedelta(minutes=1)
_DEADLINE_CHECK = timedelta(minutes=10)  # each source is compared with the calendar once a day, new ones soon
_CLOCK_JUMP = 10.0  # seconds by which the clocks may drift apart within a round
_SPREAD = 0.1  # of a source's interval: the longest time over which overdue checks are spread


class Daemon(MainLoop):
    """Checks every source on its schedule and delivers what is due, until a signal stops it."""

    def __init__(
        self,
        settings: Settings,
        create_monitor: Callable[[Settings], Monitor],
        clock: Clock | None = None,
        *,
        load: Callable[[], Settings] | None = None,
    ) -> None:
        """`load` reads the configuration again and raises ConfigError if it cannot be used; None: it never changes."""
        self._create_monitor = create_monitor
        self._clock = clock or SystemClock()
        self._load = load or (lambda: settings)
        self._times = self._clock.now(), self._clock.monotonic()
        self._log = structlog.get_logger("watcher.daemon")
        self.scheduler = JobScheduler()
        self.jobs: DaemonJobs = DaemonJobs(settings, create_monitor, self._clock, self.scheduler, self._load)

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT. Returns False if tasks were still running at the end (ending them is safe)."""
        runtime.return_large_blocks_at_once()
        runtime.use_small_stacks()
        with (
            Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals,
            self.jobs.self_check.serve_pages(),
        ):
            with self.jobs.open_monitor() as monitor:  # fails before READY if the history cannot be used
                monitor.verify()
                monitor.alarms.after_start(self._clock.now())
            with self.jobs.self_check.serve_web():
                self.schedule()
                self.scheduler.start()
                notify(f"READY=1\n{status(self.describe())}")
                self._log.info("watching", sources=[source.name for source in self.jobs.settings.watched])
                self.wait_for_stop(signals)
            notify(f"STOPPING=1\n{status('finishing running tasks')}")
            self.scheduler.stop()
            self.jobs.close()
            finished = self.jobs.wait_for_tasks(signals)
        self._log.info("stopped" if finished else "stopped with unfinished tasks; the next start resumes them")
        return finished

    def describe(self) -> str:
        number = len(self.jobs.settings.watched)
        return f"watching {number} source{'s' * (number != 1)}"

    def watch(self) -> None:
        """Do what each round does."""
        self.watch_clocks()
        super().watch()

    def watch_clocks(self) -> None:
        """Move the jobs if the wall clock was set since the last call."""
        times = self._clock.now(), self._clock.monotonic()
        jump = (times[0] - self._times[0]).total_seconds() - (times[1] - self._times[1])
        self._times = times
        if abs(jump) > _CLOCK_JUMP:
            self._log.warning("the clock jumped; the scheduled checks were moved", seconds=round(jump))
            self._move_jobs(timedelta(seconds=jump))
            self.jobs.queue_notice(health.describe_clock_jump(jump, to_text(times[0])))

    def _move_jobs(self, jump: timedelta) -> None:
        """Keep the true time until each job; one that is overdue after the jump runs once, soon."""
        now = self._clock.now()
        every = {source.name: source.every for source in self.jobs.settings.watched}
        running = self.jobs.watchdog.running_names()
        with self.scheduler.paused():
            for name, time in self.scheduler.times().items():
                due = time + min(jump, timedelta())  # after a jump forward the job is overdue or keeps its time
                if name in every and name in running:
                    due = now + every[name]
                elif due <= now:
                    due = now + self._spread(every[name]) if name in every else now
                self.scheduler.move(name, due)

    def find_hung(self) -> set[str]:
        """Return the names of the tasks that hang, and the scheduler if it begins nothing any more."""
        hung = super().find_hung()
        longest = self.jobs.settings.daemon.hung_after + 2 * _ROUND
        if self.jobs.watchdog.idle_seconds() > longest.total_seconds():
            hung.add("the scheduler")
        return hung

    def reload(self) -> None:
        notify(reloading())
        try:
            settings = self._load()
            changed = [
                source
                for source in settings.watched
                if source not in self.jobs.settings.sources or settings.daemon != self.jobs.settings.daemon
            ]
            first_times = self._first_times(settings, changed)
            access = read_access(settings)
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the old configuration stays in force
            self._refuse(error)
            return
        self.jobs.settings = settings
        self.jobs.self_check.use_access(access)
        with self.scheduler.paused():
            unchanged = {source.name for source in self.jobs.settings.watched} - first_times.keys()
            self.scheduler.remove_all_but({*unchanged, DELIVERIES})
            self._add_checks(first_times)
            self._add_self_checks()
        self._log.info("configuration reloaded", sources=[source.name for source in self.jobs.settings.watched])
        notify(f"READY=1\n{status(self.describe())}")

    def _refuse(self, error: Exception) -> None:
        result = failed_result(error, self.jobs.settings.store.location)
        problems = error.problems if isinstance(error, ConfigError) else (str(result.message),)
        more = {"details": result.details} if result.details else {}
        self._log.error("configuration refused; the old one stays in force", problems=problems, **more)
        self.jobs.queue_notice(notices.describe_refused_config(problems, to_text(self._clock.now())))
        self.scheduler.move(DELIVERIES, self._clock.now())
        refusal = f"{self.describe()}; the changed configuration was refused: {'; '.join(problems)}"
        notify(f"READY=1\n{status(refusal)}")

    def schedule(self) -> None:
        self._add_checks(self._first_times(self.jobs.settings, self.jobs.settings.watched))
        trigger = CatchUpOnceTrigger(_ROUND)
        self.scheduler.add(DELIVERIES, self.jobs.send_due, trigger, self._clock.now(), own_thread=True)
        self._add_self_checks()

    def _add_self_checks(self) -> None:
        now = self._clock.now()
        self.scheduler.add(HEALTH, self.jobs.check_health, CatchUpOnceTrigger(_SELF_CHECK), now)
        self.scheduler.add(DEADLINES, self.jobs.check_deadlines, CatchUpOnceTrigger(_DEADLINE_CHECK), now)
        if heartbeat := self.jobs.settings.heartbeat:
            self.scheduler.add(HEARTBEAT, self.jobs.send_heartbeat, CatchUpOnceTrigger(heartbeat.every), now)

    def _add_checks(self, first_times: Mapping[str, datetime]) -> None:
        for source in self.jobs.settings.watched:
            if source.name in first_times:
                is_collection = isinstance(source, CollectionSettings)
                self.scheduler.add(
                    source.name,
                    self.jobs.check_collection if is_collection else self.jobs.check_source,
                    CatchUpOnceTrigger(source.every, self._jitter),
                    first_times[source.name],
                    source,
                    own_thread=is_collection,  # it keeps a thread for minutes
                )

    def _first_times(self, settings: Settings, sources: Iterable[AnySource]) -> dict[str, datetime]:
        now = self._clock.now()
        running = self.jobs.watchdog.running_names()
        times = {}
        with self._create_monitor(settings) as monitor:
            for source in sources:
                due = _next_due(monitor, source, now)
                if source.name in running:
                    due = now + source.every
                times[source.name] = now if due == now else max(due, now) + self._spread(source.every)
        return times

    def _jitter(self) -> timedelta:
        return self.jobs.settings.daemon.jitter * self._clock.jitter()

    def _spread(self, every: timedelta) -> timedelta:
        """Return a random delay for an overdue check: after a downtime all are due at once."""
        return min(self.jobs.settings.daemon.jitter, every * _SPREAD) * self._clock.jitter()


def _next_due(monitor: Monitor, source: AnySource, now: datetime) -> datetime:
    if isinstance(source, CollectionSettings):
        return monitor.collection(source).next_due(now)
    last = monitor.store.checks.find_last_check(source.name)
    return schedule.due(source.every, from_text(str(last["at"])) if last else None, None, now)
