"""How many requests one client may make: a bucket of tokens for each address, refilled with time."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict

from watcher.core.clock import Clock

_MOST_CLIENTS = 1_024  # whose buckets are kept; the one that was used longest ago goes
_BURST = 12  # seconds whose requests may come at once


class RequestLimiter:
    """The buckets of one server; for all its threads. A proxy in front is one client."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # client → tokens, at this time

    def take(self, client: str, cost: int, per_minute: int) -> int:
        """Take the cost of a request from a client's bucket. Return 0, or the seconds to wait if it has too little."""
        now, rate = self._clock.monotonic(), per_minute / 60
        with self._lock:
            most = max(rate * _BURST, cost)
            tokens, at = self._buckets.pop(client, (most, now))
            tokens = min(most, tokens + (now - at) * rate)
            wait = 0 if tokens >= cost else math.ceil((cost - tokens) / rate)
            self._buckets[client] = (tokens if wait else tokens - cost, now)
            while len(self._buckets) > _MOST_CLIENTS:
                self._buckets.popitem(last=False)
        return wait
