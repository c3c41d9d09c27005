"""Compare two sequences in time that grows no faster than they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher
from typing import NamedTuple

Opcode = tuple[str, int, int, int, int]  # tag, and the places in both sequences, as `SequenceMatcher` has them
_COMPARISONS = 20  # of each element


class Hunk(NamedTuple):
    """Words that were replaced, with the words before and after them."""

    left: str
    removed: str
    added: str
    right: str


def compare_sequences(old: Sequence[str], new: Sequence[str]) -> Iterator[Opcode]:
    """Yield how one sequence becomes the other, `equal` parts too.

    Where that takes too many comparisons, the rest of a part is one replacement between its common start and end.
    """
    yield from _BoundedMatcher(old, new).get_opcodes()


class _BoundedMatcher(SequenceMatcher[str]):
    """A matcher that stops searching: `SequenceMatcher` needs the cube of the length of texts that repeat a word."""

    def __init__(self, old: Sequence[str], new: Sequence[str]) -> None:
        super().__init__(None, old, new, autojunk=False)
        self._old, self._new = old, new
        self._places: dict[str, list[int]] = self.b2j  # type: ignore[attr-defined]
        self._left = _COMPARISONS * (len(old) + len(new))

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        ahi, bhi = len(self._old) if ahi is None else ahi, len(self._new) if bhi is None else bhi
        if self._left > 0:
            self._left -= sum(1 + len(self._places.get(element, ())) for element in self._old[alo:ahi])
            if self._left > 0:
                return super().find_longest_match(alo, ahi, blo, bhi)
        most = min(ahi - alo, bhi - blo)
        size = next((n for n in range(most) if self._old[alo + n] != self._new[blo + n]), most)
        if size:
            return Match(alo, blo, size)
        size = next((n for n in range(most) if self._old[ahi - 1 - n] != self._new[bhi - 1 - n]), most)
        return Match(ahi - size, bhi - size, size)
