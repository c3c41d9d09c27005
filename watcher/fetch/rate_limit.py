"""How often a host is asked: a pause between any two requests to it, and silence for as long as it asked for.

Knows hosts and seconds, and no network. One Pace is shared by every thread of a process, so that two sources on one
host keep its pause together. What it knows ends with the process: the first request after a start learns it again.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

_JITTER = 0.5


@dataclass(slots=True)
class HostRateLimiter:
    """At least `interval` seconds, and up to half as many more, between two requests to a host. Times are a clock's."""

    interval: float = 0.0
    jitter: Callable[[], float] = random.random
    _next: dict[str, float] = field(default_factory=dict)
    _silent: dict[str, float] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def turn(self, host: str, now: float) -> float:
        """Take the next turn to ask a host, and return the seconds until it comes."""
        with self._lock:
            at = max(now, self._next.get(host, now))
            self._next[host] = at + self.interval * (1 + _JITTER * self.jitter())
        return at - now

    def leave_alone(self, host: str, seconds: float, now: float) -> None:
        """Remember that a host asked not to be asked for so many seconds."""
        with self._lock:
            self._silent[host] = max(now + seconds, self._silent.get(host, now))

    def asked_to_wait(self, host: str, now: float) -> float:
        """Return the seconds for which a host is still to be left alone; 0 when it may be asked."""
        with self._lock:
            return max(self._silent.get(host, now) - now, 0.0)
