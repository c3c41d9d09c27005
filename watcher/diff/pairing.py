"""Pair removed with added items that are the same thing under a new key.

The rules are the registry's. A rule pairs two items only if each is the only one with its signature, or if it does not
matter which is paired with which; anything else stays a removal and an addition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from watcher.core.model import Item, ItemKey
from watcher.diff.linkage import link_items
from watcher.registries.base import LinkageRule, PairingRule, Signature

Pair = tuple[Item, Item]


def pair_items(
    removed: Iterable[Item], added: Iterable[Item], rules: Sequence[PairingRule | LinkageRule]
) -> list[Pair]:
    """Return the pairs (removed, added) that the rules find; each item is in one pair at most, earlier rules win."""
    left, right = _by_key(removed), _by_key(added)
    pairs: list[Pair] = []
    for rule in rules:
        if not left or not right:
            break
        if isinstance(rule, LinkageRule):
            linked = link_items([*left.values()], [*right.values()], rule)
            pairs += [(_pop(left, old), _pop(right, new)) for old, new in linked]
            continue
        before = _group(left.values(), rule.removed)
        after = _group(right.values(), rule.added) if before else {}
        for signature in before.keys() & after.keys():
            groups = before[signature], after[signature]
            if rule.interchangeable or all(len(group) == 1 for group in groups):
                for old, new in zip(*map(_sort_by_key, groups), strict=False):
                    pairs.append((_pop(left, old), _pop(right, new)))
    return sorted(pairs, key=lambda pair: (pair[1].key.values, pair[1].key.ordinal))


def _by_key(items: Iterable[Item]) -> dict[ItemKey, Item]:
    """Return items by key, in the order of their keys: that in which they come depends on what was read before."""
    return {(item.section, item.key): item for item in sorted(items, key=lambda item: item.key)}


def _group(items: Iterable[Item], signature: Callable[[Item], Signature]) -> dict[tuple[str, ...], list[Item]]:
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if (value := signature(item)) is not None:
            groups.setdefault(value, []).append(item)
    return groups


def _sort_by_key(items: Iterable[Item]) -> list[Item]:
    return sorted(items, key=lambda item: (item.key.values, item.key.ordinal))


def _pop(items: dict[ItemKey, Item], item: Item) -> Item:
    return items.pop((item.section, item.key))
