"""The queue of jobs: procrastinate, whose jobs are rows of the same database and wake workers up through NOTIFY.

A job says only that a piece of work may be due. One that is lost, runs twice or comes too late does no harm: the worker
claims the work before it does anything, and the scheduler makes a new job for what is due and has none. So a job has a
`lock` (no two of one piece of work run at the same time), no `queueing_lock` and no retries: with both, one failure
leaves a job that never ends, and its work is never done again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import procrastinate
import structlog
from procrastinate import exceptions, jobs
from procrastinate.schema import SchemaManager

from watcher.core.postgresql_url import PostgresqlUrl
from watcher.core.work import CHECK, WorkItem
from watcher.daemon.workers.worker_jobs import WorkerJobs

_QUEUE, _TASK = "work", "work"
_CONNECTIONS = 4  # that fetch and finish jobs; one more listens
_POLL = 5.0  # seconds, in case a notification is lost
_AGAIN = 1.0  # seconds until the queue is opened again after an error
_LOGGER = "procrastinate"  # it says more of each job than this program of each check
VERSION = f"procrastinate {procrastinate.__version__}"


def limit_log() -> None:
    """Let the library log warnings and errors only."""
    logging.getLogger(_LOGGER).setLevel(logging.WARNING)


def read_schema() -> str:
    """Return the SQL that creates the tables of the queue."""
    return SchemaManager.get_schema()


class JobQueue:
    """Takes jobs in a thread of its own and does their work in `threads` others, until it is closed."""

    def __init__(self, url: PostgresqlUrl, threads: int, jobs: WorkerJobs) -> None:
        self._url = url
        self._threads = threads
        self._jobs = jobs
        self._log = structlog.get_logger("watcher.worker")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="queue", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Take no more jobs; those that are running go on."""
        self._closed.set()
        loop, serving = self._loop, self._serving
        if loop is not None and serving is not None and not loop.is_closed():
            loop.call_soon_threadsafe(serving.cancel)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                asyncio.run(self._serve())
            except (exceptions.ProcrastinateException, OSError, asyncio.CancelledError) as error:
                if not self._closed.is_set():
                    self._log.warning("the queue is opened again", error=_explain(error))
            except Exception:  # noqa: BLE001 - jobs are taken again, whatever it was
                self._log.exception("the queue is opened again")
            self._closed.wait(_AGAIN)

    async def _serve(self) -> None:
        self._loop, self._serving = asyncio.get_running_loop(), asyncio.current_task()
        self._loop.set_default_executor(ThreadPoolExecutor(self._threads, thread_name_prefix="worker"))
        if self._closed.is_set():
            return
        app = procrastinate.App(
            connector=procrastinate.PsycopgConnector(
                conninfo=self._url, min_size=1, max_size=_CONNECTIONS, timeout=30, kwargs={"connect_timeout": 10}
            )
        )

        @app.task(name=_TASK)
        def work(kind: str, name: str) -> None:
            self._jobs.work(WorkItem(kind=kind, name=name))

        async with app.open_async():
            await app.run_worker_async(
                concurrency=self._threads,
                wait=True,
                fetch_job_polling_interval=_POLL,
                delete_jobs="always",
                install_signal_handlers=False,
                listen_notify=True,
            )


class JobMaker:
    """Makes jobs and removes those that hang, over a connection of psycopg; for the scheduler's thread."""

    def __init__(self) -> None:
        self._app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
        self._unclaimed: dict[int, float] = {}  # running jobs whose work nobody has claimed → since when

    def add(self, items: Iterable[WorkItem], connection: Any) -> None:
        queued = [
            jobs.Job(
                queue=_QUEUE,
                lock=item.lock,
                queueing_lock=None,
                task_name=_TASK,
                task_kwargs={"kind": item.kind, "name": item.name},
                priority=0 if item.kind == CHECK else 1,
            )
            for item in items
        ]
        if queued:
            self._app.job_manager.batch_defer_jobs(queued, connection=connection)

    def remove_hanging(self, connection: Any, claimed: set[str], now: float, lease: float) -> int:
        """Remove jobs that count as running and whose work nobody has claimed for a whole lease; return how many.

        Their worker died, or could not report the end of the job. Their locks would keep new jobs waiting.
        """
        rows = connection.execute("SELECT id, lock FROM procrastinate_jobs WHERE status = 'doing'").fetchall()
        unclaimed = {number for number, lock in rows if lock not in claimed}
        self._unclaimed = {number: self._unclaimed.get(number, now) for number in unclaimed}
        hanging = [number for number, since in self._unclaimed.items() if now - since > lease]
        if hanging:
            connection.execute("DELETE FROM procrastinate_jobs WHERE status = 'doing' AND id = ANY(%s)", [hanging])
        return len(hanging)


def _explain(error: BaseException) -> str:
    cause = error.__cause__ or error
    return f"{type(cause).__name__}: {cause}"
