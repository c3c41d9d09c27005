"""Pairing of entries whose key changed, and of registries whose path changed.

The certain evidence comes first: a registry that moved, the same row, the same value under the old or the new key. The
rest is linked by features that few rows of the registry have (`diff/linkage.py`); `read_features` lists them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property

from watcher.core.model import FREE, Content, Fields, Item, Section, Status
from watcher.core.patterns import regex
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import PATH, Features, Labels, LinkageRule, PairingRule, Signature
from watcher.registries.entries import list_headers, list_labels
from watcher.registries.generic import entry_parts, identity
from watcher.registries.generic.key_columns import fold
from watcher.registries.generic.naming import OWNERS
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import strip_last

_SAME_TITLE = 2.0  # above the share of common names, 1 at most
_LEAST_LIKENESS = 0.5
_MOST_WITH_NAME = 200  # added registries: a name that more have tells none apart
_BRACKETS = regex(r"[(\[{][^()\[\]{}]*[)\]}]")
_WORD = regex(r"[^\W_]+")
_NOT_WORD = regex(r"[\W_]+")
_REFERENCE = regex(r"\[[^\[\]]+\]")
_PERSON = regex(r"\[[^\W\d]+(?:_[^\W\d]+)+\]")  # a reference to a contact: [Ann_Ashby]
_STOP_WORDS = frozenset(
    {"a", "an", "and", "as", "at", "be", "by", "for", "from", "in", "is"}
    | {"it", "of", "on", "or", "that", "the", "this", "to", "was", "with"}
)
# How much a shared feature counts.
_WHOLE_NAME, _NAME_WORD, _CELL, _WORD_OF_TEXT = 2.0, 1.0, 1.0, 0.5
_DATE = 2.0
_BEGIN, _END = 1.0, 0.75  # of a range, which keeps its beginning more often than its end

Sign = Callable[[Item, str], Signature]  # an item and the path of its registry in the new release


class _Registries:
    """The registries of two releases, with what the steps of pairing ask about them; each is computed once."""

    def __init__(self, old: Content, new: Content) -> None:
        self._old, self._new = old, new

    @cached_property
    def new_paths(self) -> Mapping[str, str]:
        return find_moved_registries(self._old, self._new)

    @cached_property
    def old_labels(self) -> Mapping[str, Labels]:
        """The key columns of the old release, by the path in the new one."""
        return {self.new_paths.get(path, path): labels for path, labels in list_labels(self._old).items()}

    @cached_property
    def new_labels(self) -> Mapping[str, Labels]:
        return list_labels(self._new)

    def read_new_path(self, item: Item) -> str:
        """Return the path that the registry of an old item has in the new release."""
        path = entry_parts.read_path(item)
        return self.new_paths.get(path, path)

    def sign_by_old_key(self, item: Item, path: str) -> Signature:
        """Return the key of the release before, if the registry has another key now."""
        old_labels, new_labels = self.old_labels.get(path), self.new_labels.get(path)
        is_rekeyed = old_labels is not None and new_labels is not None and old_labels != new_labels
        return _by_value(item, path, old_labels or ()) if is_rekeyed else None

    def sign_by_new_key(self, item: Item, path: str) -> Signature:
        return _by_value(item, path, self.new_labels.get(path, ()))

    def sign_by_value_and_title(self, item: Item, path: str) -> Signature:
        value = self.sign_by_new_key(item, path)
        return (*value, entry_parts.find_title(item).lower()) if value and is_assigned(item) else None

    def old_scope(self, item: Item) -> str | None:
        """Return the registry in which an old item may be linked."""
        return self.read_new_path(item) if is_assigned(item) else None

    def features_of(self, item: Item) -> Features:
        # A plain table has columns of any kind: two rows under chosen keys that share nothing are two things.
        is_chosen = not self._new.document and item.key.labels[:1] == (PATH,)
        return read_key_features(item) if is_chosen else read_features(item)

    def rows(self, path: str) -> Iterator[Features]:
        """Yield the features of all rows of a registry in both releases, by which their rarity is known."""
        for item, other in self._assigned_by_path.get(path, ()):
            same = other.items.get((item.section, item.key))
            if same is item and other is self._old:
                continue  # most rows are the same object in both releases: read once, with the old one
            # A new row seldom has an old date, so a date is as rare as it is among the rows to link.
            features = read_features(item, with_date=same is None) if self._new.document else self.features_of(item)
            yield features
            if same is item:
                yield features

    @cached_property
    def _assigned_by_path(self) -> Mapping[str, list[tuple[Item, Content]]]:
        """The assigned rows of both releases by registry, each with the other release."""
        rows: dict[str, list[tuple[Item, Content]]] = {}
        sides = ((self._old, self._new, self.read_new_path), (self._new, self._old, entry_parts.read_path))
        for content, other, read_path in sides:
            for item in filter(is_assigned, content.items.values()):
                rows.setdefault(read_path(item), []).append((item, other))
        return rows


def pairing_rules(old: Content, new: Content) -> Sequence[PairingRule | LinkageRule]:
    """Return the steps of pairing for two releases, the surest first."""
    registries = _Registries(old, new)

    def step(name: str, sign: Sign, *, interchangeable: bool = False) -> PairingRule:
        return PairingRule(
            name=name,
            removed=lambda item: sign(item, registries.read_new_path(item)),
            added=lambda item: sign(item, entry_parts.read_path(item)),
            interchangeable=interchangeable,
        )

    return (
        step("the registry with another id or place", _by_registry),
        PairingRule(name="the same person under another id", removed=contacts.by_details, added=contacts.by_details),
        step("the same row under another key", _by_row, interchangeable=True),
        step("the key of the release before", registries.sign_by_old_key),
        step("the same value and title in another notation", registries.sign_by_value_and_title),
        step("the same value in another notation", registries.sign_by_new_key),
        LinkageRule(
            name="what few rows of the registry have",
            removed=registries.old_scope,
            added=_new_scope,
            features=registries.features_of,
            rows=registries.rows,
        ),
        step("what is set aside under another value", _by_reservation),
        step("the same row in another registry", _by_row_anywhere, interchangeable=True),
        step("the same name in another registry", _by_name_anywhere),
    )


def _new_scope(item: Item) -> str | None:
    """Return the registry in which a new item may be linked."""
    return entry_parts.read_path(item) if is_assigned(item) or _is_named(item) else None


def read_features(item: Item, *, with_date: bool = True) -> Features:
    """Return what a row has that can show which entry it is: its name whole and in words, references, date, words."""
    features: dict[str, float] = {}

    def add(feature: str, weight: float) -> None:
        features[feature] = max(weight, features.get(feature, 0.0))

    for name in map(_strip_notes, _list_names(item)):
        add("name:" + fold_name(name), _WHOLE_NAME)
        for word in _words(name):
            add(word, _NAME_WORD)
    is_named = _is_named(item)
    for column, text in item.fields.items():
        if text and ":" not in column and column != "modified" and (with_date or column != "registered"):
            # What somebody registered under two names is two things.
            if is_named and column.lower() in OWNERS:
                continue
            for feature, weight in _read_cell(column, text):
                if not (is_named and _PERSON.fullmatch(feature)):
                    add(feature, weight)
    return features


def read_key_features(item: Item) -> Features:
    """Return the words in the key of a row, without numbers."""
    return {
        word: _NAME_WORD for value in entry_parts.read_values(item) for word in _words(value) if not word.isdecimal()
    }


def _list_names(item: Item) -> list[str]:
    """Return the texts of an entry's key, or its title where the key is numbers: the owner of a name is no name."""
    names = [text for text in entry_parts.read_values(item) if text and not parse_ranges(text)]
    return names or [entry_parts.find_title(item)]


