"""Which tasks are running, and which hang: no progress for longer than their budget. It reports and ends nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.clock import Clock


class Task(Struct, frozen=True, kw_only=True):
    """A running task of one thread; `since` is its last progress in monotonic seconds."""

    name: str
    budget: float
    since: float


class Watchdog:
    """The running tasks of all threads of one daemon."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._tasks: dict[int, list[Task]] = {}  # by thread; the innermost task is last
        self._last_progress = clock.monotonic()

    @contextmanager
    def task(self, name: str, budget: float) -> Iterator[None]:
        """Count the block as a task of the calling thread. Tasks nest; only the innermost can hang."""
        thread = threading.get_ident()
        with self._changed:
            self._last_progress = self._clock.monotonic()
            self._tasks.setdefault(thread, []).append(Task(name=name, budget=budget, since=self._last_progress))
        try:
            yield
        finally:
            with self._changed:
                self._tasks[thread].pop()
                if not self._tasks[thread]:
                    del self._tasks[thread]
                self._changed.notify_all()
            self.report_progress()

    def report_progress(self) -> None:
        """Start the budget of the calling thread's innermost task again."""
        with self._changed:
            self._last_progress = self._clock.monotonic()
            if tasks := self._tasks.get(threading.get_ident()):
                tasks[-1] = replace(tasks[-1], since=self._last_progress)

    def hung_tasks(self) -> list[Task]:
        """Return the tasks that made no progress for longer than their budget."""
        now = self._clock.monotonic()
        with self._changed:
            innermost = [tasks[-1] for tasks in self._tasks.values()]
        return [task for task in innermost if now - task.since > task.budget]

    def idle_seconds(self) -> float:
        """Return the seconds since any task began, ended or reported progress."""
        with self._changed:
            return self._clock.monotonic() - self._last_progress

    def running_names(self) -> frozenset[str]:
        with self._changed:
            return frozenset(task.name for tasks in self._tasks.values() for task in tasks)

    def wait_until_idle(self, seconds: float) -> bool:
        """Wait until no task runs; return False if one still does after so many seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._tasks, seconds)
