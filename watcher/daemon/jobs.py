"""The jobs that the daemon and a worker have in common: check, deliver, check itself. Each runs in a thread.

What differs is in a subclass: how deliveries are started after a check, and how a collection is postponed whose server
asked to wait (`daemon.daemon_jobs`, `daemon.workers.worker_jobs`).
"""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from msgspec.structs import asdict

from watcher.alerts.delivery import CLAIM, DeliveryReport
from watcher.config.settings import AnySource, CollectionSettings, Settings, SourceSettings
from watcher.core import runtime
from watcher.core.clock import Clock
from watcher.core.errors import ConfigError, ReadSettingsError, WatcherError
from watcher.daemon.self_check import SelfCheck
from watcher.daemon.signals import Signals
from watcher.daemon.watchdog import Watchdog
from watcher.fetch.rsync import LONGEST as LONGEST_TRANSFER
from watcher.monitor.deadlines import check_deadlines
from watcher.monitor.deliver import deliver_channel
from watcher.monitor.failures import OWN_FAULTS
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.sweep import sweep

# No source can have such a name.
DELIVERIES, HEALTH, HEARTBEAT, DEADLINES = " deliveries", " health", " heartbeat", " deadlines"
_SMTP_COMMANDS = 10  # in a dialogue with a mail server, each of which may take the whole timeout
_RELOAD = "the configuration was changed and another process applied it; reload the daemon"
_WARNINGS = (Outcome.FAILED, Outcome.STALE, Outcome.HELD)


