"""Which row of a release of an IANA registry holds a value: its own, a range, the block of an owner. Pure look-ups."""

from __future__ import annotations

from watcher.core.model import FREE, Change, Content, Item, Section
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity
from watcher.registries.shared.value_ranges import Span, spans

ABSENT = "absent"


def numbers(item: Item) -> tuple[Span, ...]:
    return next((found for value in identity.values(item) if (found := spans(value))), ())


def redrawn(context: ChangeContext) -> dict[str, list[tuple[int, Change, tuple[Span, ...]]]]:
    """The changes of free space, with the values they speak of, by registry."""
    rows: dict[str, list[tuple[int, Change, tuple[Span, ...]]]] = {}
    for index, change in enumerate(context.changes):
        if change.section is Section.ENTRY and identity.is_bookkeeping(change, context):
            held = numbers(change.item)
            rows.setdefault(identity.path(change.item), []).append((index, change, held))
    return rows


def touched(context: ChangeContext) -> dict[str, list[Span]]:
    """The values that something was given or taken away at, by registry."""
    found: dict[str, list[Span]] = {}
    for change in context.changes:
        for item in (change.before, change.after):
            if item is not None and identity.is_assigned(item):
                found.setdefault(identity.path(item), []).extend(numbers(item))
    return found


def covering(context: ChangeContext, content: Content, item: Item) -> str:
    """Return what a release says of an entry's value: the status of the row that holds it; `absent` where none does."""
    rows = context.compute_once(_free_before if content is context.old else _free_after).get(identity.path(item), ())
    wanted = numbers(item)
    held = (status for span, status in rows if wanted and span.holds(wanted[0]))
    return next(held, ABSENT)


def _free_before(context: ChangeContext) -> dict[str, list[tuple[Span, str]]]:
    return _free(context.old)


def _free_after(context: ChangeContext) -> dict[str, list[tuple[Span, str]]]:
    return _free(context.new)


def _free(content: Content) -> dict[str, list[tuple[Span, str]]]:
    """The rows that nobody has, narrow ones first, by registry."""
    rows: dict[str, list[tuple[Span, str]]] = {}
    for (section, _), item in content.items.items():
        if section is Section.ENTRY and item.status in FREE:
            rows.setdefault(identity.path(item), []).extend((span, str(item.status)) for span in numbers(item))
    for found in rows.values():
        found.sort(key=lambda row: row[0].high - row[0].low)
    return rows


def set_aside(context: ChangeContext, item: Item) -> bool:
    """Whether any of an entry's values was set aside alike in the old release: then its row was only redrawn."""
    rows = context.compute_once(_free_before).get(identity.path(item), ())
    return any(span.meets(mine) for span, status in rows if status == item.status for mine in numbers(item))


def in_a_block_of_its_owner(context: ChangeContext, content: Content, item: Item) -> bool:
    """Whether the other release gives the value to the same owner in a larger block: ranges put together, or cut."""
    wanted = numbers(item)
    blocks = context.compute_once(_blocks_before if content is context.old else _blocks_after)
    owner = identity.path(item), identity.title(item)
    return bool(wanted and owner[1]) and any(block.holds(wanted[0]) for block in blocks.get(owner, ()))


def _blocks_before(context: ChangeContext) -> dict[tuple[str, str], list[Span]]:
    return _blocks(context.old)


def _blocks_after(context: ChangeContext) -> dict[tuple[str, str], list[Span]]:
    return _blocks(context.new)


def _blocks(content: Content) -> dict[tuple[str, str], list[Span]]:
    """The ranges that somebody has, by registry and by what they are called."""
    found: dict[tuple[str, str], list[Span]] = {}
    for (section, _), item in content.items.items():
        if section is Section.ENTRY and identity.is_assigned(item):
            # Of plain numbers: an address block inside another has a meaning of its own.
            wide = [span for span in numbers(item) if span.high > span.low and not span.space]
            if wide:
                found.setdefault((identity.path(item), identity.title(item)), []).extend(wide)
    return found
