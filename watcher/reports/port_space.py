"""What each of the 65,536 ports is in one release, and where two releases differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum
from itertools import groupby

from msgspec import Struct

from watcher.core.model import RETIRED, Status
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import StoredRelease
from watcher.store.version_finder import PortState

PORTS = 65_536


class PortUse(StrEnum):
    """What a port is; of several rows of one port the first in this order counts."""

    ASSIGNED = "assigned"
    RETIRED = "retired"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    UNLISTED = "unlisted"


class PortSpan(Struct, frozen=True, kw_only=True):
    """Neighbouring ports of the same use and names; both ends included."""

    low: int
    high: int
    use: PortUse
    names: tuple[str, ...]


# Compared by identity: comparing 65,536 values would take too long.
class PortSpace(Struct, frozen=True, kw_only=True, eq=False):
    """The uses of all ports in one release: `uses` and `names` have one value for each port."""

    release: StoredRelease
    uses: tuple[PortUse, ...]
    names: tuple[tuple[str, ...], ...]

    def spans(self, low: int = 0, high: int = PORTS - 1) -> list[PortSpan]:
        """Return the spans of a range of ports, in order."""
        spans = []
        first = low
        for (use, names), members in groupby(zip(self.uses[low : high + 1], self.names[low : high + 1], strict=True)):
            length = sum(1 for _ in members)
            spans.append(PortSpan(low=first, high=first + length - 1, use=use, names=names))
            first += length
        return spans

    def runs(self) -> Mapping[PortUse, list[tuple[int, int]]]:
        """Return the runs of ports of each use, both ends included."""
        runs: dict[PortUse, list[tuple[int, int]]] = {use: [] for use in PortUse}
        first = 0
        for use, members in groupby(self.uses):
            length = sum(1 for _ in members)
            runs[use].append((first, first + length - 1))
            first += length
        return runs

    def count(self, low: int = 0, high: int = PORTS - 1) -> Mapping[PortUse, int]:
        """Return how many of some ports, by default all, have each use."""
        counts = Counter(self.uses[low : high + 1])
        return {use: counts[use] for use in PortUse}

    def differing(self, other: PortSpace) -> list[int]:
        """Return the ports whose use or names differ from another release."""
        pairs = zip(self.uses, self.names, other.uses, other.names, strict=True)
        return [port for port, (use, names, old, old_names) in enumerate(pairs) if (use, names) != (old, old_names)]


def read_port_space(history: HistoryReader, source: str, release: StoredRelease, protocol: str = "") -> PortSpace:
    """Return what each port is in a release; with a protocol, only rows of it and those without one count."""
    return _combine(release, history.versions.list_port_states(source, release, protocol))


def _combine(release: StoredRelease, states: Iterable[PortState]) -> PortSpace:
    ranks = {use: rank for rank, use in enumerate(PortUse)}
    uses = [PortUse.UNLISTED] * PORTS
    names: list[tuple[str, ...]] = [()] * PORTS
    for low, high, status, name in states:
        use = _use(status, name)
        for port in range(low, min(high, PORTS - 1) + 1):
            if ranks[use] < ranks[uses[port]]:
                uses[port] = use
            if name and name not in names[port]:
                names[port] = (*names[port], name)
    return PortSpace(release=release, uses=tuple(uses), names=tuple(names))


def _use(status: str, name: str) -> PortUse:
    if status in RETIRED:
        return PortUse.RETIRED
    if name or status == Status.ASSIGNED:
        return PortUse.ASSIGNED
    return PortUse.RESERVED if status == Status.RESERVED else PortUse.UNASSIGNED
