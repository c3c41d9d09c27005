"""Decide the order of a source's releases. Pure.

The registry's `<updated>` is a label that can repeat, go back, or be wrong. An imported release is placed by it. A
release that a check saw is never placed before one that an earlier check saw, whatever its label says, and a label in
the future counts as the day after the release was seen. Releases of one day are in the order in which they were seen:
by our checks, or by the day or the commit that their files come from. The order depends only on the releases, not on
the order in which they were ingested.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import date, timedelta

from watcher.core.operations import Ending, Label, PlacedRelease


def in_order(labels: Iterable[Label]) -> list[PlacedRelease]:
    """Return the releases, the oldest first."""
    keyed: list[tuple[str, str, str]] = []
    latest_live = ""
    for label in sorted(labels, key=lambda label: (label.observed or "", label.published or "", label.digest)):
        dated = _limit_to_next_day(label)
        if label.live:
            latest_live = dated = max(latest_live, dated)
        keyed.append((dated, label.seen, label.digest))
    return [PlacedRelease(digest=digest, dated=dated) for dated, _, digest in sorted(keyed)]


def drop_repeats(
    placed: Iterable[PlacedRelease], originals: Mapping[str, str], copies: Container[str]
) -> list[PlacedRelease]:
    """Leave out each imported copy of the release right before it: it changed nothing.

    `originals` maps each digest to that of the release it is a copy of, or to itself; `copies` are those from imports.
    """
    kept: list[PlacedRelease] = []
    for release in placed:
        if not kept or release.digest not in copies or originals[release.digest] != originals[kept[-1].digest]:
            kept.append(release)
    return kept


def place_last(label: Label, ending: Ending) -> PlacedRelease | None:
    """Return a release as `in_order` places it if it comes last and moves no other; None if `in_order` must decide."""
    dated = _limit_to_next_day(label)
    if label.live:
        if not label.observed or label.observed <= ending.newest:
            return None
        dated = max(ending.live, dated)
    if (dated, label.seen, label.digest) <= (ending.dated, ending.seen, ending.digest):
        return None
    return PlacedRelease(digest=label.digest, dated=dated)


def _limit_to_next_day(label: Label) -> str:
    """Return the label's own date, but no later than the day after it was seen."""
    seen = label.observed[:10] if label.observed else ""
    if not label.published:
        return seen
    if not seen:
        return label.published
    return min(label.published, (date.fromisoformat(seen) + timedelta(days=1)).isoformat())
