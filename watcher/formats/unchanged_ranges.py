"""Reuse the parsed rows of byte ranges that did not change since the previous release. Knows no format.

How it works. A format cuts a document at *boundaries*, for example after each `</record>`, into pieces with one row
each. What a piece says depends on its own bytes alone. So two documents that are both at a boundary and have the same
bytes from there on have the same rows too, and the rows of the old one are copied without parsing.

`read_incrementally` goes through the new document and is always in one of two states:

- *In step*: it knows the row of the old document that the next piece should be. It compares the bytes of the two
  documents, copies the rows of all whole pieces that are equal, and reads a small block at the first difference.
- *Out of step*: it reads blocks, each twice as large as the one before. The format looks up every piece by its bytes;
  when the last row of a block is a row of the old document, the two are in step again, behind that row.

The simple code would read the whole document. A check of an IANA registry then parses 99% of it for nothing: releases
differ in a few rows. Tests hold both ways to the same answer for random edits (`tests/formats`).
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import cached_property
from itertools import accumulate
from typing import Self, TypeVar

from msgspec import Struct, field

from watcher.formats.base import Row

BLOCK = 2**18  # bytes of the largest block
_COMPARED = 2**16  # bytes that are compared at once
_LEAST_COMPARED = 16  # shorter equal ranges are not looked for
_NEARBY = 2**10  # rows that are compared or searched at once
_FIRST_WINDOW = 16  # rows that are searched first where two sequences differ
_WORTHWHILE = 4  # an equal range must be this many times longer than a block, or the blocks grow


class RowTable(Struct, dict=True):
    """The rows of a document, or of one part of it, with the bytes that each was read from."""

    begin: int  # where the first piece begins
    lengths: array[int] = field(default_factory=lambda: array("L"))  # of the pieces, in bytes
    rows: list[Row] = field(default_factory=list)
    open: bool = False  # the last piece has no end yet: more bytes after it could have belonged to it

    @cached_property
    def boundaries(self) -> list[int]:
        """The offset of each piece and the end of the last one. Ask only when the table is complete."""
        return list(accumulate(self.lengths, initial=self.begin))

    def copy_rows(self, old: Self, first: int, end: int) -> None:
        self.rows += old.rows[first:end]
        self.lengths += old.lengths[first:end]


Table = TypeVar("Table", bound=RowTable)
Element = TypeVar("Element", bound=Hashable)
# Appends the pieces from an offset on to the table until they have a number of bytes. Returns the offset behind them,
# and the last row if the cache had it.
ReadBlock = Callable[[int, int], tuple[int, Row | None]]


def read_incrementally(
    table: Table, data: bytes, end: int, old: Table | None, old_data: bytes, read_block: ReadBlock, *, first_block: int
) -> None:
    """Fill a table up to `end`; copy what did not change since `old`; read `first_block` bytes where they differ."""
    offset = table.begin
    boundaries = old.boundaries if old else [0]
    closed = len(boundaries) - 1 - old.open if old else 0  # rows of the old table that may be copied
    row_numbers: dict[Row, int] = {}
    # The next row of the old table while in step; None while out of step.
    expected, block = (0, first_block) if closed else (None, BLOCK)
    while offset < end:
        if old and expected is not None:
            start = boundaries[expected]
            equal_end = start + _common_length(old_data, start, data, offset, _COMPARED, _LEAST_COMPARED)
            equal_rows = min(bisect_right(boundaries, equal_end) - 1, closed)
            if (copied := boundaries[equal_rows] - start) > 0:
                table.copy_rows(old, expected, equal_rows)
                # Where differences are close together, comparing costs more than it saves: read larger blocks.
                block = first_block if copied > _WORTHWHILE * block else block
                offset, expected = offset + copied, equal_rows
                continue
        offset, row = read_block(offset, block)
        block = min(block * 2, BLOCK)
        expected = _find_next(old.rows, row_numbers, row, expected or 0) if old and row else None


def _find_next(rows: Sequence[Row], row_numbers: dict[Row, int], row: Row, near: int) -> int | None:
    """Return the number of the row after this one: searched from `near` on, then in `row_numbers`, filled once."""
    with suppress(ValueError):
        return rows.index(row, near, near + _NEARBY) + 1
    if not row_numbers:
        row_numbers.update((old_row, number) for number, old_row in enumerate(rows, 1))
    return row_numbers.get(row)


def find_differences(old: Sequence[Element], new: Sequence[Element]) -> tuple[list[Element], list[Element]]:
    """Return what only the old and only the new sequence has; a moved element may be in both."""
    removed: list[Element] = []
    added: list[Element] = []
    left = right = 0
    while left < len(old) and right < len(new):
        equal = _common_length(old, left, new, right, _NEARBY, 1)
        left, right = left + equal, right + equal
        next_left, next_right = _resynchronize(old, left, new, right)
        removed += old[left:next_left]
        added += new[right:next_right]
        left, right = next_left, next_right
    return [*removed, *old[left:]], [*added, *new[right:]]


def _resynchronize(old: Sequence[Element], left: int, new: Sequence[Element], right: int) -> tuple[int, int]:
    """Return the next places, from two places on, with the same element; the ends of both if there are none."""
    window = _FIRST_WINDOW
    while True:
        places = {element: place for place, element in enumerate(old[left : left + window], left)}
        for place, element in enumerate(new[right : right + window], right):
            if element in places:
                return places[element], place
        if window >= max(len(old) - left, len(new) - right):
            return len(old), len(new)
        window *= 2


def _common_length(old: Sequence[object], left: int, new: Sequence[object], right: int, step: int, least: int) -> int:
    """Return how long two sequences are equal from two places on, by slices of `step` down to `least`."""
    size = 0
    while step >= least:
        piece = new[right + size : right + size + step]
        if piece and piece == old[left + size : left + size + step]:
            size += len(piece)
        else:
            step //= 2
    return size
