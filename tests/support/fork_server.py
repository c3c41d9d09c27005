"""A process that has everything imported and forks one child for each run of a command.

A module that is started with `python -m` calls `serve`; `ForkServer` starts it, and sends it orders: one JSON object a
line, each answered with one line.
"""

from __future__ import annotations

import gc
import io
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import redirect_stdout, suppress
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn, Self, TextIO

from tests.support.port_releases import release, tcp
from watcher.__main__ import main
from watcher.cli.demo_servers import DemoServers


class ForkedProcess:
    """A command that runs in a child, with the methods of `subprocess.Popen`; a context manager that waits for it."""

    def __init__(self, server: ForkServer, pid: int, stderr: TextIO) -> None:
        self.pid = pid
        self.stderr = stderr
        self.returncode: int | None = None
        self._server = server

    def poll(self) -> int | None:
        """Return the exit code, None while the command runs."""
        if self.returncode is None:
            self.returncode = self._server.order(wait=self.pid, seconds=0)
        return self.returncode

    def wait(self, seconds: float) -> int:
        """Return the exit code. Raises TimeoutExpired."""
        if self.returncode is None:
            self.returncode = self._server.order(wait=self.pid, seconds=seconds)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("watcher", seconds)
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wait(60)
        self.stderr.close()


def end_process(process: subprocess.Popen[str], seconds: float = 60) -> None:
    """Close the standard input of a process, which ends then, and its output."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.wait(seconds)
    process.stdout.close()


class ForkServer:
    """The process that forks; a context manager."""

    def __init__(self, module: str, package: Path | None = None) -> None:
        """Start a module; `package` is a folder in which `watcher` is found before that of the test."""
        path = [str(package)] if package else []
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [*path, *sys.path]))}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=package,
        )

    def order(self, **order: Any) -> Any:
        """Send an order and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def run_script(self, script: str, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run a Python script in a child, as `python -c` does, in a folder; return what it wrote."""
        with tempfile.TemporaryDirectory() as name:
            out, err = Path(name) / "out", Path(name) / "err"
            code = self.order(
                script=script, arguments=arguments, folder=str(folder or Path.cwd()), out=str(out), err=str(err)
            )
            return subprocess.CompletedProcess(["-c", *arguments], code, out.read_text(), err.read_text())

    def start(self, *arguments: str, environment: Mapping[str, str] | None = None) -> ForkedProcess:
        """Start a command and return at once; its errors can be read, what it prints is lost."""
        with tempfile.TemporaryDirectory() as name:
            pipe = Path(name) / "err"
            os.mkfifo(pipe)
            pid = self.order(start=arguments, environment=dict(environment or {}), err=str(pipe))
            return ForkedProcess(self, pid, pipe.open(encoding="utf-8"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end_process(self._process)


def serve(
    modules: Iterable[str], obey: Callable[[dict[str, Any]], Any], warm_up: Callable[[], None] = lambda: None
) -> None:
    """Import modules and warm up, then answer orders until standard input ends.

    A child that imports takes two to four times as long, and most random kills hit it there.
    """
    for name in modules:
        import_module(name)
    warm_up()
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        choose = {"script": _fork_script, "start": _fork_command, "wait": _wait}
        answer = next((choice for name, choice in choose.items() if name in order), obey)
        print(json.dumps(answer(order)), flush=True)


def _fork_command(order: dict[str, Any]) -> int:
    if (child := os.fork()) == 0:
        _begin_child(os.devnull, order["err"])
        os.environ.update(order["environment"])
        run_command(order["start"])
    return child


def _wait(order: dict[str, Any]) -> int | None:
    descriptor = os.pidfd_open(order["wait"])
    try:
        ended, _, _ = select.select([descriptor], [], [], order["seconds"])
    finally:
        os.close(descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1]) if ended else None


def _begin_child(out: str, err: str) -> None:
    """Give this child other files than the pipes to the test."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, out), (2, err)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600), descriptor)


def _fork_script(order: dict[str, Any]) -> int:
    if (child := os.fork()) != 0:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    _begin_child(order["out"], order["err"])
    os.chdir(order["folder"])
    sys.argv = ["-c", *order["arguments"]]
    code = 1
    try:
        exec(order["script"], {"__name__": "__main__"})  # noqa: S102 - of a test
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    except BaseException:  # noqa: BLE001 - shown by the test
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def check_twice() -> None:
    """Check and deliver twice in this process, so that no child makes patterns, templates and validators again.

    It saves a quarter of the time of a check in a child.
    """
    with tempfile.TemporaryDirectory() as name, redirect_stdout(io.StringIO()):
        servers = DemoServers(Path(name))
        with servers.open():
            for number, rows in enumerate(([tcp("a", "1")], [tcp("a", "1"), tcp("b", "2")])):
                path = Path(name) / f"{number}.xml"
                path.write_bytes(release(rows, f"2020-01-0{number + 1}"))
                servers.publish(path)
                sys.argv = ["watcher", "--config", str(servers.config), "check"]
                with suppress(SystemExit):
                    main()


def redirect_output(path: str, *, append: bool = False) -> None:
    """Let this process write its output and errors to a file."""
    output = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_APPEND if append else os.O_TRUNC), 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)


def run_command(arguments: list[str]) -> NoReturn:
    """Run a command in this child, and end it without what the parent would do at its end."""
    sys.argv = ["watcher", *arguments]
    code = 1
    try:
        main()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
