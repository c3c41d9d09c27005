"""The event streams of one server: how many there are, and when they end."""

from __future__ import annotations

import threading

_MOST = 16  # at a time, each of which keeps one of the server's connections


class Streams:
    """Counts the clients that read a stream. When the server stops, `closing` is set, and each stream ends."""

    def __init__(self, most: int = _MOST) -> None:
        self.closing = threading.Event()
        self.count = 0
        self._most = most
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Take a place; return whether there was one. `leave` gives it back."""
        with self._lock:
            has_place = self.count < self._most
            self.count += has_place
        return has_place

    def leave(self) -> None:
        with self._lock:
            self.count -= 1
