"""What the main thread of the daemon and of a worker does: it waits for signals and sends keep-alives to systemd.

It never uses the network, so it cannot hang. A thread cannot be ended: while a task hangs the service manager gets no
keep-alives, and ends and restarts the process.
"""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from typing import Any

from watcher.daemon.jobs import Jobs
from watcher.daemon.sd_notify import notify, status, watchdog_seconds
from watcher.daemon.signals import Signals

ROUND = 5.0  # seconds between two rounds of the main thread


class MainLoop(ABC):
    """The main thread of one process, from its start to SIGTERM or SIGINT."""

    jobs: Jobs
    _log: Any  # structlog's
    _hung: frozenset[str] = frozenset()

    @abstractmethod
    def describe(self) -> str:
        """Return what the process does, for those who ask the service manager."""

    @abstractmethod
    def reload(self) -> None:
        """Read the configuration again; the old one stays in force if the new one cannot be used."""

    def find_hung(self) -> set[str]:
        """Return the names of what hangs."""
        return {task.name for task in self.jobs.watchdog.hung_tasks()}

    def stop(self) -> None:
        """Make the loop end, and running tasks end where they can."""
        self.jobs.stopping.set()

    def wait_for_stop(self, signals: Signals) -> None:
        """Reload at each SIGHUP and send keep-alives, until SIGTERM, SIGINT or `stop`."""
        interval = watchdog_seconds()
        seconds = min(ROUND, interval / 3) if interval else ROUND
        while True:
            for number in signals.wait(seconds):
                if number == signal.SIGHUP:
                    self.reload()
                else:
                    self.stop()
            if self.jobs.stopping.is_set():
                return
            self.watch()

    def watch(self) -> None:
        """Do what each round does."""
        self.watch_tasks()

    def watch_tasks(self) -> None:
        """Send the service manager a keep-alive unless something hangs; log and report that once."""
        hung = frozenset(self.find_hung())
        if not hung:
            notify(f"WATCHDOG=1\n{status(self.describe())}" if self._hung else "WATCHDOG=1")
        elif hung != self._hung:
            self._log.error("hung; no more keep-alives are sent to the watchdog", tasks=sorted(hung))
            notify(status(f"hung: {', '.join(sorted(hung))}"))
        self._hung = hung
