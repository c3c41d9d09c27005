"""Search for the row of a release that holds a value: its own row, a range, the block of an owner."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from watcher.core.intervals import Interval, IntervalIndex
from watcher.core.model import FREE, Content, Item
from watcher.core.value_ranges import ValueRange, may_be_block, parse_ranges
from watcher.registries.context import ChangeContext
from watcher.registries.entries import Entries
from watcher.registries.generic import entry_parts, identity
from watcher.registries.generic.registry_rows import rows_of
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.free_space import FreeSpaceChanges, Place
from watcher.registries.shared.status_words import may_have_status

Box = tuple[tuple[ValueRange, ...] | str, ...]  # the parts of a key: numbers, or a text in lower case
_MOST_ROWS = 100  # rows that hold one number; those with keys of two numbers overlap, but not by the thousand


def numbers(item: Item) -> tuple[ValueRange, ...]:
    """Return the numbers of the first part of an entry's key that has any."""
    return next((ranges for value in entry_parts.read_values(item) if (ranges := parse_ranges(value))), ())


def locate(registry: str, ranges: Iterable[ValueRange]) -> list[Place]:
    """Return numbers of one registry as places of free space."""
    return [((registry, span.space), (span.low, span.high)) for span in ranges]


def free_space(context: ChangeContext) -> FreeSpaceChanges:
    return context.compute_once(_free_space)


def _free_space(context: ChangeContext) -> FreeSpaceChanges:
    return FreeSpaceChanges(
        context, identity.is_bookkeeping, lambda item: locate(entry_parts.read_path(item), numbers(item))
    )


def status_in(context: ChangeContext, content: Content, item: Item) -> str:
    """Return the status of the free row that holds an entry's value in one of the contents; `absent` without one.

    Of several it is the narrowest; of rows with the same numbers, the one with the most values in the rest of its key.
    """
    ranges, box = numbers(item), _box(item)
    if not ranges:
        return ABSENT  # before all rows are read for their status
    rows = _free_rows(context, content, item).overlapping(ranges[:1])
    holding = [
        (row.high - row.low, -_count_rest(_box(other)), other.key, str(other.status))
        for row, other in rows
        if row.contains(ranges[0]) and _meet(_box(other), box)
    ]
    return min(holding)[-1] if holding else ABSENT


def had_status_before(context: ChangeContext, item: Item) -> bool:
    """Return whether a row of the same status held any of an entry's numbers: then its row was only redrawn."""
    rows = _free_rows(context, context.old, item).overlapping(numbers(item))
    box = _box(item)
    return any(other.status is item.status and _meet(_box(other), box) for _, other in rows)


def is_redrawn_by_assignment(context: ChangeContext, item: Item) -> bool:
    """Return whether the changes assigned or released any of the values of a row."""
    if not free_space(context).is_assigned_at(item):
        return False
    box = _box(item)
    rows = context.compute_once(_assigned_sides).get(entry_parts.read_path(item))
    sides = rows.overlapping(numbers(item)) if rows else ()
    return len(box) < 2 or any(_meet(_box(side), box) for _, side in sides)


def _assigned_sides(context: ChangeContext) -> Mapping[str, _NumberedRows]:
    sides = (side for change in context.changes for side in (change.before, change.after))
    return _number_by_path(side for side in sides if side is not None and is_assigned(side))


def _number_by_path(items: Iterable[Item], *, only_blocks: bool = False) -> Mapping[str, _NumberedRows]:
    by_path: dict[str, list[Item]] = {}
    for item in items:
        by_path.setdefault(entry_parts.read_path(item), []).append(item)
    return {path: _NumberedRows(rows, only_blocks=only_blocks) for path, rows in by_path.items()}


def _box(item: Item) -> Box:
    return tuple(parse_ranges(value) or value.casefold() for value in entry_parts.read_values(item))


def _count_rest(box: Box) -> int:
    return sum(block.high - block.low for part in box[1:] if not isinstance(part, str) for block in part)


def _meet(one: Box, other: Box) -> bool:
    """Return whether two rows share a value in all parts of their keys; a part without text has all values."""
    return all(
        not left
        or not right
        or (left == right if isinstance(left, str) or isinstance(right, str) else have_common_numbers(left, right))
        for left, right in zip(one, other, strict=False)
    )


