"""A clock that moves only when a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


class FakeClock:
    """Implements `watcher.core.clock.Clock`."""

    def __init__(self, start: datetime = START, *, jitter: float = 0.5) -> None:
        self._now = start
        self._seconds = 0.0
        self._jitter = jitter
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def sleep(self, seconds: float) -> None:
        """Record the pause; time does not pass."""
        self.slept.append(seconds)

    def jitter(self) -> float:
        return self._jitter

    def advance(self, step: timedelta) -> None:
        """Let time pass on both clocks."""
        self._now += step
        self._seconds += step.total_seconds()

    def set(self, now: datetime) -> None:
        """Set the wall clock alone, as an operator or NTP does."""
        self._now = now