class Jobs(ABC):
    """The jobs of one process. `settings` is the configuration in force; a reload replaces it."""

    claim = CLAIM  # how long a delivery belongs to the process that sends it

    def __init__(
        self,
        settings: Settings,
        create_monitor: Callable[[Settings], Monitor],
        clock: Clock,
        load: Callable[[], Settings],
    ) -> None:
        """`load` reads the configuration again and raises ConfigError if it cannot be used."""
        self.settings = settings
        self.watchdog = Watchdog(clock)
        self.self_check = SelfCheck(lambda: self.settings, self.open_monitor, clock)
        self.stopping = threading.Event()  # running checks and deliveries end at the next group or message
        self._create_monitor = create_monitor
        self._clock = clock
        self._load = load
        self._log = structlog.get_logger("watcher.daemon")

    def open_monitor(self) -> Monitor:
        """Return a monitor for the calling thread, a context manager."""
        return self._create_monitor(self.settings)

    @abstractmethod
    def start_deliveries(self, monitor: Monitor) -> None:
        """Start to send what is due. A check calls it at its end."""

    @abstractmethod
    def postpone(self, source: str, seconds: float) -> None:
        """Check a collection again after so many seconds: its server asked to wait, and groups are left."""

    def wait_for_tasks(self, signals: Signals) -> bool:
        """Wait until no task runs, for `grace` at most and only until a second signal to stop; return if none runs."""
        until = self._clock.monotonic() + self.settings.daemon.grace.total_seconds()
        while not (finished := self.watchdog.wait_until_idle(0.1)) and self._clock.monotonic() < until:
            if {signal.SIGTERM, signal.SIGINT} & set(signals.wait(0)):
                break
        return finished

    def check_source(self, source: SourceSettings) -> None:
        if self.stopping.is_set():  # the job waited for a thread meanwhile
            return
        with self.run("check not recorded", self.budget(source), source=source.name), self.open_monitor() as monitor:
            if self._is_reload_due(monitor, source):
                result = monitor.fail(source, ReadSettingsError(source.name, _RELOAD))
            else:
                result = monitor.check(source, self.report_progress)
            self._log_result(source.name, self._count(source.name, result))
            self.start_deliveries(monitor)
        runtime.return_free_memory()

    def report_progress(self, done: int, total: int) -> None:  # noqa: ARG002 - a `Progress`
        self.watchdog.report_progress()

    def _is_reload_due(self, monitor: Monitor, source: SourceSettings) -> bool:
        """Return whether a command derived the history by settings that were changed since the last reload.

        Without this the daemon and commands would derive it again in turn.
        """
        if not monitor.store.history.find_pending_settings(source.name, source.read_settings):
            return False
        try:
            changed = {other.name: other.read_settings for other in self._load().registries}
        except ConfigError:
            return False
        return changed.get(source.name, source.read_settings) != source.read_settings

    def check_collection(self, settings: CollectionSettings) -> None:
        budget = self.budget(settings)
        with self.run("collection not checked", budget, source=settings.name), self.open_monitor() as monitor:
            index = monitor.check_index(settings)
            if index is not None:
                self._log_result(settings.name, self._count(settings.name, index))
                if index.outcome is Outcome.FAILED and settings.is_local:
                    return
            try:
                self._check_groups(monitor, settings)
            except Exception as error:  # noqa: BLE001 - recorded, and the operators are notified
                self._log_result(settings.name, self._count(settings.name, monitor.fail(settings, error)))
            self.start_deliveries(monitor)
        runtime.return_free_memory()

    def _check_groups(self, monitor: Monitor, settings: CollectionSettings) -> None:
        collection = monitor.collection(settings)
        due = collection.groups_due(self._clock.now())
        counts: Counter[str] = Counter()
        with sweep(monitor, settings, due) as checks:
            for group in checks:
                if self.stopping.is_set():
                    break
                with self.run("check not recorded", self.budget(group), source=group.name):
                    result = self._count(settings.name, checks.check(group, self.report_progress))
                    counts[str(result.outcome)] += 1
                    if result.outcome is not Outcome.UNCHANGED:
                        self._log_result(group.name, result)
        left = len(due) - counts.total()
        self._log.info("collection checked", source=settings.name, left=left, refused=collection.refused, **counts)
        if left and (seconds := monitor.blocked_for(due[-1].settings.url)):
            self.postpone(settings.name, seconds + 1)

    def _count(self, source: str, result: CheckResult) -> CheckResult:
        self.self_check.count_check(source, str(result.outcome))
        return result

    def _log_result(self, source: str, result: CheckResult) -> None:
        log = self._log.warning if result.outcome in _WARNINGS else self._log.info
        if result.reason in OWN_FAULTS:
            log = self._log.error
        events = [event.summary for event in result.comparison.events] if result.comparison else None
        if result.rederivation:
            self._log.info("history derived again", source=source, **asdict(result.rederivation))
        more = {"traceback": result.details} if result.details else {}
        log("checked", source=source, outcome=str(result.outcome), message=result.message, events=events, **more)

    def check_health(self) -> None:
        with self.run("self check failed", self.hung_after, source=HEALTH):
            self.self_check.check_schedule()

    def check_deadlines(self) -> None:
        with self.run("deadlines not checked", self.hung_after, source=DEADLINES), self.open_monitor() as monitor:
            if deliveries := check_deadlines(monitor):
                self._log.info("deadlines passed", messages=len(deliveries))

    def send_heartbeat(self) -> None:
        heartbeat = self.settings.heartbeat
        timeout = heartbeat.timeout if heartbeat else 0
        with self.run("heartbeat not sent", self.hung_after + timeout, source=HEARTBEAT):
            self.self_check.send_heartbeat()

    def deliver(self, channel: str) -> None:
        budget = self.hung_after + _SMTP_COMMANDS * self.settings.smtp.timeout
        source = f"{DELIVERIES} {channel}"
        with self.run("deliveries not sent", budget, source=source), self.open_monitor() as monitor:
            report = deliver_channel(monitor, channel, self._may_send_next, claim=self.claim)
            if report != DeliveryReport():
                log = self._log.warning if report.retried or report.failed else self._log.info
                log("delivered", channel=channel, sent=report.sent, retried=report.retried, failed=report.failed)

    def _may_send_next(self) -> bool:
        """Report progress before each message; what is left at a stop is sent after the next start."""
        self.watchdog.report_progress()
        return not self.stopping.is_set()

    @property
    def hung_after(self) -> float:
        """The seconds beyond its own deadlines after which a task hangs."""
        return self.settings.daemon.hung_after.total_seconds()

    def budget(self, source: AnySource) -> float:
        """Return the seconds after which a check counts as hung: the deadlines of its fetches and `hung_after`."""
        fetches = 2 if isinstance(source, SourceSettings) and source.also else 1
        transfer = LONGEST_TRANSFER if isinstance(source, CollectionSettings) and source.rsync else 0
        return self.settings.fetch.deadline * fetches + transfer + self.hung_after

    @contextmanager
    def run(self, failure: str, budget: float, *, source: str) -> Iterator[None]:
        """Run the block as a task of the watchdog; every error ends here, in the log. The job runs again when due."""
        with self.watchdog.task(source, budget):
            try:
                yield
            except WatcherError as error:
                self._log.error(failure, source=source, error=str(error))
            except Exception:  # noqa: BLE001 - a defect of ours in one source must not end the others
                self._log.exception(failure, source=source)
