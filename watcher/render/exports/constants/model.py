"""The constants of a release, before a language names them."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

from watcher.core.model import RETIRED
from watcher.render.exports.base import ExportEntry
from watcher.render.exports.constants.values import NumberType
from watcher.render.exports.constants.words import Words


class Constant(Struct, frozen=True, kw_only=True):
    """What a program can use by name: a text, or a number, or the first and the last number of a range.

    `label` is the name in the registry, `words` are those of the identifier. `entries` are all that have this name and
    this value, such as those of tcp and udp; one that is in use comes first.
    """

    words: Words
    label: str
    low: int
    high: int
    text: str | None
    entries: tuple[ExportEntry, ...]

    @property
    def entry(self) -> ExportEntry:
        return self.entries[0]

    @property
    def value(self) -> int | str:
        """The text, or the number; of a range the first one."""
        return self.low if self.text is None else self.text

    @property
    def is_range(self) -> bool:
        return self.low != self.high

    @property
    def is_retired(self) -> bool:
        return self.entry.item.status in RETIRED

    @property
    def suffix(self) -> Words:
        """The word that tells it from an entry of the same name: its number; none for a text."""
        return (f"{'M' if self.low < 0 else ''}{abs(self.low)}",) if self.text is None else ()


class ConstantSet(Struct, frozen=True, kw_only=True):
    """The constants of one nested registry. A set of texts has no `type`."""

    path: str
    title: str
    type: NumberType | None
    constants: tuple[Constant, ...]

    def list_singles(self) -> Iterator[Constant]:
        """Yield one constant for each value: of several, the first that is in use."""
        by_value: dict[tuple[int, str], Constant] = {}
        for constant in sorted(self.constants, key=lambda constant: constant.is_retired):
            if not constant.is_range:
                by_value.setdefault((constant.low, constant.text or ""), constant)
        yield from (by_value[value] for value in sorted(by_value))

    def list_ranges(self) -> Iterator[Constant]:
        """Yield the ranges, the narrowest first, so that a range inside another one comes before it."""
        ranges = (constant for constant in self.constants if constant.is_range)
        yield from sorted(ranges, key=lambda span: (span.high - span.low, span.low, span.is_retired))
