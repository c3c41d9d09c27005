"""Search for the row of a release that holds a value: its own row, a range, the block of an owner."""

from __future__ import annotations

from collections.abc import Iterable

from watcher.core.model import FREE, Content, Item, Section
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.free_space import FreeSpaceChanges, Place
from watcher.registries.shared.value_ranges import ValueRange, parse_ranges

Box = tuple[tuple[ValueRange, ...] | str, ...]  # the parts of a key: numbers, or a text in lower case
FreeRows = dict[str, list[tuple[ValueRange, str, Box]]]
Blocks = dict[tuple[str, str], list[ValueRange]]


def numbers(item: Item) -> tuple[ValueRange, ...]:
    """Return the numbers of the first part of an entry's key that has any."""
    return next((ranges for value in identity.values(item) if (ranges := parse_ranges(value))), ())


def locate(registry: str, ranges: Iterable[ValueRange]) -> list[Place]:
    """Return numbers of one registry as places of free space."""
    return [((registry, span.space), (span.low, span.high)) for span in ranges]


def free_space(context: ChangeContext) -> FreeSpaceChanges:
    return context.compute_once(_free_space)


def _free_space(context: ChangeContext) -> FreeSpaceChanges:
    return FreeSpaceChanges(context, identity.is_bookkeeping, lambda item: locate(identity.path(item), numbers(item)))


def status_in(context: ChangeContext, content: Content, item: Item) -> str:
    """Return the status of the free row that holds an entry's value in one of the contents; `absent` without one."""
    rows = context.compute_for(content, _free_rows)
    ranges = numbers(item)
    if not ranges:
        return ABSENT
    own = _box(item)
    holding = (
        status for row, status, box in rows.get(identity.path(item), ()) if row.contains(ranges[0]) and _meet(box, own)
    )
    return next(holding, ABSENT)


def had_status_before(context: ChangeContext, item: Item) -> bool:
    """Return whether a row of the same status held any of an entry's numbers: then its row was only redrawn."""
    rows = context.compute_for(context.old, _free_rows).get(identity.path(item), ())
    box = _box(item)
    return any(
        status == item.status and _meet(other, box) and any(row.overlaps(own) for own in numbers(item))
        for row, status, other in rows
    )


def is_redrawn_by_assignment(context: ChangeContext, item: Item) -> bool:
    """Return whether the changes assigned or released any of the values of a row."""
    if not free_space(context).is_assigned_at(item):
        return False
    box = _box(item)
    return len(box) < 2 or any(
        is_assigned(side) and identity.path(side) == identity.path(item) and _meet(_box(side), box)
        for change in context.changes
        for side in (change.before, change.after)
        if side is not None
    )


def _box(item: Item) -> Box:
    return tuple(parse_ranges(value) or value.casefold() for value in identity.values(item))


def _meet(one: Box, other: Box) -> bool:
    """Return whether two rows share a value in all parts of their keys; a part without text has all values."""
    return all(
        not left
        or not right
        or (left == right if isinstance(left, str) or isinstance(right, str) else _overlap(left, right))
        for left, right in zip(one, other, strict=False)
    )


def _overlap(one: tuple[ValueRange, ...], other: tuple[ValueRange, ...]) -> bool:
    return any(left.overlaps(right) for left in one for right in other)


def _free_rows(content: Content) -> FreeRows:
    """Return the rows without an owner by registry, narrow ones first."""
    rows: FreeRows = {}
    for (section, _), item in content.items.items():
        if section is Section.ENTRY and item.status in FREE:
            box = _box(item)
            rows.setdefault(identity.path(item), []).extend((each, str(item.status), box) for each in numbers(item))
    for rows_of_registry in rows.values():
        rows_of_registry.sort(key=lambda row: row[0].high - row[0].low)
    return rows


def is_in_block_of_owner(context: ChangeContext, content: Content, item: Item) -> bool:
    """Return whether a content has the value in a larger block of the same owner: blocks were merged or split."""
    ranges = numbers(item)
    place = identity.path(item), identity.title(item)
    if not ranges or not place[1]:
        return False
    # An address block inside another one is an assignment by itself, unless the outer one was just drawn around it.
    drawn_before = context.compute_for(context.old, _blocks).get(place, ())
    return any(
        block.contains(ranges[0]) and (not block.space or block not in drawn_before)
        for block in context.compute_for(content, _blocks).get(place, ())
    )


def covering_block(context: ChangeContext, item: Item) -> Item | None:
    """Return the block of the new release, not of the old one, in which a removed row begins; another one may end it.

    None if the ends of the row are in no such block.
    """
    ranges, box = numbers(item), _box(item)
    blocks = [
        (block, row)
        for block, row in context.compute_for(context.new, _wide_rows).get(identity.path(item), ())
        if (row.section, row.key) not in context.old.items
    ]
    holders = [
        next((row for block, row in blocks if block.low <= end <= block.high and _meet(_box(row), box)), None)
        for each in ranges
        if not each.space
        for end in (each.low, each.high)
    ]
    return holders[0] if holders and all(holders) else None


def _wide_rows(content: Content) -> dict[str, list[tuple[ValueRange, Item]]]:
    rows: dict[str, list[tuple[ValueRange, Item]]] = {}
    for item in content.items.values():
        if is_assigned(item):
            wide = [(each, item) for each in numbers(item) if each.high > each.low and not each.space]
            rows.setdefault(identity.path(item), []).extend(wide)
    return rows


def _blocks(content: Content) -> Blocks:
    """Return the assigned ranges by registry and owner."""
    blocks: Blocks = {}
    for (section, _), item in content.items.items():
        if section is Section.ENTRY and is_assigned(item):
            wide = [each for each in numbers(item) if each.high > each.low]
            if wide:
                blocks.setdefault((identity.path(item), identity.title(item)), []).extend(wide)
    return blocks
