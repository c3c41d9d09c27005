"""What a keyed comparison leaves over on both sides, put together where it is the same thing under a new key.

Knows signatures and no registry: the steps are the registry's. A step pairs a gone and a new item only when each is
the only one with that signature; anything else stays a removal and an addition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from watcher.model import Item, ItemKey
from watcher.registries.contract import Signature, Step

Pair = tuple[Item, Item]


def pair(gone: Iterable[Item], new: Iterable[Item], steps: Sequence[Step]) -> list[Pair]:
    """Return the pairs (gone, new) that the steps find, each item in one pair at most. Earlier steps win."""
    left = {(item.section, item.key): item for item in gone}
    right = {(item.section, item.key): item for item in new}
    pairs: list[Pair] = []
    for step in steps:
        before, after = _unambiguous(left.values(), step.gone), _unambiguous(right.values(), step.new)
        pairs += [
            (_take(left, before[signature]), _take(right, after[signature]))
            for signature in before.keys() & after.keys()
        ]
    return sorted(pairs, key=lambda found: (found[1].key.values, found[1].key.ordinal))


def _unambiguous(items: Iterable[Item], signature: Callable[[Item], Signature]) -> dict[tuple[str, ...], Item]:
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if (found := signature(item)) is not None:
            groups.setdefault(found, []).append(item)
    return {key: group[0] for key, group in groups.items() if len(group) == 1}


def _take(items: dict[ItemKey, Item], item: Item) -> Item:
    return items.pop((item.section, item.key))
