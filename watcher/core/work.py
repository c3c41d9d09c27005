"""What workers claim: a piece of work, and the claim of the worker that does it."""

from __future__ import annotations

from msgspec import Struct

CHECK, DELIVER, OWN = "check", "deliver", "own"


class WorkItem(Struct, frozen=True, kw_only=True):
    """A piece of work: the check of a source, the deliveries of a channel, or a job of the watcher itself (OWN)."""

    kind: str
    name: str

    @property
    def lock(self) -> str:
        return f"{self.kind} {self.name}"


class Claim(Struct, frozen=True, kw_only=True):
    """The claim of one worker to a piece of work. `token` is greater than that of every claim before it."""

    item: WorkItem
    token: int


class DueWork(Struct, frozen=True, kw_only=True):
    """A piece of work that the configuration asks for. `every` and `first` are seconds; `first` counts from now."""

    item: WorkItem
    host: str
    every: float
    first: float = 0.0


class WorkerState(Struct, frozen=True, kw_only=True):
    """A worker as the others see it; times are UTC. `alive`: its lease has not ended."""

    id: int
    host: str
    process: int
    version: str
    started: str
    seen: str
    alive: bool
    schedules: bool
    running: int  # claims


class WorkLoad(Struct, frozen=True, kw_only=True):
    """How much is due. `late`: the seconds since the oldest check that no worker has claimed became due."""

    due: int
    running: int
    late: float