def fold_name(text: str) -> str:
    """Return a name without case, remarks, spaces and punctuation: "Foo-Bar (deprecated)" is "foobar"."""
    return _NOT_WORD.sub("", _strip_notes(text))


def _read_cell(column: str, text: str) -> Iterator[tuple[str, float]]:
    if column == "references":
        yield from ((reference.lower(), _CELL) for reference in _REFERENCE.findall(text))
    elif column == "registered":
        yield f"{column}:{text}", _DATE
    elif column == "file":
        yield f"{column}:{text}", _WHOLE_NAME
    elif ranges := parse_ranges(text):
        yield f"{column} from {ranges[0].space}{ranges[0].low}", _BEGIN
        yield f"{column} to {ranges[-1].space}{ranges[-1].high}", _END
    else:
        yield from ((word, _WORD_OF_TEXT) for word in _words(_strip_notes(text)))


def _is_named(item: Item) -> bool:
    """Return whether the key of a row is a name: a reserved number, unlike a reserved name, is any number."""
    return any(value and not parse_ranges(value) for value in entry_parts.read_values(item))


def _words(text: str) -> Iterator[str]:
    return (word for word in _WORD.findall(text.lower()) if word not in _STOP_WORDS)


def _by_value(item: Item, path: str, labels: Labels) -> Signature:
    cells = tuple(identity.normalize_value(item.fields.get(label, "")) for label in labels if label != PATH)
    return (path, *cells) if any(cells) and item.section is Section.ENTRY else None


