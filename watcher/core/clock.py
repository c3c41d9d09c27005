"""The clock, which is given to objects at construction.

Below the commands, nothing else reads the machine's clock or random numbers.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time and random numbers. Tests have one of their own."""

    def now(self) -> datetime:
        """Return the current UTC time (aware)."""

    def monotonic(self) -> float:
        """Return seconds that never go back, for measuring durations."""

    def sleep(self, seconds: float) -> None:
        """Wait."""

    def jitter(self) -> float:
        """Return a random number from 0 up to 1, to spread retries and checks."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def jitter(self) -> float:
        return int.from_bytes(os.urandom(4)) / 2**32  # `random` would load six modules more at every start
