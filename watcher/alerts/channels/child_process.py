"""Run a program with a text on its standard input, a clean environment and a deadline."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct, field

_KEPT = 4096  # bytes of standard error, the last
_CHUNK = 65536
_POLL = 0.05  # seconds
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
        reader = threading.Thread(target=errors.read, daemon=True)
        reader.start()
        try:
            has_ended = _wait(process.pid, seconds)
        finally:
            # Before `wait`: until then no other process group can have the number.
            with suppress(ProcessLookupError, PermissionError):  # nobody is left, or it runs as another user
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            errors.stop.set()
            reader.join()
    return ProgramResult(code=code if has_ended else None, errors=errors.last.decode("utf-8", "replace"))


def _wait(process: int, seconds: float) -> bool:
    """Wait for the end of a process and leave it as it is; return False if it takes longer."""
    descriptor = os.pidfd_open(process)
    try:
        readable, _, _ = select.select([descriptor], [], [], seconds)
    finally:
        os.close(descriptor)
    return bool(readable)


class _ErrorReader(Struct, kw_only=True):
    """Reads a pipe to its end, or until it is stopped and empty, and keeps the last bytes."""

    descriptor: int
    stop: threading.Event = field(default_factory=threading.Event)
    last: bytes = b""

    def read(self) -> None:
        while True:
            is_last = self.stop.is_set()
            readable, _, _ = select.select([self.descriptor], [], [], 0 if is_last else _POLL)
            if readable:
                chunk = os.read(self.descriptor, _CHUNK)
                if not chunk:
                    return
                self.last = (self.last + chunk)[-_KEPT:]
            if is_last:
                return
