"""Run a program with a text on its standard input, a clean environment and a deadline."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from watcher.core.clock import SystemClock

_KEPT = 4096  # bytes of standard error, the last
_CHUNK = 65536
_MOST_CHUNKS = 16  # a pipe has 1 MiB at most
SAFE_PATH = "/usr/local/bin:/usr/bin:/bin"


class ProgramResult(Struct, frozen=True, kw_only=True):
    """How a program ended: exit code (negative: the signal; None: the deadline), and the end of its standard error."""

    code: int | None
    errors: str


def run_program(
    command: Sequence[str], *, text: str, folder: Path, environment: Mapping[str, str], seconds: float
) -> ProgramResult:
    """Run a program without a shell and return how it ended. Raises OSError if it cannot be started.

    Its whole process group is killed when it ends or the deadline has passed, so that nothing it started stays.
    """
    with tempfile.TemporaryFile() as standard_input:
        # A file, not a pipe: a program that does not read its input does not keep the writer waiting.
        standard_input.write(text.encode())
        standard_input.seek(0)
        process = subprocess.Popen(  # noqa: S603 - the operator's own command; its permissions were checked
            [*command],
            stdin=standard_input,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env=dict(environment),
            start_new_session=True,
        )
    with process:
        assert process.stderr is not None  # noqa: S101 - for mypy: it is a pipe
        errors = _ErrorReader(descriptor=process.stderr.fileno())
        try:
            has_ended = _wait(process.pid, errors, seconds)
        finally:
            # Before `wait`: until then no other process group can have the number.
            with suppress(ProcessLookupError, PermissionError):  # nobody is left, or it runs as another user
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        errors.read_rest()
    return ProgramResult(code=code if has_ended else None, errors=errors.last.decode("utf-8", "replace"))


def _wait(process: int, errors: _ErrorReader, seconds: float) -> bool:
    """Read a process's errors until it ends, and leave it as it is; return False if it takes longer."""
    clock = SystemClock()
    until = clock.monotonic() + seconds
    descriptor = os.pidfd_open(process)
    try:
        while (left := until - clock.monotonic()) > 0:
            watched = [descriptor] if errors.is_closed else [descriptor, errors.descriptor]
            readable, _, _ = select.select(watched, [], [], left)
            if descriptor in readable:
                return True
            if readable:
                errors.read()
        return False
    finally:
        os.close(descriptor)


class _ErrorReader(Struct, kw_only=True):
    """Reads a pipe that is readable, and keeps the last bytes."""

    descriptor: int
    is_closed: bool = False
    last: bytes = b""

    def read(self) -> None:
        chunk = os.read(self.descriptor, _CHUNK)
        self.is_closed = not chunk
        self.last = (self.last + chunk)[-_KEPT:]

    def read_rest(self) -> None:
        """Read what is in the pipe now; a process that is not of the group may hold it open."""
        for _ in range(_MOST_CHUNKS):
            if self.is_closed or not select.select([self.descriptor], [], [], 0)[0]:
                return
            self.read()
