"""Long stretches of a release are the bytes that they were in the one before it: what was read there they still say.

A document is read from its beginning to its end; whatever it says from one boundary to the next depends on the bytes
between the two alone. Where both documents are at a boundary and have bytes in common, the rows are taken over; round
what differs some are read, until one is found that stood in the old document too. Knows no format.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Self, TypeVar

from watcher.formats.base import Row

BLOCK = 2**18  # bytes that are read at a time
_STEP = 2**16  # bytes that are compared at a time
_LEAST = 16  # and at last: less is not worth it
_MANY = 2**10  # rows that are compared at a time
_FEW = 16  # that are looked at first where two documents differ
_WORTH = 4  # how much longer a stretch is than what is read before it, to be worth looking for


@dataclass
class Part:
    """A part of a document whose rows follow each other: where the first piece begins, how long each is, its row.

    A piece goes from the end of the one before, a boundary, to its own. Of one that is `open` the end is none: more
    bytes after it could have belonged to it.
    """

    begin: int
    lengths: array[int] = field(default_factory=lambda: array("L"))
    rows: list[Row] = field(default_factory=list)
    open: bool = False

    @cached_property
    def places(self) -> list[int]:
        """Where each piece begins, and where the last one ends; to be asked once the part is whole."""
        return list(accumulate(self.lengths, initial=self.begin))

    def take(self, old: Self, first: int, end: int) -> None:
        """Take over a range of another document's rows."""
        self.rows += old.rows[first:end]
        self.lengths += old.lengths[first:end]


P = TypeVar("P", bound=Part)
T = TypeVar("T", bound=Hashable)
# Reads from a place on, so many bytes or some more: the place behind, and the last row where it was known before.
Read = Callable[[int, int], tuple[int, Row | None]]


def follow(part: P, data: bytes, end: int, old: P | None, before: bytes, read: Read, *, spot: int) -> None:
    """Fill a part of a document up to a place, with the help of the `old` part of the document `before` it.

    `spot` is how many bytes are read at first where the two differ.
    """
    at = part.begin
    ends = old.places if old else [0]
    known = len(ends) - 1 - old.open if old else 0
    whereabouts = _Whereabouts(old.rows if old else ())
    # So many rows of the old document came by; None: nothing is known of where in it we are.
    passed, block = (0, spot) if known else (None, BLOCK)
    while at < end:
        if old and passed is not None:
            behind = ends[passed] + _common(before, ends[passed], data, at, _STEP, _LEAST)
            same = min(bisect_right(ends, behind) - 1, known)
            if (gained := ends[same] - ends[passed]) > 0:
                part.take(old, passed, same)
                # Where little is the same between two places that differ, it is not worth looking for.
                at, passed, block = at + gained, same, spot if gained > _WORTH * block else block
                continue
        at, found = read(at, block)
        block = min(block * 2, BLOCK)
        passed = whereabouts.behind(found, passed or 0)


class _Whereabouts:
    """Where the rows of a part stand."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows
        self._numbers: dict[Row, int] = {}

    def behind(self, found: Row | None, near: int) -> int | None:
        """The place behind a row, which mostly stands not far behind another place; None where it does not stand."""
        if found is None:
            return None
        with suppress(ValueError):
            return self._rows.index(found, near, near + _MANY) + 1
        self._numbers = self._numbers or {row: number for number, row in enumerate(self._rows, 1)}
        return self._numbers.get(found)


def unlike(old: Sequence[T], new: Sequence[T]) -> tuple[list[T], list[T]]:
    """What stands in two sequences between the stretches that both have; what only moved may be among it."""
    gone: list[T] = []
    came: list[T] = []
    was = at = 0
    while was < len(old) and at < len(new):
        same = _common(old, was, new, at, _MANY, 1)
        was, at = was + same, at + same
        left, right = _alike(old, was, new, at)
        gone += old[was:left]
        came += new[at:right]
        was, at = left, right
    return [*gone, *old[was:]], [*came, *new[at:]]


def _alike(old: Sequence[T], was: int, new: Sequence[T], at: int) -> tuple[int, int]:
    """Where two sequences come together again, at or behind two places; the ends of both where they do not."""
    near = _FEW
    while True:
        places = {each: place for place, each in enumerate(old[was : was + near], was)}
        for place, each in enumerate(new[at : at + near], at):
            if each in places:
                return places[each], place
        if near >= max(len(old) - was, len(new) - at):
            return len(old), len(new)
        near *= 2


def _common(old: Sequence[object], was: int, new: Sequence[object], at: int, step: int, least: int) -> int:
    """How much two sequences have in common from two places on: compared by `step` at first, and by `least` at last."""
    size = 0
    while step >= least:
        piece = new[at + size : at + size + step]
        if piece and piece == old[was + size : was + size + step]:
            size += len(piece)
        else:
            step //= 2
    return size
