"""Search for the rows of a port release that say something about a port and protocol.

Such a row has that port and protocol, or no protocol (all of them), or a range that contains the port.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import islice

from watcher.core.intervals import Interval, IntervalIndex
from watcher.core.model import Item, ItemKey, Key, Status
from watcher.core.port_ranges import find_ports
from watcher.registries.context import ChangeContext, IndexKeys, ItemIndex
from watcher.registries.ports import identity
from watcher.registries.shared.assignment import ABSENT, is_assigned

_MOST_RANGES = 300  # that hold one port
_MOST_ROWS = 100


class Coverage:
    """The rows of one release by port. Immutable; the next release's is made with `updated`."""

    def __init__(self, single: dict[str, tuple[Item, ...]], ranges: dict[ItemKey, tuple[Interval, Item]]) -> None:
        self._single = single
        self._ranges = ranges
        self._found: dict[tuple[int, str], list[Item]] = {}

    @classmethod
    def build(cls, items: Iterable[Item]) -> Coverage:
        return cls({}, {}).updated((), tuple(items))

    def updated(self, removed: Sequence[Item], added: Sequence[Item]) -> Coverage:
        """Return the coverage of a release without some of these rows and with others."""
        single, ranges = self._single.copy(), self._ranges.copy()  # not dict(…): watcher/diff/item_map.py says why
        rows: dict[str, dict[Key, Item]] = {}

        def rows_of(port: str) -> dict[Key, Item]:
            if port not in rows:
                rows[port] = {item.key: item for item in single.get(port, ())}
            return rows[port]

        for item in removed:
            if port := item.key.part("port"):
                ranges.pop((item.section, item.key), None)
                rows_of(port).pop(item.key, None)
        for item in added:
            port = item.key.part("port")
            if port and "-" not in port:
                rows_of(port)[item.key] = item
            elif port and (interval := find_ports(port)):
                ranges[item.section, item.key] = interval, item
        single.update((port, tuple(items.values())) for port, items in rows.items())
        return Coverage(single, ranges)

    def rows_at(self, port: int, protocol: str) -> list[Item]:
        """Return the rows that hold a port, 100 at most, the closest first.

        Rows of that protocol come before those of any protocol, a port before a range.
        """
        if (port, protocol) in self._found:
            return self._found[port, protocol]
        ranges = islice(self._range_index.overlapping((port, port)), _MOST_RANGES)
        rows = [*self._single.get(str(port), ()), *reversed([item for _, item in ranges])]
        self._found[port, protocol] = sorted(
            (item for item in rows if item.key.part("protocol") in (protocol, "")),
            key=lambda item: (not item.key.part("protocol"), "-" in item.key.part("port"), item.key),
        )[:_MOST_ROWS]
        return self._found[port, protocol]

    @cached_property
    def _range_index(self) -> IntervalIndex[Item]:
        return IntervalIndex(sorted(self._ranges.values(), key=lambda placed: placed[1].key))

    def status_at(self, port: str, protocol: str) -> str:
        """Return the status of the first port of a range: `assigned`, `reserved`, …; `absent` without a row."""
        rows = self._rows_at_first(port, protocol)
        if not rows:
            return ABSENT
        return Status.ASSIGNED if is_assigned(rows[0]) else rows[0].status

    def services_at(self, port: str, protocol: str) -> list[str]:
        """Return the names of the services on the first port of a range."""
        rows = self._rows_at_first(port, protocol)
        return [name for row in rows if is_assigned(row) and (name := row.key.part("name"))]

    def _rows_at_first(self, port: str, protocol: str) -> list[Item]:
        interval = find_ports(port)
        return self.rows_at(interval[0], protocol) if interval else []


def _ports_of_changes(context: ChangeContext) -> IndexKeys:
    items = (item for change in context.changes for item in (change.before, change.after) if item is not None)
    return IndexKeys(intervals=tuple({interval for interval in map(identity.read_interval, items) if interval}))


COVERAGE = ItemIndex(Coverage.build, Coverage.updated, _ports_of_changes)


def old_coverage(context: ChangeContext) -> Coverage:
    return context.get_index(COVERAGE, context.old)


def new_coverage(context: ChangeContext) -> Coverage:
    return context.get_index(COVERAGE, context.new)
