"""The constants of a release under the names of a language: types for registries, identifiers for entries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

from msgspec import Struct
from msgspec.structs import replace

from watcher.render.exports.base import ExportedRelease, Omission
from watcher.render.exports.constants.collect import collect_constants, find_title
from watcher.render.exports.constants.identifiers import Identifier, NameCandidate, NamingStyle, settle_names
from watcher.render.exports.constants.model import Constant, ConstantSet
from watcher.render.exports.constants.words import Words, find_spellings, make_digest, name_registry, split_words

SAME_NAME = "with an identifier that another entry has"
TOO_LARGE = "with a number that the language does not hold exactly"
BAD_TEXT = "with a text that the language cannot hold"
TAKEN_NAME = "because another entry has the identifier"
NAME_IS_VALUE = "because the name was the value"

_BySet = dict[str, list[NameCandidate]]


class NamedSet(Struct, frozen=True, kw_only=True):
    """The constants of one registry. `name` is that of its type, module or prefix, made of `words`."""

    name: str
    words: Words
    constants: ConstantSet
    identifiers: tuple[Identifier, ...]

    def write(self, value: int | str, quote: Callable[[str], str]) -> str:
        """Return the literal of a value; `quote` makes that of a text."""
        number_type = self.constants.type
        return quote(str(value)) if isinstance(value, str) or not number_type else number_type.write(value)


class NamedRelease(Struct, frozen=True, kw_only=True):
    """All identifiers of a file, and what has none."""

    sets: tuple[NamedSet, ...]
    written: int
    omissions: tuple[Omission, ...]
    lost_names: tuple[Omission, ...]


def name_constants(state: ExportedRelease, style: NamingStyle) -> NamedRelease:
    """Return the constants of a release under identifiers of a language."""
    sets, omissions = collect_constants(state)
    prefixes = choose_prefixes(state)
    current: _BySet = {}
    for constants in sets:
        current[constants.path] = listed = []
        for constant in constants.constants:
            if reason := _find_reason(constant, style):
                omissions += [Omission(entry=entry, reason=reason) for entry in constant.entries]
            else:
                prefix = prefixes[constants.path] if style.is_flat else ()
                listed.append(NameCandidate(constant=constant, words=constant.words, prefix=prefix))
    former = {path: [*_list_old_names(candidates)] for path, candidates in current.items()}
    names = _settle_scopes(current, former, style, prefixes)
    named_sets = []
    for constants in sets:
        path = constants.path
        kept = tuple(candidate.constant for candidate in current[path] if candidate in names)
        if kept:
            identifiers = (candidate.list_identifiers(names) for candidate in (*current[path], *former[path]))
            named = NamedSet(
                name=style.name_type(prefixes[path]),
                words=prefixes[path],
                constants=replace(constants, constants=kept),
                identifiers=tuple(chain.from_iterable(identifiers)),
            )
            named_sets.append(named)
    for candidates in current.values():
        nameless = (candidate.constant for candidate in candidates if candidate not in names)
        omissions += [Omission(entry=entry, reason=SAME_NAME) for constant in nameless for entry in constant.entries]
    lost = [
        old.omit(NAME_IS_VALUE if old.constant.text is not None else TAKEN_NAME)
        for candidates in former.values()
        for old in candidates
        if old not in names
    ]
    return NamedRelease(
        sets=tuple(named_sets),
        written=len(state.entries) - len(omissions),
        omissions=tuple(omissions),
        lost_names=tuple(lost),
    )


def choose_prefixes(state: ExportedRelease) -> dict[str, Words]:
    """Return the words of each registry of a group by its path; those with one title have their ids behind it."""
    # A group often has the title of its only registry, and seldom entries of its own.
    nested = filter(None, state.headers)
    paths = dict.fromkeys((*nested, *(entry.registry for entry in state.entries)))
    group = state.document or state.source
    spellings = find_spellings(find_title(state, path) for path in ("", *paths))
    prefixes = {path: name_registry(find_title(state, path), group, spellings) or ("registry",) for path in paths}
    for suffix in (_split_id, _digest_path):
        counts = Counter(map(_fold, prefixes.values()))
        prefixes = {
            path: words + suffix(path) if counts[_fold(words)] > 1 else words for path, words in prefixes.items()
        }
    return prefixes


def _split_id(path: str) -> Words:
    return split_words(path.rpartition("/")[2])


def _digest_path(path: str) -> Words:
    return (make_digest(path),)


def _fold(words: Words) -> str:
    """Return what registries must not share: no language may tell their types apart by case or underscores alone."""
    return "".join(words).upper()


def _find_reason(constant: Constant, style: NamingStyle) -> str:
    """Return why the language cannot express a constant, or ""."""
    if constant.text is not None:
        return BAD_TEXT if any(char in constant.text for char in style.refuses) else ""
    return "" if style.lowest <= constant.low <= constant.high <= style.highest else TOO_LARGE


def _list_old_names(candidates: Sequence[NameCandidate]) -> Iterator[NameCandidate]:
    for candidate in candidates:
        constant = candidate.constant
        words = {_fold(candidate.words)}
        for entry in constant.entries:
            for old in entry.old_names:
                old_words = split_words(old.name)
                if old_words and _fold(old_words) not in words:
                    words.add(_fold(old_words))
                    yield replace(candidate, words=old_words, renamed=old.renamed, old_name=old.name)


def _settle_scopes(
    current: _BySet, former: _BySet, style: NamingStyle, prefixes: dict[str, Words]
) -> dict[NameCandidate, tuple[str, ...]]:
    """Return the identifiers of all candidates. An old name never changes that of an entry."""
    types = {style.name_type(prefixes[path]) for path in current}
    scopes = [[*current]] if style.is_flat else [[path] for path in current]
    names: dict[NameCandidate, tuple[str, ...]] = {}
    for paths in scopes:
        taken = set(types) if style.is_flat else set()
        present = settle_names([candidate for path in paths for candidate in current[path]], style, taken)
        taken.update(name for listed in present.values() for name in listed)
        numbers = [old for path in paths for old in former[path] if old.constant.text is None]
        names |= present | settle_names(numbers, style, taken)
    return names
