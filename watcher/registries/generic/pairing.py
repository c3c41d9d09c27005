"""Pairing of entries whose key changed, and of registries whose path changed.

The cases come from 65 months of 378 groups: a registry is renamed and its rows revised in the same edit; a value gets
or loses leading zeros; a note in brackets is added to a name; one more column is needed to tell rows apart.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import islice

from watcher.core.model import Content, Fields, Item, Section
from watcher.registries.base import PATH, Labels, PairingRule, Signature
from watcher.registries.generic import identity
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.value_ranges import parse_ranges

_SAME_TITLE = 2.0
_LEAST_LIKENESS = 0.5
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")

Sign = Callable[[Item, str], Signature]  # an item and the path of its registry in the new release


def pairing_rules(old: Content, new: Content) -> Sequence[PairingRule]:
    """Return the steps of pairing for two releases, the surest first."""
    new_paths = find_moved_registries(old, new)
    old_paths = {path: old_path for old_path, path in new_paths.items()}
    old_labels, new_labels = _labels(old), _labels(new)

    def labels_before(path: str, default: Labels) -> Labels:
        return old_labels.get(old_paths.get(path, path), default)

    shared_labels = {
        path: tuple(label for label in labels if label in labels_before(path, ()) and label != PATH)
        for path, labels in new_labels.items()
    }
    rekeyed = {path for path, labels in new_labels.items() if labels_before(path, labels) != labels}

    @cache
    def second_key(path: str) -> str | None:
        return _find_second_key(old, new, old_paths.get(path, path), path)

    def step(name: str, sign: Sign, *, interchangeable: bool = False) -> PairingRule:
        def sign_removed(item: Item) -> Signature:
            path = identity.path(item)
            return sign(item, new_paths.get(path, path))

        def sign_added(item: Item) -> Signature:
            return sign(item, identity.path(item))

        return PairingRule(name=name, removed=sign_removed, added=sign_added, interchangeable=interchangeable)

    def by_value(item: Item, path: str) -> Signature:
        cells = tuple(identity.normalize_value(item.fields.get(label, "")) for label in shared_labels.get(path, ()))
        return (path, *cells) if any(cells) and item.section is Section.ENTRY else None

    def by_value_and_title(item: Item, path: str) -> Signature:
        value = by_value(item, path)
        return (*value, identity.title(item).lower()) if value and is_assigned(item) else None

    def by_value_of_new_key(item: Item, path: str) -> Signature:
        return by_value(item, path) if path in rekeyed else None

    def by_second_key(item: Item, path: str) -> Signature:
        column = second_key(path) if is_assigned(item) else None
        text = item.fields.get(column, "") if column else ""
        return (path, text) if text else None

    return (
        step("the registry with another id or place", _by_registry),
        step("the same row under another key", _by_row, interchangeable=True),
        step("the same value and title in another notation", by_value_and_title),
        step("the same value in another notation", by_value),
        step("the same value, where other columns are the key", by_value_of_new_key, interchangeable=True),
        step("the same name without its note", _by_bare_name),
        step("the same template under another name", _by_template),
        step("the same title under another value", _by_title),
        step("the same text in another unique column", by_second_key),
        step("the same row in another registry", _by_row_anywhere, interchangeable=True),
        step("the same name in another registry", _by_name_anywhere),
    )


def find_moved_registries(old: Content, new: Content) -> Mapping[str, str]:
    """Return the new path of each registry whose path is gone: the same title, or at least half of its rows."""
    old_headers, new_headers = _headers(old), _headers(new)
    removed = {path: header for path, header in old_headers.items() if path not in new_headers}
    added = {path: header for path, header in new_headers.items() if path not in old_headers}
    new_paths: dict[str, str] = {}
    if not removed or not added:
        return new_paths
    titles = Counter(fields.get("title", "") for fields in old_headers.values())
    old_names, new_names = _names_by_path(old), _names_by_path(new)
    for path in sorted(removed):
        header = removed[path]
        scores = {
            other: _SAME_TITLE
            if header.get("title") and header.get("title") == added[other].get("title")
            else _share(old_names.get(path, Counter()), new_names.get(other, Counter()))
            for other in added
        }
        best = max(scores, key=lambda other: (scores[other], other), default="")
        if best and scores[best] >= _LEAST_LIKENESS and titles[header.get("title", "")] == 1:
            new_paths[path] = best
            del added[best]
    return new_paths


def _share(names: Counter[str], others: Counter[str]) -> float:
    """Return the share of names that are among others."""
    return (names & others).total() / names.total() if names else 0.0


def _headers(content: Content) -> dict[str, Fields]:
    return {
        key.part(PATH): item.fields
        for (section, key), item in content.items.items()
        if section is Section.REGISTRY and key.part(PATH)
    }


def _names_by_path(content: Content) -> dict[str, Counter[str]]:
    """Count the names in each registry. A value counts only without a title: many registries have the same values."""
    names: dict[str, Counter[str]] = {}
    for item in content.items.values():
        if is_assigned(item):
            name = identity.title(item) or " ".join(identity.values(item))
            names.setdefault(identity.path(item), Counter())[_bare(name)] += 1
    return names


def _labels(content: Content) -> dict[str, Labels]:
    return {key.part(PATH): key.labels for section, key in content.items if section is Section.ENTRY}


def _find_second_key(old: Content, new: Content, old_path: str, path: str) -> str | None:
    """Return a column besides the key that is unique in both releases."""
    old_rows, rows = _rows(old, old_path), _rows(new, path)
    candidates = islice(identity.unique_columns(old_rows), 1, None)
    return next((column for column in candidates if identity.is_unique(rows, column)), None)


def _rows(content: Content, path: str) -> list[Fields]:
    return [
        item.fields
        for (section, _), item in content.items.items()
        if section is Section.ENTRY and identity.path(item) == path
    ]


def _bare(name: str) -> str:
    """Return a name without the notes in brackets after it: (TEMPORARY - expires …), (deprecated)."""
    while (shorter := _BRACKETS.sub("", name)) != name and shorter:
        name = shorter
    return name.lower()


def _content(item: Item) -> tuple[str, ...]:
    return tuple(f"{name}\n{text}" for name, text in sorted(item.fields.items()))


def _by_registry(item: Item, path: str) -> Signature:
    return (path,) if item.section is Section.REGISTRY else None


def _by_row(item: Item, path: str) -> Signature:
    return (path, *_content(item)) if item.section is Section.ENTRY else None


def _by_row_anywhere(item: Item, path: str) -> Signature:  # noqa: ARG001 - one signature for all
    return _content(item) if item.section is Section.ENTRY else None


def _by_bare_name(item: Item, path: str) -> Signature:
    name = next(iter(identity.values(item)), "") if is_assigned(item) else ""
    return (path, _bare(name)) if name and not parse_ranges(name) else None


def _by_name_anywhere(item: Item, path: str) -> Signature:  # noqa: ARG001
    values = identity.values(item)
    is_named = is_assigned(item) and values and values[0] and not parse_ranges(values[0])
    return (*item.key.labels, *map(identity.fold, values)) if is_named else None


def _by_template(item: Item, path: str) -> Signature:
    """A media type with another name ("x - DEPRECATED in favor of y") keeps the file that registered it."""
    file = item.fields.get("file", "") if item.section is Section.ENTRY else ""
    return (path, file) if file else None


def _by_title(item: Item, path: str) -> Signature:
    """One title under another value: references and registration date have to agree."""
    title = identity.title(item)
    if not is_assigned(item) or not title:
        return None
    return path, title.lower(), item.fields.get("references", ""), item.fields.get("registered", "")
