"""What is under way, and whether it gets anywhere. Knows threads and a clock, and not what the work is.

A piece of work belongs to the thread that does it and has a budget: the seconds it may go on without a sign of life.
One that goes on for longer is hung. Nothing can end a thread from outside; whoever asks decides what to do about it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of work under way; `since` is when it last gave a sign of life, by the clock of `Watchdog`."""

    name: str
    budget: float
    since: float


class Watchdog:
    """The pieces of work of a process. `clock` must not follow the time of day."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._pieces: dict[int, list[Task]] = {}  # by thread: the innermost last
        self._moved = clock()

    @contextmanager
    def piece(self, name: str, budget: float) -> Iterator[None]:
        """Do a piece of work in the calling thread. A piece inside another has a budget of its own."""
        thread = threading.get_ident()
        with self._changed:
            self._moved = self._clock()
            self._pieces.setdefault(thread, []).append(Task(name=name, budget=budget, since=self._moved))
        try:
            yield
        finally:
            with self._changed:
                self._pieces[thread].pop()
                if not self._pieces[thread]:
                    del self._pieces[thread]
                self._changed.notify_all()
            self.alive()

    def alive(self) -> None:
        """Say that what the calling thread does gets on."""
        with self._changed:
            self._moved = self._clock()
            if mine := self._pieces.get(threading.get_ident()):
                mine[-1] = replace(mine[-1], since=self._moved)

    def hung(self) -> list[Task]:
        """Return the pieces that have gone on for longer than their budget without a sign of life."""
        now = self._clock()
        with self._changed:
            innermost = [pieces[-1] for pieces in self._pieces.values()]
        return [piece for piece in innermost if now - piece.since > piece.budget]

    def still(self) -> float:
        """Return the seconds since anything began, ended or gave a sign of life."""
        with self._changed:
            return self._clock() - self._moved

    def under_way(self) -> frozenset[str]:
        """Return the names of all pieces, outer and inner."""
        with self._changed:
            return frozenset(piece.name for pieces in self._pieces.values() for piece in pieces)

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is under way; False where something still is after so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._pieces, seconds)
