"""Identifiers in the style of a language, each once in its scope.

Entries of one name that have several values all receive a suffix that comes from their value, never from their order:
a further entry changes the identifier of an entry only where both would have the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct

from watcher.render.exports.base import Omission
from watcher.render.exports.constants.model import Constant
from watcher.render.exports.constants.words import Words, make_digest

_HIGHEST_LEVEL = 2  # the name alone; with its value; with a digest of the entry too


class NamingStyle(Struct, frozen=True, kw_only=True):
    """How a language writes identifiers.

    `join_name` and `join_type` make one of words; one in `reserved` ends with an underscore. `is_flat`: constants are
    named in the scope of the file, so the words of their registry come first, as a type (`is_typed`) or as other words.
    `lowest` and `highest` bound its numbers.
    `refuses` has the characters that its texts cannot have.
    """

    join_name: Callable[[Words], str]
    join_type: Callable[[Words], str]
    reserved: Collection[str] = frozenset()
    is_flat: bool = False
    is_typed: bool = False
    lowest: int = -(2**63)
    highest: int = 2**64 - 1
    refuses: str = ""

    def name_type(self, words: Words) -> str:
        return self._avoid_reserved(self.join_type(words))

    def name_constant(self, prefix: Words, words: Words) -> str:
        if self.is_typed and prefix:
            return self.join_name((self.join_type(prefix), *words))
        return self._avoid_reserved(self.join_name(prefix + words))

    def _avoid_reserved(self, identifier: str) -> str:
        return f"{identifier}_" if identifier in self.reserved else identifier


class Identifier(Struct, frozen=True, kw_only=True):
    """One identifier and its value. `renamed` is the day on which a former name ended, "" for the present one."""

    name: str
    value: int | str
    constant: Constant
    renamed: str = ""

    @property
    def deprecation(self) -> str:
        """Why nobody should use it; "" if there is no reason."""
        if self.renamed:
            return f"renamed to {self.constant.label} on {self.renamed}"
        return f"{self.constant.entry.item.status} in the registry" if self.constant.is_retired else ""


class NameCandidate(Struct, frozen=True, kw_only=True, eq=False):
    """A constant, or an old name of one, that needs identifiers: one, or two for a range. Equal only to itself."""

    constant: Constant
    words: Words
    prefix: Words
    renamed: str = ""
    old_name: str = ""

    def list_names(self, style: NamingStyle, level: int) -> tuple[str, ...]:
        """Return its identifiers; each level makes them longer and less likely to be those of another one."""
        constant, words = self.constant, self.words
        if level:
            words += constant.suffix or (make_digest(constant.text or ""),)
        if level == _HIGHEST_LEVEL:
            words += (make_digest(repr((constant.entry.item.key, self.words))),)
        ends: tuple[Words, ...] = (("first",), ("last",)) if constant.is_range else ((),)
        return tuple(style.name_constant(self.prefix, words + end) for end in ends)

    def list_identifiers(self, names: Mapping[NameCandidate, tuple[str, ...]]) -> Iterator[Identifier]:
        constant = self.constant
        values: tuple[int | str, ...] = (constant.low, constant.high) if constant.text is None else (constant.text,)
        for name, value in zip(names.get(self, ()), values, strict=False):
            yield Identifier(name=name, value=value, constant=constant, renamed=self.renamed)

    def omit(self, reason: str) -> Omission:
        return Omission(entry=self.constant.entry, reason=reason, old_name=self.old_name)


def settle_names(
    candidates: Sequence[NameCandidate], style: NamingStyle, taken: AbstractSet[str]
) -> dict[NameCandidate, tuple[str, ...]]:
    """Return the identifiers of candidates in one scope; those that collide at every level have none."""
    levels = dict.fromkeys(candidates, 0)
    names = {candidate: candidate.list_names(style, 0) for candidate in candidates}
    while True:
        counts = Counter(name for listed in names.values() for name in listed)
        colliding = [
            candidate
            for candidate, listed in names.items()
            if any(counts[name] > 1 or name in taken for name in listed)
        ]
        raised = [candidate for candidate in colliding if levels[candidate] < _HIGHEST_LEVEL]
        if not raised:
            return {candidate: listed for candidate, listed in names.items() if candidate not in {*colliding}}
        for candidate in raised:
            levels[candidate] += 1
            names[candidate] = candidate.list_names(style, levels[candidate])
