"""Decide the order of a source's releases. Pure.

The registry's `<updated>` is a label that can repeat, go back, or be wrong. An imported release is placed by it. A
release that a check saw is never placed before one that an earlier check saw, whatever its label says, and a label in
the future counts as the day after the release was seen. Releases of one day are in the order in which they were seen:
by our checks, or by the day or the commit that their files come from. The order depends only on the releases, not on
the order in which they were ingested.

Checks are in the order of `Label.sequence`, because the clock can be wrong. A time that does not fit between those of
the checks before and after it counts as the time before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import date, timedelta

from watcher.core.release_order import Ending, Label, PlacedRelease


def in_order(labels: Iterable[Label]) -> list[PlacedRelease]:
    """Return the releases, the oldest first."""
    labels = [*labels]
    live = sorted((label for label in labels if label.live), key=_checked)
    keyed: list[tuple[str, str, int, str]] = []
    latest_live = ""
    for number, (label, seen) in enumerate(zip(live, _correct_times(live), strict=True)):
        latest_live = max(latest_live, _limit_to_next_day(label, seen))
        keyed.append((latest_live, seen, number, label.digest))
    keyed += [
        (_limit_to_next_day(label, label.observed), label.seen, -1, label.digest) for label in labels if not label.live
    ]
    return [PlacedRelease(digest=digest, dated=dated) for dated, *_, digest in sorted(keyed)]


def _checked(label: Label) -> tuple[int, str, str, str]:
    """Return the key that sorts live releases as checks saw them; those without a sequence are the oldest."""
    number = -1 if label.sequence is None else label.sequence
    return (number, label.observed or "", label.published or "", label.digest)


def _correct_times(live: Sequence[Label]) -> list[str]:
    """Return when each release was seen, in an order that never goes back.

    As many times as possible are kept; of two sets of the same size, that with the later times.
    """
    times = [label.observed or "" for label in live]
    if times == sorted(times):
        return times
    kept = _longest_ascending(times)
    corrected: list[str] = []
    last = times[min(kept)]
    for number, time in enumerate(times):
        last = time if number in kept else last
        corrected.append(last)
    return corrected


def _longest_ascending(times: Sequence[str]) -> set[int]:
    """Return the positions of a longest series of times that never goes back."""
    # Patience sorting from the end, with the ranks of the times negated so that the series ascends there too.
    ranks = {time: -rank for rank, time in enumerate(sorted(set(times)))}
    tails: list[int] = []
    ends: list[int] = []
    following: dict[int, int | None] = {}
    for position in range(len(times) - 1, -1, -1):
        rank = ranks[times[position]]
        length = bisect_right(tails, rank)
        following[position] = ends[length - 1] if length else None
        if length == len(tails):
            tails.append(rank)
            ends.append(position)
        else:
            tails[length], ends[length] = rank, position
    kept: set[int] = set()
    step: int | None = ends[-1]
    while step is not None:
        kept.add(step)
        step = following[step]
    return kept


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
    dated, last = _limit_to_next_day(label, label.observed), (ending.dated, ending.seen)
    if label.live:
        if not label.observed or label.observed < ending.newest:
            return None
        if label.sequence is None and (ending.sequence is not None or label.observed == ending.newest):
            return None
        if label.sequence is not None and ending.sequence is not None and label.sequence <= ending.sequence:
            return None
        dated = max(ending.live, dated)
        if (dated, label.seen) < last:
            return None
    # The last release may be live; its time may be a corrected one.
    elif (dated, label.seen) <= max(last, (ending.dated, "" if ending.sequence is None else ending.newest)):
        return None
    return PlacedRelease(digest=label.digest, dated=dated)


def _limit_to_next_day(label: Label, seen: str | None) -> str:
    """Return the label's own date, but no later than the day after it was seen at a UTC time."""
    day = (seen or "")[:10]
    if not label.published:
        return day
    if not day:
        return label.published
    return min(label.published, (date.fromisoformat(day) + timedelta(days=1)).isoformat())
