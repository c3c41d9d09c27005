"""Limit how many bytes of releases the threads of a process judge at the same time: their memory grows with the bytes.

A check fetches without this limit, so a server that is slow keeps no other source waiting. Judging uses no network.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from watcher.monitor.rebuild import Progress

MOST = 8 * 2**20  # bytes; a release costs about 40 times its bytes while it is judged (tests/faults/test_81_memory.py)
_LEAST = MOST // 16  # what a small release counts as: a check has costs of its own
_WAIT = 5.0  # seconds between two reports of progress


class JudgingLimit:
    """The bytes that are judged now, and the threads that wait for others to end, the first of them first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._judged = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int, progress: Progress | None = None) -> Iterator[None]:
        """Wait until a release of so many bytes can be judged, and count it during the block.

        A release that is larger than the limit is judged alone. `progress` is called while the thread waits.
        """
        share = min(max(size, _LEAST), self._most)
        with self._changed:
            self._wait_for(share, progress)
            self._judged += share
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._judged -= share
                self._changed.notify_all()

    def _wait_for(self, share: int, progress: Progress | None) -> None:
        place = object()
        self._waiting.append(place)
        try:
            while self._waiting[0] is not place or self._judged + share > self._most:
                self._changed.wait(_WAIT)
                if progress is not None:
                    progress(0, 1)
        finally:
            self._waiting.remove(place)
            self._changed.notify_all()
