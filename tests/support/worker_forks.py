"""Worker processes that start quickly: a process that has everything imported forks one child for each worker.

It has also read the configuration, which takes a second for 4,000 sources.

`python -m tests.support.worker_forks` reads orders, one JSON object a line, and answers each with one line. A child
runs the command `watcher worker` as it is.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from watcher.__main__ import main
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


class WorkerForks:
    """The process that forks; a context manager. Workers that run when it or the test ends are killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.worker_forks"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.running: list[int] = []

    def _order(self, **order: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def start(self, config: Path) -> int:
        """Start a worker and return the number of its process."""
        pid = int(self._order(do="start", config=str(config), log=str(self._folder / "workers.log")))
        self.running.append(pid)
        return pid

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> int:
        """End a worker and return its exit code: that of SIGTERM is 0 when it ended in order."""
        self.running.remove(pid)
        return int(self._order(do="end", pid=pid, signal=int(number)))

    def cpu_seconds(self) -> float:
        """Return what the workers that ended have used."""
        return float(self._order(do="cpu"))

    @property
    def log(self) -> str:
        path = self._folder / "workers.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pid in [*self.running]:
            self.kill(pid)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()


def _child(config: str, log: str, settings: Settings) -> None:
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.argv = ["watcher", "--config", config, "worker"]
    worker.load_settings = lambda _: settings
    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _obey(order: dict[str, Any], read: dict[str, Settings], running: set[int]) -> float:
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
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _serve() -> None:
    for name in (*(LAZY[name] for name in _LAZY), *_MODULES):
        import_module(name)
    gc.freeze()
    read: dict[str, Settings] = {}
    running: set[int] = set()
    for line in sys.stdin:
        print(json.dumps(_obey(json.loads(line), read, running)), flush=True)
    for child in running:
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
