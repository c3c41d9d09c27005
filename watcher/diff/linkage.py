"""Link removed with added items by evidence: what they share, weighted by how rare it is.

The method is record linkage after Fellegi and Sunter (1969). Two items are one entry if they share something that few
rows have, each is the best match of the other, and the second-best match of either is clearly worse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from heapq import nlargest
from math import log
from typing import NamedTuple

from watcher.core.model import Item
from watcher.registries.base import Features, LinkageRule

# Chosen on all months of 2016 to 2024: record 46 of docs/decisions.md.
THRESHOLD = 0.25
MARGIN = 0.05
DISTINCTIVE = 0.5  # a candidate shares a feature with at least this part of the greatest possible rarity
_FEW = 50  # items: a feature of more items makes none of them a candidate, and an item has no more candidates


class ScoredPair(NamedTuple):
    """A removed and an added item, by their positions, and how alike they are: 0 to 1."""

    score: float
    old: int
    new: int


def link_items(removed: Sequence[Item], added: Sequence[Item], rule: LinkageRule) -> list[tuple[Item, Item]]:
    """Return the pairs (removed, added) that are one entry by evidence; each item is in one pair at most."""
    old_by_scope, new_by_scope = _by_scope(removed, rule.removed), _by_scope(added, rule.added)
    pairs: list[tuple[Item, Item]] = []
    for scope in old_by_scope.keys() & new_by_scope.keys():
        pairs += _link(old_by_scope[scope], new_by_scope[scope], rule, rule.rows(scope))
    return pairs


def _by_scope(items: Iterable[Item], scope_of: Callable[[Item], str | None]) -> dict[str, list[Item]]:
    scopes: dict[str, list[Item]] = {}
    for item in items:
        scope = scope_of(item)
        if scope is not None:
            scopes.setdefault(scope, []).append(item)
    return scopes


def _link(
    removed: Sequence[Item], added: Sequence[Item], rule: LinkageRule, rows: Iterable[Features]
) -> list[tuple[Item, Item]]:
    old, new = [rule.features(item) for item in removed], [rule.features(item) for item in added]
    if set().union(*old).isdisjoint(set().union(*new)):
        return []  # before all rows are read for their rarity
    scores = score_candidates(old, new, *measure_rarity(rows, set().union(*old, *new)))
    return [(removed[pair.old], added[pair.new]) for pair in choose_pairs(scores)]


def measure_rarity(rows: Iterable[Features], wanted: set[str]) -> tuple[dict[str, float], float]:
    """Return log(rows / rows that have it) of each wanted feature, and its maximum, for one row in each release.

    Two rows are added to the count, so that a feature of the only row of both releases does not look common.
    """
    counts: Counter[str] = Counter()
    total = 2
    for features in rows:
        total += 1
        counts.update(wanted.intersection(features))
    return {feature: log(total / max(2, counts[feature])) for feature in wanted}, log(total / 2)


def score_candidates(
    old: Sequence[Features], new: Sequence[Features], rarity: Mapping[str, float], greatest: float
) -> list[ScoredPair]:
    """Return the score of each pair that shares a distinctive feature: twice the shared weight over both weights."""
    holders: dict[str, list[int]] = {}
    for position, features in enumerate(new):
        for feature in features:
            if rarity[feature] >= DISTINCTIVE * greatest:
                holders.setdefault(feature, []).append(position)
    totals = [sum(weight * rarity[feature] for feature, weight in features.items()) for features in new]
    scores: list[ScoredPair] = []
    for position, features in enumerate(old):
        total = sum(weight * rarity[feature] for feature, weight in features.items())
        near: dict[int, float] = {}
        for feature in features:
            if len(at := holders.get(feature, ())) <= _FEW:
                near.update((other, near.get(other, 0.0) + rarity[feature]) for other in at)
        for other in near if len(near) <= _FEW else nlargest(_FEW, sorted(near), key=near.__getitem__):
            shared = sum(
                min(weight, new[other][feature]) * rarity[feature]
                for feature, weight in features.items()
                if feature in new[other]
            )
            if shared:
                scores.append(ScoredPair(2 * shared / (total + totals[other]), position, other))
    return scores


def choose_pairs(scores: Sequence[ScoredPair]) -> list[ScoredPair]:
    """Return the clear pairs: mutual best with a margin. The other items are searched again until no pair is clear.

    A pair that is clear stays clear when another one leaves, so only the neighbours of the two items are searched.
    """
    likely = sorted(pair for pair in scores if pair.score >= THRESHOLD)
    by_old, by_new = _Ranking(likely, 1), _Ranking(likely, 2)
    pairs: list[ScoredPair] = []
    waiting = [*by_old.ranked]
    while waiting:
        best = by_old.find_clear(waiting.pop(), by_new.taken)
        if best is None or by_new.find_clear(best.new, by_old.taken) != best:
            continue
        pairs.append(best)
        by_old.taken.add(best.old)
        by_new.taken.add(best.new)
        waiting += (pair.old for pair in by_new.ranked[best.new])
        rivals = (by_new.find_clear(pair.new, by_old.taken) for pair in by_old.ranked[best.old])
        waiting += (pair.old for pair in rivals if pair is not None)
    return pairs


class _Ranking:
    """The pairs of each item of one side, the best last; `side` is its index in a pair, 1 (old) or 2 (new)."""

    def __init__(self, pairs: Iterable[ScoredPair], side: int) -> None:
        self.taken: set[int] = set()
        self.ranked: dict[int, list[ScoredPair]] = {}
        self._side = side
        for pair in pairs:
            self.ranked.setdefault(int(pair[side]), []).append(pair)

    def find_clear(self, item: int, taken: AbstractSet[int]) -> ScoredPair | None:
        """Return the best pair of an item if it is better than the second by the margin; `taken` are of the other side.

        Drops pairs that are taken at the end of the item's list, so that each is passed once.
        """
        pairs, other = self.ranked.get(item, []), 3 - self._side
        while pairs and pairs[-1][other] in taken:
            pairs.pop()
        while len(pairs) > 1 and pairs[-2][other] in taken:
            del pairs[-2]
        if item in self.taken or not pairs:
            return None
        second = pairs[-2].score if len(pairs) > 1 else 0.0
        return pairs[-1] if pairs[-1].score >= second + MARGIN else None
