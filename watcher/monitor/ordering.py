"""In which order a source's releases came. Pure.

The registry's `<updated>` is a label that can repeat, go back, or lie. A release that was imported is placed by it.
One that we saw ourselves is never placed before another that we saw earlier, whatever its label says, and a label in
the future counts as the day after it was seen. The order depends only on the releases, not on how they came in.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from datetime import date, timedelta

from watcher.core.operations import Ending, Label, PlacedRelease


def in_order(labels: Iterable[Label]) -> list[PlacedRelease]:
    """Return the releases, the oldest first."""
    keyed: list[tuple[str, str, str]] = []
    latest = ""
    for label in sorted(labels, key=lambda label: (label.observed or "", label.published or "", label.digest)):
        dated = _clamped(label)
        if label.live:
            latest = dated = max(latest, dated)
        keyed.append((dated, label.observed or "", label.digest))
    return [PlacedRelease(digest=digest, dated=dated) for dated, _, digest in sorted(keyed)]


def changing(placed: Iterable[PlacedRelease], of: Mapping[str, str], again: Container[str]) -> list[PlacedRelease]:
    """Leave out what stood already: of the releases that copies say were there `again`, those before which it stood.

    `of` names the release that each one is, where it came back, and else itself; all by digest.
    """
    kept: list[PlacedRelease] = []
    for each in placed:
        if not kept or each.digest not in again or of[each.digest] != of[kept[-1].digest]:
            kept.append(each)
    return kept


def at_the_end(label: Label, ending: Ending) -> PlacedRelease | None:
    """Return a release as `in_order` places it where it is the last and changes no other; None: it has to be asked."""
    dated = _clamped(label)
    if label.live:
        if not label.observed or label.observed <= ending.newest:
            return None
        dated = max(ending.live, dated)
    if (dated, label.observed or "", label.digest) <= (ending.dated, ending.observed or "", ending.digest):
        return None
    return PlacedRelease(digest=label.digest, dated=dated)


def _clamped(label: Label) -> str:
    seen = label.observed[:10] if label.observed else ""
    if not label.published:
        return seen
    if not seen:
        return label.published
    return min(label.published, (date.fromisoformat(seen) + timedelta(days=1)).isoformat())