def have_common_numbers(one: tuple[ValueRange, ...], other: tuple[ValueRange, ...]) -> bool:
    return any(left.overlaps(right) for left in one for right in other)


class _NumberedRows:
    """Rows of one registry by their numbers."""

    def __init__(self, items: Iterable[Item], *, only_blocks: bool = False) -> None:
        by_space: dict[str, list[tuple[Interval, tuple[ValueRange, Item]]]] = {}
        for item in items:
            for block in numbers(item):
                if not only_blocks or block.high > block.low:
                    by_space.setdefault(block.space, []).append(((block.low, block.high), (block, item)))
        # Rows with the same numbers are in the order of their keys: that of the items depends on what was read before.
        self._rows = {
            space: IntervalIndex(sorted(rows, key=lambda row: row[1][1].key, reverse=True))
            for space, rows in by_space.items()
        }

    def overlapping(self, ranges: Iterable[ValueRange]) -> Iterator[tuple[ValueRange, Item]]:
        """Yield the rows that share a number with some ranges, of each range the first 100."""
        for wanted in ranges:
            if rows := self._rows.get(wanted.space):
                yield from (row for _, row in islice(rows.overlapping((wanted.low, wanted.high)), _MOST_ROWS))


def _free_rows(context: ChangeContext, content: Content, item: Item) -> _NumberedRows:
    """Return the rows of free space in the registry of an item."""
    return rows_of(context, content).derive(entry_parts.read_path(item), _number_free_rows)


def _number_free_rows(entries: Entries) -> _NumberedRows:
    return _NumberedRows(item for item in entries.select(may_have_status) if item.status in FREE)


def is_in_block_of_owner(context: ChangeContext, content: Content, item: Item) -> bool:
    """Return whether a content has the value in a larger block of the same owner: blocks were merged or split."""
    ranges, owner = numbers(item), entry_parts.find_title(item)
    if not ranges or not owner:
        return False
    # An address block inside another one is an assignment by itself, unless the outer one was just drawn around it.
    return any(
        block.contains(ranges[0])
        and (
            not block.space
            or all(block != other for other, _ in _blocks(context, context.old, item, owner).overlapping([block]))
        )
        for block, _ in _blocks(context, content, item, owner).overlapping(ranges[:1])
    )


def covering_block(context: ChangeContext, item: Item) -> Item | None:
    """Return the block, added by this release, that holds the first number of a removed row.

    None unless added blocks hold both of its ends.
    """
    new_rows = context.compute_once(_new_blocks).get(entry_parts.read_path(item))
    if new_rows is None:
        return None
    ranges, box = numbers(item), _box(item)
    ends = (
        ValueRange(space="", low=end, high=end)
        for block in ranges
        if not block.space
        for end in (block.low, block.high)
    )
    holders = [next((row for _, row in new_rows.overlapping([end]) if _meet(_box(row), box)), None) for end in ends]
    return holders[0] if holders and all(holders) else None


def _new_blocks(context: ChangeContext) -> Mapping[str, _NumberedRows]:
    """Return the ranges that are assigned in the new release under a key that the old one does not have."""
    new = (
        change.after
        for change in context.changes
        if change.after is not None and (change.section, change.after.key) not in context.old.items
    )
    return _number_by_path(filter(is_assigned, new), only_blocks=True)


def _blocks(context: ChangeContext, content: Content, item: Item, owner: str) -> _NumberedRows:
    """Return the assigned ranges of an owner in the registry of an item."""
    return rows_of(context, content).derive(entry_parts.read_path(item), _number_blocks).get(owner, _NO_ROWS)


def _number_blocks(entries: Entries) -> Mapping[str, _NumberedRows]:
    by_owner: dict[str, list[Item]] = {}
    labels = entries.value_labels
    if len(labels) == 1:  # as in most tables; some have a million rows
        rows = entries.select(lambda fields: may_be_block(fields.get(labels[0], "")))
    else:
        rows = entries.select(lambda fields: may_be_block("\n".join([fields.get(label, "") for label in labels])))
    for item in filter(is_assigned, rows):
        has_mark = any(map(may_be_block, entry_parts.read_values(item)))
        if has_mark and any(block.high > block.low for block in numbers(item)):
            by_owner.setdefault(entry_parts.find_title(item), []).append(item)
    return {owner: _NumberedRows(rows, only_blocks=True) for owner, rows in by_owner.items()}


_NO_ROWS = _NumberedRows(())
