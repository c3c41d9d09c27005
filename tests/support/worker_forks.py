"""Worker processes that start quickly: a process that has everything imported forks one child for each worker.

It has also read the configuration, which takes a second for 4,000 sources.

A child runs the command `watcher worker` as it is.
"""

from __future__ import annotations

import gc
import os
import resource
import signal
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

from tests.support.fork_server import ForkServer, redirect_output, run_command, serve
from watcher.cli import worker
from watcher.cli.context import load_settings
from watcher.config.settings import Settings
from watcher.core.lazy import LAZY

# What a worker imports on first use.
_LAZY = (
    *("acknowledgements", "alarms_table", "channel_failures", "deadlines", "failures", "holds", "http", "moves"),
    *("outbox", "postgresql", "postgresql_database", "release_writer", "traceback", "urllib3", "work_tables", "worker"),
)
_MODULES = ("_strptime", "psycopg_pool", "asgiref.sync")


class WorkerForks(ForkServer):
    """The process that forks; a context manager. Workers that run when it or the test ends are killed."""

    def __init__(self, folder: Path) -> None:
        super().__init__("tests.support.worker_forks")
        self._folder = folder
        self.running: list[int] = []
        self.configs: dict[int, Path] = {}  # of each process

    def start(self, config: Path) -> int:
        """Start a worker and return the number of its process."""
        pid = int(self.order(do="start", config=str(config), log=str(self._folder / "workers.log")))
        self.running.append(pid)
        self.configs[pid] = config
        return pid

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> int:
        """End a worker and return its exit code: that of SIGTERM is 0 when it ended in order."""
        self.running.remove(pid)
        return int(self.order(do="end", pid=pid, signal=int(number)))

    def find_exit_code(self, pid: int) -> int | None:
        """Return the exit code of a worker that ended by itself; None if it runs."""
        code = self.order(do="find", pid=pid)
        if code is None:
            return None
        self.running.remove(pid)
        return int(code)

    def cpu_seconds(self) -> float:
        """Return what the workers that ended have used."""
        return float(self.order(do="cpu"))

    @property
    def log(self) -> str:
        path = self._folder / "workers.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in [*self.running]:
            self.kill(pid)
        super().__exit__(kind, error, trace)


def _child(config: str, log: str, settings: Settings) -> NoReturn:
    redirect_output(log, append=True)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    worker.load_settings = lambda _: settings
    run_command(["--config", config, "worker"])


def _obey(order: dict[str, Any], read: dict[str, Settings], running: set[int]) -> float | None:
    if order["do"] == "start":
        config = order["config"]
        if config not in read:
            read[config] = load_settings(Path(config))
            gc.freeze()
        child = os.fork()
        if child == 0:
            _child(config, order["log"], read[config])
        running.add(child)
        return child
    if order["do"] == "end":
        running.discard(order["pid"])
        os.kill(order["pid"], order["signal"])
        return os.waitstatus_to_exitcode(os.waitpid(order["pid"], 0)[1])
    if order["do"] == "find":
        ended, status = os.waitpid(order["pid"], os.WNOHANG)
        running.discard(ended)
        return os.waitstatus_to_exitcode(status) if ended else None
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _serve() -> None:
    read: dict[str, Settings] = {}
    running: set[int] = set()
    serve([*(LAZY[name] for name in _LAZY), *_MODULES], lambda order: _obey(order, read, running))
    for child in running:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
