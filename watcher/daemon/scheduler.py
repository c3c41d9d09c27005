"""When jobs run, and in which threads: APScheduler with the settings that the daemon needs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor as Threads
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from apscheduler.events import EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED
from apscheduler.executors.pool import BasePoolExecutor
from apscheduler.jobstores.base import JobLookupError
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

# Shared by the jobs that have no thread to themselves; started when they are needed. A check keeps its thread while it
# waits for a server, so with fewer a dozen servers that answer a byte at a time would keep the other sources waiting.
_THREADS = 64
_SHARED = "default"  # as APScheduler names the executor of jobs that name none


class CatchUpOnceTrigger(BaseTrigger):  # type: ignore[misc] # apscheduler ships no types
    """Fires once per interval, and once for all the times that were missed.

    APScheduler's interval trigger lists every missed time before it merges them: sixty million of a five-second job
    after the clock is set ahead by ten years.
    """

    __slots__ = ("_every", "_jitter")

    def __init__(self, every: timedelta, jitter: Callable[[], timedelta] = timedelta) -> None:
        """`jitter` returns a random delay, which is added to each time."""
        self._every = every
        self._jitter = jitter

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        if previous is None:
            return now
        due = previous + self._every
        return (due if due > now else now + self._every) + self._jitter()


class PatientThreads(Threads):
    """A thread pool that works with the threads it has when the system starts no more of them.

    The standard pool raises RuntimeError then, and runs the function all the same as soon as it has a thread.
    """

    def start_first(self) -> None:
        """Start a thread, so that from now on a function waits at most for others. Raises RuntimeError."""
        self.submit(int)

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError:
            if not self._threads:
                raise


class PatientExecutor(BasePoolExecutor):  # type: ignore[misc] # apscheduler ships no types
    """Runs the jobs of APScheduler, which forgets those that could not be submitted, in patient threads."""

    def __init__(self, threads: int) -> None:
        super().__init__(PatientThreads(threads))

    def start(self, scheduler: BackgroundScheduler, alias: str) -> None:
        super().start(scheduler, alias)
        self._pool.start_first()


class NamedThreads:
    """A thread pool that runs one function at most once at a time per name. Starting never waits."""

    def __init__(self, threads: int, run: Callable[[str], None]) -> None:
        self._threads = PatientThreads(threads, thread_name_prefix="daemon")
        self._run = run
        self._lock = threading.Lock()
        self._running: set[str] = set()
        self._closed = False

    def start(self, name: str) -> None:
        """Run the function for a name, unless it is running for it. RuntimeError: there is no thread at all."""
        with self._lock:
            if name in self._running or self._closed:
                return
            self._running.add(name)
            try:
                self._threads.submit(self._run_one, name)
            except RuntimeError:
                # The pool keeps what it could not start, and a thread may run it later: then twice, which is allowed.
                self._running.discard(name)
                raise

    def close(self) -> None:
        """Start nothing from now on; what is running goes on."""
        with self._lock:
            self._closed = True
            self._threads.shutdown(wait=False, cancel_futures=True)

    def _run_one(self, name: str) -> None:
        try:
            self._run(name)
        finally:
            with self._lock:
                self._running.discard(name)


class JobScheduler:
    """The jobs of one daemon by name. A late job runs late, once; a job never runs twice at the same time."""

    def __init__(self) -> None:
        self.apscheduler = BackgroundScheduler(
            timezone=UTC,
            executors={_SHARED: PatientExecutor(_THREADS)},
            # APScheduler drops a job that is more than a second late unless misfire_grace_time has no value.
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
        )
        self._own_threads: set[str] = set()

    def call_when_skipped(self, listener: Callable[[str], None]) -> None:
        """Call a function with the name of each job that came due while it was still running."""
        mask = EVENT_JOB_MAX_INSTANCES | EVENT_JOB_MISSED
        self.apscheduler.add_listener(lambda event: listener(event.job_id), mask)

    def start(self) -> None:
        self.apscheduler.start()

    def stop(self) -> None:
        """Start no job from now on; what is running goes on."""
        self.apscheduler.shutdown(wait=False)

    def add(
        self,
        name: str,
        run: Callable[..., None],
        trigger: CatchUpOnceTrigger,
        first: datetime,
        *arguments: Any,
        own_thread: bool = False,
    ) -> None:
        """Add a job; with `own_thread` it waits for no other job."""
        executor = _SHARED
        if own_thread:
            executor = f"only {name}"
            if name not in self._own_threads:
                executor = self._add_thread(name, executor)
        self.apscheduler.add_job(run, trigger, args=arguments, id=name, executor=executor, next_run_time=first)

    def _add_thread(self, name: str, executor: str) -> str:
        """Add an executor for one job and return its name; that of the shared threads if it has no thread."""
        try:
            self.apscheduler.add_executor(PatientExecutor(1), executor)
        except RuntimeError:
            self.apscheduler.remove_executor(executor)
            return _SHARED
        self._own_threads.add(name)
        return executor

    def remove_all_but(self, names: set[str]) -> None:
        for name in self.times().keys() - names:
            self.apscheduler.remove_job(name)

    def times(self) -> dict[str, datetime]:
        return {job.id: job.next_run_time for job in self.apscheduler.get_jobs()}

    def move(self, name: str, time: datetime) -> None:
        """Set the next time of a job, if it is still there."""
        # A second job in place of a move would count as skipped when both come due together.
        with suppress(JobLookupError):
            self.apscheduler.modify_job(name, next_run_time=time)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Start no job during the block. Jobs are changed in place, so the scheduler still knows which ones run."""
        self.apscheduler.pause()
        try:
            yield
        finally:
            self.apscheduler.resume()
