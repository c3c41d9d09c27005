"""A worker: one of any number of processes, on any number of hosts, that share a history in PostgreSQL.

What is to be done is in the table `work` (the next check of a source) and in the outbox; a job only wakes a worker up.
One worker is elected to sweep both and to make a job for what is due (`work_scheduler`). Any worker takes the job
(`job_queue`), claims the work for the length of a lease, does it with the code of the daemon, and sets when it is due
again (`worker_jobs`). If a worker dies, its leases end and its work is due again. If it was only slow, the store
refuses what it writes.

The main thread waits for signals and sends keep-alives; it never uses the database, so it cannot hang.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import structlog

from watcher.config.settings import Settings
from watcher.core import runtime
from watcher.core.clock import Clock, SystemClock
from watcher.core.errors import StoreError, UsageError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.daemon.main_loop import MainLoop
from watcher.daemon.sd_notify import notify, reloading, status
from watcher.daemon.signals import Signals
from watcher.daemon.workers.control import WorkerControl
from watcher.daemon.workers.job_queue import VERSION, JobQueue, limit_log, read_schema
from watcher.daemon.workers.work_scheduler import WorkScheduler
from watcher.daemon.workers.worker_jobs import WorkerJobs
from watcher.monitor.failures import failed_result
from watcher.monitor.monitor import Monitor
from watcher.store.postgresql.election import Election

_EXTENSIONS = 4  # of a lease before it ends


class Worker(MainLoop):
    """Checks and delivers beside others until a signal stops it. Raises UsageError for a history in SQLite."""

    def __init__(self, settings: Settings, *, clock: Clock | None = None, load: Callable[[], Settings]) -> None:
        """`load` reads the configuration again and raises ConfigError if it cannot be used."""
        self._clock = clock or SystemClock()
        self._load = load
        self._log = structlog.get_logger("watcher.worker")
        url = settings.store.location
        if not isinstance(url, PostgresqlUrl):
            raise UsageError("workers share a history in PostgreSQL; set url in [store], or use `watcher run`")
        limit_log()
        with Monitor(settings) as monitor:  # creates the history, unless the archive shows that it is lost
            monitor.store.work.create(read_schema(), VERSION)
        self._control = WorkerControl(url, settings.worker.lease.total_seconds())
        self.jobs: WorkerJobs = WorkerJobs(settings, self._clock, load, self._control)
        self._queue = JobQueue(url, settings.worker.jobs, self.jobs)
        self._scheduler = WorkScheduler(Election(url), self.jobs, self._control, self._clock)
        self._extending = threading.Thread(target=self._extend, name="leases", daemon=True)
        self._ended = threading.Event()

    def run(self) -> bool:
        """Run until SIGTERM or SIGINT. Returns False if work was still running at the end (ending it is safe)."""
        runtime.return_large_blocks_at_once()
        runtime.use_small_stacks()
        with (
            Signals(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals,
            self.jobs.self_check.serve_pages(),
        ):
            self._control.register()
            for part in (self._extending, self._queue, self._scheduler):
                part.start()
            notify(f"READY=1\n{status(self.describe())}")
            self._log.info("working", worker=self._control.worker, jobs=self.jobs.settings.worker.jobs)
            self.wait_for_stop(signals)
            notify(f"STOPPING=1\n{status('finishing running work')}")
            self._queue.close()
            finished = self.jobs.wait_for_tasks(signals)
        self._scheduler.close()
        self._ended.set()
        self._extending.join(1)
        self.jobs.close()
        self._control.close()
        self._log.info("stopped" if finished else "stopped with unfinished work; another worker does it")
        return finished

    def describe(self) -> str:
        return f"worker {self._control.worker}"

    def reload(self) -> None:
        notify(reloading())
        try:
            self.jobs.settings = self._load()
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the old configuration stays in force
            result = failed_result(error, self.jobs.settings.store.location)
            more = {"details": result.details} if result.details else {}
            self._log.error("configuration refused; the old one stays in force", problems=result.message, **more)
        else:
            self._log.info("configuration reloaded")
        notify(f"READY=1\n{status(self.describe())}")

    def _extend(self) -> None:
        """Extend the leases of this worker and of its work until it ends."""
        while not self._ended.wait(self._control.lease / _EXTENSIONS):
            try:
                self._control.extend()
            except StoreError as error:
                self._log.warning("leases not extended", error=str(error))
