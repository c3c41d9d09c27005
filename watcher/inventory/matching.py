"""The index of a list by port, code and name, which answers whether something is about one of its entries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from watcher.core.intervals import Interval, IntervalUnion
from watcher.core.value_ranges import parse_ranges
from watcher.inventory.names import fold_name, list_spaces

_ANY = ""  # the protocol of an entry without one


class Listed(Protocol):
    """What the index reads of an entry of a list."""

    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def ports(self) -> Interval | None: ...
    @property
    def protocol(self) -> str: ...
    @property
    def code(self) -> str: ...


class MatchIndex:
    """The ports, codes and names of some entries. Immutable; a question costs little however many entries there are."""

    def __init__(self, entries: Iterable[Listed]) -> None:
        ports: dict[str, list[Interval]] = {}
        numbers: dict[str, list[Interval]] = {}
        self._names: dict[str, set[str]] = {}  # folded name → protocols
        self._codes: set[str] = set()  # codes that are no numbers
        for entry in entries:
            if entry.ports is not None:
                ports.setdefault(entry.protocol, []).append(entry.ports)
            for name in entry.names:
                self._names.setdefault(fold_name(name), set()).add(entry.protocol)
            if entry.code:
                ranges = parse_ranges(entry.code)
                for block in ranges:
                    numbers.setdefault(block.space, []).append((block.low, block.high))
                if not ranges:
                    self._codes.add(entry.code.strip().casefold())
        self._ports = {protocol: IntervalUnion(intervals) for protocol, intervals in ports.items()}
        self._numbers = {space: IntervalUnion(intervals) for space, intervals in numbers.items()}

    def matches(
        self, ports: Sequence[Interval], protocols: Sequence[str], names: Iterable[str], values: Iterable[str]
    ) -> bool:
        """Return whether an entry has one of some ports, names or values. No protocols stand for all of them.

        A port or a name only counts for the protocols of its entry, if both have one.
        """
        return (
            self._has_port(ports, protocols)
            or any(self._has_name(name, protocols) for name in names if name)
            or any(map(self._has_value, values))
        )

    def _has_port(self, ports: Sequence[Interval], protocols: Sequence[str]) -> bool:
        wanted = [_ANY, *protocols] if protocols else [*self._ports]
        unions = [union for protocol in wanted if (union := self._ports.get(protocol)) is not None]
        return any(union.overlaps(interval) for union in unions for interval in ports)

    def _has_name(self, name: str, protocols: Sequence[str]) -> bool:
        listed = self._names.get(fold_name(name))
        return listed is not None and (not protocols or _ANY in listed or not listed.isdisjoint(protocols))

    def _has_value(self, value: str) -> bool:
        ranges = parse_ranges(value)
        if not ranges:
            return value.strip().casefold() in self._codes
        return any(
            union.overlaps((block.low, block.high))
            for block in ranges
            for space in list_spaces(block)
            if (union := self._numbers.get(space))
        )
