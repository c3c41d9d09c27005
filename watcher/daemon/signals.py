"""Signals as values, read by the main thread when it is ready for them.

No code of ours runs inside a signal handler: a handler that sets a `threading.Event` may interrupt the main thread
while it holds that event's lock. The interpreter writes the number of each signal to a socket, and `wait` reads them.
"""

from __future__ import annotations

import select
import signal
import socket
from types import FrameType, TracebackType
from typing import Self


class Signals:
    """Collects the given signals; a context manager for the main thread."""

    def __init__(self, *numbers: signal.Signals) -> None:
        self._numbers = numbers
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)

    def wait(self, seconds: float) -> list[int]:
        """Wait for a signal for so many seconds at most; return the signals received, in order."""
        ready, _, _ = select.select([self._reader], [], [], seconds)
        return [number for number in self._reader.recv(4096) if number in self._numbers] if ready else []

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, _ignore) for number in self._numbers}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(-1)
        self._reader.close()
        self._writer.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the interpreter writes the number to the socket."""
