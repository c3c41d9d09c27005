"""One request at a time to a host, its interval and its Retry-After, over all workers of a history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from watcher.core.clock import Clock
from watcher.core.errors import StoreError
from watcher.fetch.rate_limit import JITTER

if TYPE_CHECKING:
    from watcher.store.postgresql.work import WorkTables


class SharedHostLimiter:
    """Implements `HostLimiter` for one job, over the connection of its history, which no transaction uses meanwhile."""

    def __init__(self, clock: Clock, interval: float) -> None:
        self._clock = clock
        self._interval = interval
        self.tables: WorkTables | None = None
        self._session = 0  # of the server, which has the lock of the host

    @property
    def _tables(self) -> WorkTables:
        assert self.tables is not None  # noqa: S101 - set when the history is open
        return self.tables

    @contextmanager
    def lock_host(self, host: str) -> Iterator[float]:
        started = self._clock.monotonic()
        self._session = self._tables.lock_host(host)
        try:
            yield self._clock.monotonic() - started
        finally:
            with suppress(StoreError):  # a lost connection has released the lock
                self._tables.unlock_host(host)

    def reserve(self, host: str) -> float:
        if self._interval == 0:
            return 0.0
        return self._tables.reserve_host(host, self._interval * (1 + JITTER * self._clock.jitter()))

    def confirm(self, host: str) -> None:
        # The server ends the session of a process that was stopped for long, and the lock with it.
        if self._tables.read_session() != self._session:
            raise StoreError(f"this worker lost its turn to ask {host}; nothing was changed, it tries again")

    def block(self, host: str, seconds: float) -> None:
        self._tables.block_host(host, seconds)

    def blocked_for(self, host: str) -> float:
        return self._tables.read_block(host)
