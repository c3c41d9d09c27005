"""Limit how often a host gets a request, and honour Retry-After. All threads of a process share one limiter."""

from __future__ import annotations

import threading
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from msgspec import Struct, field

from watcher.core.clock import Clock, SystemClock

JITTER = 0.5


class HostLimiter(Protocol):
    """Says when a host may get a request: for the threads of a process, or for all workers of a history."""

    def lock_host(self, host: str) -> AbstractContextManager[float]:
        """Wait for the lock of a host and keep it for the block; yield the seconds that this took."""
        ...

    def reserve(self, host: str) -> float:
        """Reserve the next free moment for a request to a host; return the seconds until then."""
        ...

    def confirm(self, host: str) -> None:
        """Raise StoreError if the lock of a host was lost meanwhile. Call it before a request."""
        ...

    def block(self, host: str, seconds: float) -> None:
        """Record that a host asked for no requests for so many seconds; a longer recorded pause stays."""
        ...

    def blocked_for(self, host: str) -> float:
        """Return the seconds until a host takes requests again; 0 if it takes them now."""
        ...


class HostRateLimiter(Struct):
    """Keeps `interval` seconds, and up to half as many more, between two requests to a host."""

    interval: float = 0.0
    clock: Clock = field(default_factory=SystemClock)
    _next: dict[str, float] = field(default_factory=dict)
    _blocked: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def lock_host(self, host: str) -> AbstractContextManager[float]:  # noqa: ARG002 - a HostLimiter's signature
        """Lock nothing: threads that wait for a slow host do not wait for each other."""
        return nullcontext(0.0)

    def reserve(self, host: str) -> float:
        """Reserve the next free moment for a request to a host; return the seconds until then."""
        now = self.clock.monotonic()
        with self._lock:
            reserved = max(now, self._next.get(host, now))
            self._next[host] = reserved + self.interval * (1 + JITTER * self.clock.jitter())
        return reserved - now

    def confirm(self, host: str) -> None:
        """Do nothing: there is no lock that can be lost."""

    def block(self, host: str, seconds: float) -> None:
        """Record that a host asked for no requests for so many seconds; a longer recorded pause stays."""
        now = self.clock.monotonic()
        with self._lock:
            self._blocked[host] = max(now + seconds, self._blocked.get(host, now))

    def blocked_for(self, host: str) -> float:
        """Return the seconds until a host takes requests again; 0 if it takes them now."""
        now = self.clock.monotonic()
        with self._lock:
            return max(self._blocked.get(host, now) - now, 0.0)
