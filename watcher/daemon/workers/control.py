"""What a worker holds: its claims, over one connection that all of its threads share."""

from __future__ import annotations

import os
import socket
import threading
from typing import TYPE_CHECKING

from watcher import __version__
from watcher.core.errors import WatcherError
from watcher.core.work import Claim, WorkItem
from watcher.store.location import HistoryLocation
from watcher.store.store import Store

if TYPE_CHECKING:
    from watcher.store.postgresql.work import WorkTables


class WorkerControl:
    """The claims of one worker. Raises StoreError while the server cannot be reached."""

    def __init__(self, location: HistoryLocation, lease: float) -> None:
        self._store = Store(location, create=False)
        self._lock = threading.Lock()
        self.lease = lease
        self.worker = 0
        self.schedules = False
        self._claims: set[Claim] = set()

    @property
    def _tables(self) -> WorkTables:
        return self._store.work

    def register(self) -> None:
        with self._lock:
            self.worker = self._tables.register(socket.gethostname(), os.getpid(), __version__, self.lease)

    def claim(self, item: WorkItem) -> Claim | None:
        with self._lock:
            claim = self._tables.claim(item, self.worker, self.lease)
            if claim is not None:
                self._claims.add(claim)
            return claim

    def finish(self, claim: Claim, after: float | None) -> None:
        """End a claim. If the server cannot be reached, it ends with its lease, and the work is due again then."""
        with self._lock:
            self._claims.discard(claim)
            self._tables.finish(claim, after)

    def extend(self) -> None:
        """Extend the leases, and end the sessions of workers that did not."""
        with self._lock:
            self._tables.extend(self.worker, self._claims, self.lease, schedules=self.schedules)
            self._tables.end_dead_sessions(self.lease)

    def close(self) -> None:
        """Give back what is still claimed, and disconnect."""
        with self._lock:
            try:
                self._tables.end_worker(self.worker)
            except WatcherError:
                pass  # its lease ends
            finally:
                self._store.close()
