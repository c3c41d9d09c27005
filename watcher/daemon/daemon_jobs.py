"""The jobs of the daemon, which has the schedule and all threads in one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from watcher.alerts import notices
from watcher.config.settings import Settings
from watcher.core.clock import Clock
from watcher.core.operations import Notice
from watcher.core.times import to_text
from watcher.daemon.jobs import DEADLINES, DELIVERIES, HEALTH, HEARTBEAT, Jobs
from watcher.daemon.scheduler import JobScheduler, NamedThreads
from watcher.monitor.deliver import channels_due, queue_notice
from watcher.monitor.monitor import Monitor

_CHANNELS = 128  # that are sent over at the same time; a thread each, and one that hangs keeps it


class DaemonJobs(Jobs):
    """The jobs of one daemon."""

    def __init__(
        self,
        settings: Settings,
        create_monitor: Callable[[Settings], Monitor],
        clock: Clock,
        scheduler: JobScheduler,
        load: Callable[[], Settings],
    ) -> None:
        """`load` reads the configuration again and raises ConfigError if it cannot be used."""
        super().__init__(settings, create_monitor, clock, load)
        self._scheduler = scheduler
        self._senders = NamedThreads(_CHANNELS, self.deliver)
        # Written to the history by the job that delivers.
        self._notices: deque[Notice] = deque()
        self._skips: deque[tuple[str, str]] = deque()
        scheduler.call_when_skipped(self.record_skip)

    def close(self) -> None:
        self._senders.close()

    def postpone(self, source: str, seconds: float) -> None:
        self._scheduler.move(source, self._clock.now() + timedelta(seconds=seconds))

    def send_due(self) -> None:
        with self.run("deliveries not sent", self.hung_after, source=DELIVERIES), self.open_monitor() as monitor:
            self.store_notices(monitor)
            self.start_deliveries(monitor)

    def start_deliveries(self, monitor: Monitor) -> None:
        """Start a thread for each channel that has something due: a slow channel delays no other."""
        for channel in channels_due(monitor):
            try:
                self._senders.start(channel)
            except RuntimeError as error:  # too little memory, or too many tasks
                self._log.error("deliveries wait for the next try", channel=channel, error=str(error))

    def queue_notice(self, notice: Notice) -> None:
        """Keep a notice until the next deliveries; for threads that never open the history."""
        self._notices.append(notice)

    def record_skip(self, job: str) -> None:
        """Log and keep that a check was skipped because the previous one is still running."""
        if job not in (DELIVERIES, HEALTH, HEARTBEAT, DEADLINES):
            self._log.warning("check skipped: the previous check is still running", source=job)
            self._skips.append((job, to_text(self._clock.now())))

    def store_notices(self, monitor: Monitor) -> None:
        """Move the queued notices to the outbox; one that cannot be stored now stays queued."""
        while self._skips:
            source, at = self._skips[0]
            with monitor.store.transaction():
                number = monitor.store.checks.record_skip(source, at)
                queue_notice(monitor, notices.describe_skipped_check(source, number, at))
            self._skips.popleft()
        while self._notices:
            queue_notice(monitor, self._notices[0])
            self._notices.popleft()
