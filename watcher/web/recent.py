"""The last few results that pages computed, for people who filter one result in several ways. Pages run in threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class RecentResults(Generic[T]):
    """Up to `most` results by key; the one that was used longest ago is dropped. It lives as long as the process."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._results: OrderedDict[Hashable, T] = OrderedDict()

    def find(self, key: Hashable) -> T | None:
        with self._lock:
            if (result := self._results.get(key)) is not None:
                self._results.move_to_end(key)
        return result

    def keep(self, key: Hashable, result: T) -> None:
        with self._lock:
            self._results[key] = result
            self._results.move_to_end(key)
            while len(self._results) > self._most:
                self._results.popitem(last=False)
