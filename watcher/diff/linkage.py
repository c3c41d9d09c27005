"""Link removed with added items by evidence: what they share, weighted by how rare it is.

The method is record linkage after Fellegi and Sunter (1969). Two items are one entry if they share something that few
rows have, each is the best match of the other, and the second-best match of either is clearly worse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import log
from typing import NamedTuple

from watcher.core.model import Item
from watcher.registries.base import Features, LinkageRule

# Chosen on all months of 2016 to 2024: docs/decisions.md, "Link by evidence".
THRESHOLD = 0.25
MARGIN = 0.05
DISTINCTIVE = 0.5  # a candidate shares a feature with at least this part of the greatest possible rarity
_FEW = 50  # items: a feature of more items makes none of them a candidate


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
        near = {other for feature in features if len(at := holders.get(feature, ())) <= _FEW for other in at}
        for other in near:
            shared = sum(
                min(weight, new[other][feature]) * rarity[feature]
                for feature, weight in features.items()
                if feature in new[other]
            )
            if shared:
                scores.append(ScoredPair(2 * shared / (total + totals[other]), position, other))
    return scores


def choose_pairs(scores: Sequence[ScoredPair]) -> list[ScoredPair]:
    """Return the clear pairs: mutual best with a margin. The other items are searched again until no pair is clear."""
    pairs: list[ScoredPair] = []
    left = [pair for pair in scores if pair.score >= THRESHOLD]
    while left:
        best_old, best_new = _two_best(left, 1), _two_best(left, 2)
        clear = [
            pair
            for pair in left
            if all(
                pair.score == first and pair.score >= second + MARGIN
                for first, second in (best_old[pair.old], best_new[pair.new])
            )
        ]
        if not clear:
            break
        pairs += clear
        old, new = {pair.old for pair in clear}, {pair.new for pair in clear}
        left = [pair for pair in left if pair.old not in old and pair.new not in new]
    return pairs


def _two_best(scores: Iterable[ScoredPair], side: int) -> dict[float, tuple[float, float]]:
    """Return the best and second-best score of each item; `side` is its index in a pair, 1 (old) or 2 (new)."""
    best: dict[float, tuple[float, float]] = {}
    for pair in scores:
        first, second = best.get(pair[side], (0.0, 0.0))
        best[pair[side]] = (pair.score, first) if pair.score > first else (first, max(second, pair.score))
    return best