def find_moved_registries(old: Content, new: Content) -> Mapping[str, str]:
    """Return the new path of each registry that moved: it has the same title, or at least half of the names."""
    old_headers, new_headers = _headers(old), _headers(new)
    removed = {path: header for path, header in old_headers.items() if path not in new_headers}
    added = {path: header for path, header in new_headers.items() if path not in old_headers}
    new_paths: dict[str, str] = {}
    if not removed or not added:
        return new_paths
    titles = Counter(fields.get("title", "") for fields in old_headers.values())
    old_names, new_names = _names_by_path(old), _names_by_path(new)
    by_title: dict[str, list[str]] = {}
    by_name: dict[str, list[str]] = {}
    for path in sorted(added):
        by_title.setdefault(added[path].get("title", ""), []).append(path)
        for name in new_names.get(path, ()):
            by_name.setdefault(name, []).append(path)
    for path in sorted(removed):
        title = removed[path].get("title", "")
        if titles[title] != 1:
            continue
        names = old_names.get(path, Counter())
        shared: Counter[str] = Counter()
        for name, number in names.items():
            if len(others := by_name.get(name, ())) <= _MOST_WITH_NAME:
                shared.update({other: min(number, new_names[other][name]) for other in others if other in added})
        scores = {other: number / names.total() for other, number in shared.items()}
        same = by_title.get(title, []) if title else []
        while same and same[-1] not in added:
            same.pop()
        if same:
            scores[same[-1]] = _SAME_TITLE
        best = max(scores, key=lambda other: (scores[other], other), default="")
        if best and scores[best] >= _LEAST_LIKENESS:
            new_paths[path] = best
            del added[best]
    return new_paths


def _headers(content: Content) -> dict[str, Fields]:
    return {path: header.fields for path, header in list_headers(content).items() if path}


def _names_by_path(content: Content) -> dict[str, Counter[str]]:
    """Count the names in each registry: titles, and values of rows without one, as many registries share values."""
    names: dict[str, list[str]] = {}
    for item in content.items.values():
        if is_assigned(item):
            value = " ".join(entry_parts.read_values(item))
            # A value that is a name lasts longer than the text that describes it.
            name = entry_parts.find_title(item) if parse_ranges(value) else value
            names.setdefault(entry_parts.read_path(item), []).append(_strip_notes(name or value))
    return {path: Counter(listed) for path, listed in names.items()}


def _strip_notes(name: str) -> str:
    """Return a name in lower case, without the notes in brackets after it: (TEMPORARY - expires …), (deprecated)."""
    return strip_last(_BRACKETS, name).lower()


def _content(item: Item) -> tuple[str, ...]:
    return tuple(f"{name}\n{text}" for name, text in sorted(item.fields.items()))


def _by_registry(item: Item, path: str) -> Signature:
    return (path,) if item.section is Section.REGISTRY else None


def _by_row(item: Item, path: str) -> Signature:
    return (path, *_content(item)) if item.section is Section.ENTRY else None


def _by_reservation(item: Item, path: str) -> Signature:
    """Return what tells a dated row without an owner from the others of its registry: "Experimental" of 2016-04-14."""
    day = item.fields.get("registered", "")
    is_free = item.section is Section.ENTRY and item.status in FREE and item.status is not Status.UNASSIGNED
    return (path, str(item.status), entry_parts.find_title(item).lower(), day) if is_free and day else None


def _by_row_anywhere(item: Item, path: str) -> Signature:  # noqa: ARG001 - one signature for all
    if item.section is not Section.ENTRY:
        return None
    if not is_assigned(item):
        return _content(item)
    return tuple(f"{name}\n{fold(text)}" for name, text in sorted(item.fields.items()) if name != "modified")


def _by_name_anywhere(item: Item, path: str) -> Signature:  # noqa: ARG001
    values = entry_parts.read_values(item)
    is_named = is_assigned(item) and values and values[0] and not parse_ranges(values[0])
    return (*item.key.labels, *map(fold, values)) if is_named else None
