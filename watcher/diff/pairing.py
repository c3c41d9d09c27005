"""What a keyed comparison leaves over on both sides, put together where it is the same thing under a new key.

Knows signatures and no registry: the steps are the registry's. A step pairs a gone and a new item only when each is
the only one with that signature, or when it does not matter which; anything else stays a removal and an addition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from watcher.core.model import Item, ItemKey
from watcher.registries.base import PairingRule, Signature

Pair = tuple[Item, Item]


def pair(gone: Iterable[Item], new: Iterable[Item], steps: Sequence[PairingRule]) -> list[Pair]:
    """Return the pairs (gone, new) that the steps find, each item in one pair at most. Earlier steps win."""
    left = {(item.section, item.key): item for item in gone}
    right = {(item.section, item.key): item for item in new}
    pairs: list[Pair] = []
    for step in steps:
        before, after = _groups(left.values(), step.removed), _groups(right.values(), step.added)
        for signature in before.keys() & after.keys():
            found = before[signature], after[signature]
            if step.interchangeable or all(len(group) == 1 for group in found):
                both = zip(*map(_in_order, found), strict=False)
                pairs += [(_take(left, one), _take(right, other)) for one, other in both]
    return sorted(pairs, key=lambda found: (found[1].key.values, found[1].key.ordinal))


def _groups(items: Iterable[Item], signature: Callable[[Item], Signature]) -> dict[tuple[str, ...], list[Item]]:
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if (found := signature(item)) is not None:
            groups.setdefault(found, []).append(item)
    return groups


def _in_order(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item.key.values, item.key.ordinal))


def _take(items: dict[ItemKey, Item], item: Item) -> Item:
    return items.pop((item.section, item.key))
