"""The event streams of one server: how many there are, and when they end."""

from __future__ import annotations

import threading

_MOST = 16  # at a time, each of which keeps one of the server's connections


class Streams:
    """Counts the clients that read a stream. `closing` is set when the server stops: each stream then ends."""

    def __init__(self, most: int = _MOST) -> None:
        self.closing = threading.Event()
        self._free = threading.BoundedSemaphore(most)

    def enter(self) -> bool:
        """Take a place; return whether there was one. `leave` gives it back."""
        return self._free.acquire(blocking=False)

    def leave(self) -> None:
        self._free.release()
