"""Run the command line in processes that are killed with SIGKILL before a chosen step, or at any moment.

A *step* is what reaches the world: a statement that writes to the database, a write to a file, fsync, rename, unlink,
mkdir, the start of a program and its end, a send or a receive on a socket. The product knows nothing of this: the
killed process wraps these calls before it calls `main`.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, NoReturn

import time_machine

import watcher
from tests.support.fork_server import ForkServer, check_twice, redirect_output, run_command, serve
from watcher.core.lazy import LAZY

LONG_AGO = "2020-01-01T00:00:00Z"  # the time of checks that are due again
_WRITES = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT", "ROLLBACK", "CREATE")
_FILES = ("write", "fsync", "rename", "replace", "unlink", "mkdir", "killpg")
_IDLE = """SELECT NOT EXISTS (SELECT 1 FROM outbox WHERE state IN ('pending', 'gathering')) AND NOT EXISTS
  (SELECT 1 FROM checks GROUP BY source HAVING max(at) <= ?)"""
_PATIENCE = 60.0  # seconds until a daemon is stopped that does not become idle
_SOCKETS = ("connect", "sendall", "recv_into", "recv")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a run: its exit code (negative: the signal that killed it), the steps that it reached, its output."""

    code: int
    steps: tuple[str, ...]
    output: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class ProcessKiller(ForkServer):
    """The process that forks; a context manager."""

    def __init__(self) -> None:
        super().__init__("tests.support.process_killer")

    def run(
        self,
        config: Path,
        *arguments: str,
        at: int | None = None,
        after: float | None = None,
        now: datetime | None = None,
        until_idle: bool = False,
    ) -> Ended:
        """Type a command. It is killed before its step `at` (from 1), or `after` seconds; `now` is what its clock says.

        `until_idle`: stop a daemon when it has checked every source once more and has nothing left to send.
        """
        answer = self.order(
            arguments=["--config", str(config), *arguments],
            at=at,
            after=after,
            now=now.isoformat() if now else None,
            until_idle=until_idle,
            scratch=str(config.parent / "run"),
        )
        return Ended(code=answer["code"], steps=tuple(answer["steps"]), output=answer["output"])


class _Steps:
    """Counts steps, writes down each before it is taken, and dies before one of them."""

    def __init__(self, log: int, at: int | None) -> None:
        self._log = log
        self._at = at
        self._number = 0
        self._write = os.write  # not the one that is a step
        self._lock = threading.RLock()

    def __call__(self, name: str) -> None:
        with self._lock:
            self._number += 1
            if self._number == self._at:
                os.kill(os.getpid(), signal.SIGKILL)
            self._write(self._log, f"{name}\n".encode())

    def before(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def stepping(*arguments: Any, **options: Any) -> Any:
            self(name)
            return call(*arguments, **options)

        return stepping

    def install(self) -> None:
        """Wrap what reaches the world, in this process."""
        step = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *more: Any) -> sqlite3.Cursor:  # type: ignore[override]
                if (verb := sql.split(None, 1)[0].upper()) in _WRITES:
                    step(verb)
                return super().execute(sql, *more)

            def executemany(self, sql: str, *more: Any) -> sqlite3.Cursor:  # type: ignore[override]
                step(sql.split(None, 1)[0].upper())
                return super().executemany(sql, *more)

        sqlite3.connect = partial(sqlite3.connect, factory=Connection)  # type: ignore[assignment]
        for name in _FILES:
            setattr(os, name, self.before(name, getattr(os, name)))
        subprocess.Popen.__init__ = self.before("Popen", subprocess.Popen.__init__)  # type: ignore[method-assign]
        for name in _SOCKETS:
            setattr(socket.socket, name, self.before(name, getattr(socket.socket, name)))


def _child(order: dict[str, Any]) -> NoReturn:
    scratch = order["scratch"]
    redirect_output(f"{scratch}.output")
    log = os.open(f"{scratch}.steps", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    _Steps(log, order["at"]).install()
    if order["until_idle"]:
        history = f"{Path(scratch).with_name('history.db').as_uri()}?mode=ro"
        threading.Thread(target=_stop_when_idle, args=(history, sqlite3.connect), daemon=True).start()
    now = datetime.fromisoformat(order["now"]) if order["now"] else None
    with time_machine.travel(now, tick=False) if now else nullcontext():
        run_command(order["arguments"])


def _stop_when_idle(history: str, connect: Callable[..., sqlite3.Connection]) -> None:
    """End this process as an operator does when its work is done. `connect` is not wrapped: it counts no steps."""
    end = time.monotonic() + _PATIENCE
    done = False
    while not done and time.monotonic() < end:
        time.sleep(0.02)
        # The file is locked, or waits for a writer to roll it back.
        with suppress(sqlite3.Error), closing(connect(history, uri=True, timeout=0)) as plain:
            (done,) = plain.execute(_IDLE, [LONG_AGO]).fetchone()
    os.kill(os.getpid(), signal.SIGTERM)


def _run(order: dict[str, Any]) -> dict[str, Any]:
    signal.sigtimedwait({signal.SIGCHLD}, 0)  # of the run before
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        _child(order)
    if order["after"] is not None:
        signal.sigtimedwait({signal.SIGCHLD}, order["after"])
        os.kill(child, signal.SIGKILL)  # a child that has ended is still there to be waited for
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    read = [Path(f"{order['scratch']}.{name}") for name in ("steps", "output")]
    steps, output = (path.read_text("utf-8", "replace") if path.exists() else "" for path in read)
    return {"code": code, "steps": steps.split(), "output": output}


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    names = [*(module.name for module in walk_packages(watcher.__path__, "watcher.")), *LAZY.values(), "_strptime"]
    serve(names, _run, warm_up=check_twice)
