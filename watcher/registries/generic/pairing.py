"""Rows of an IANA registry that stand under another key, and registries under another id, put together again.

Read off 65 months of 378 groups: a registry is renamed and its rows revised in the same edit; a value gets or loses
leading zeros; a note in brackets is put behind a name; one more column is needed to tell rows apart.
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
from watcher.registries.shared.value_ranges import spans

_MOSTLY = 0.5
_BRACKETS = re.compile(r"\s*[(\[][^()\[\]]*[)\]]\s*$")

Sign = Callable[[Item, str], Signature]


def pairing_rules(old: Content, new: Content) -> Sequence[PairingRule]:
    """Return the steps of pairing for two releases, the surest first."""
    moved = registries_that_moved(old, new)
    before, after = _labels(old), _labels(new)
    shared = {
        place: tuple(label for label in labels if label in before.get(_origin(place, moved), ()) and label != PATH)
        for place, labels in after.items()
    }
    rekeyed = {place for place, labels in after.items() if before.get(_origin(place, moved), labels) != labels}

    @cache
    def second(place: str) -> str | None:
        return _second_key(old, new, _origin(place, moved), place)

    def step(name: str, sign: Sign, *, interchangeable: bool = False) -> PairingRule:
        def gone(item: Item) -> Signature:
            place = identity.path(item)
            return sign(item, moved.get(place, place))

        return PairingRule(
            name=name, removed=gone, added=lambda item: sign(item, identity.path(item)), interchangeable=interchangeable
        )

    def value(item: Item, place: str) -> Signature:
        cells = tuple(identity.canonical(item.fields.get(label, "")) for label in shared.get(place, ()))
        return (place, *cells) if any(cells) and item.section is Section.ENTRY else None

    def value_and_title(item: Item, place: str) -> Signature:
        found = value(item, place)
        return (*found, identity.title(item).lower()) if found and identity.is_assigned(item) else None

    def value_of_a_new_key(item: Item, place: str) -> Signature:
        return value(item, place) if place in rekeyed else None

    def other_column(item: Item, place: str) -> Signature:
        column = second(place) if identity.is_assigned(item) else None
        text = item.fields.get(column, "") if column else ""
        return (place, text) if text else None

    return (
        step("the registry under another id or in another place", _registry),
        step("the same row under another key", _row, interchangeable=True),
        step("the same value and title, written in another way", value_and_title),
        step("the same value, written in another way", value),
        step("the same value, where other columns identify the rows", value_of_a_new_key, interchangeable=True),
        step("the same name without its note", _bare_name),
        step("the same template under another name", _template),
        step("the same thing under another value", _title),
        step("the same in another column that identifies", other_column),
        step("the same row in another registry", _row_elsewhere, interchangeable=True),
        step("the same name in another registry", _name_elsewhere),
    )


def registries_that_moved(old: Content, new: Content) -> Mapping[str, str]:
    """Return the paths of registries that went, and where each went: the same title, or most of the same rows."""
    gone, came = _headers(old), _headers(new)
    free = {path: header for path, header in came.items() if path not in gone}
    moved: dict[str, str] = {}
    lost = {path: header for path, header in gone.items() if path not in came}
    if not lost or not free:
        return moved
    titles, rows = _titles(old), (_values(old), _values(new))
    for path in sorted(lost):
        scores = {other: _likeness(path, other, lost[path], free[other], rows) for other in free}
        best = max(scores, key=lambda other: (scores[other], other), default="")
        if best and scores[best] >= _MOSTLY and titles[lost[path].get("title", "")] == 1:
            moved[path] = best
            del free[best]
    return moved


def _likeness(
    path: str,
    other: str,
    old: Fields,
    new: Fields,
    rows: tuple[Mapping[str, Counter[str]], Mapping[str, Counter[str]]],
) -> float:
    """How sure it is that two paths are one registry: 2 for its title, else the share of its values that are there."""
    if old.get("title") and old.get("title") == new.get("title"):
        return 2.0
    before, after = rows[0].get(path, Counter()), rows[1].get(other, Counter())
    return (before & after).total() / before.total() if before else 0.0


def _headers(content: Content) -> dict[str, Fields]:
    return {
        key.part(PATH): item.fields
        for (section, key), item in content.items.items()
        if section is Section.REGISTRY and key.part(PATH)
    }


def _titles(content: Content) -> Counter[str]:
    return Counter(fields.get("title", "") for fields in _headers(content).values())


def _values(content: Content) -> dict[str, Counter[str]]:
    """What each registry gives, by what it is called; a plain value alone is in too many of them."""
    found: dict[str, Counter[str]] = {}
    for item in content.items.values():
        if identity.is_assigned(item):
            called = identity.title(item) or " ".join(identity.values(item))
            found.setdefault(identity.path(item), Counter())[_bare(called)] += 1
    return found


def _labels(content: Content) -> dict[str, Labels]:
    return {key.part(PATH): key.labels for section, key in content.items if section is Section.ENTRY}


def _origin(place: str, moved: Mapping[str, str]) -> str:
    return next((old for old, new in moved.items() if new == place), place)


def _second_key(old: Content, new: Content, before: str, after: str) -> str | None:
    """A column besides the key that identifies the rows of a registry in both releases."""
    rows, others = _rows(old, before), _rows(new, after)
    return next(
        (each for each in islice(identity.identifying(rows), 1, None) if identity.identifies(others, each)), None
    )


def _rows(content: Content, place: str) -> list[Fields]:
    return [
        item.fields
        for (section, _), item in content.items.items()
        if section is Section.ENTRY and identity.path(item) == place
    ]


def _bare(text: str) -> str:
    """A name without the notes in brackets behind it: (TEMPORARY - expires …), (deprecated)."""
    while (shorter := _BRACKETS.sub("", text)) != text and shorter:
        text = shorter
    return text.lower()


def _content(item: Item) -> tuple[str, ...]:
    return tuple(f"{name}\n{text}" for name, text in sorted(item.fields.items()))


def _registry(item: Item, place: str) -> Signature:
    return (place,) if item.section is Section.REGISTRY else None


def _row(item: Item, place: str) -> Signature:
    return (place, *_content(item)) if item.section is Section.ENTRY else None


def _row_elsewhere(item: Item, place: str) -> Signature:  # noqa: ARG001 - one signature for all
    return _content(item) if item.section is Section.ENTRY else None


def _bare_name(item: Item, place: str) -> Signature:
    name = next(iter(identity.values(item)), "") if identity.is_assigned(item) else ""
    return (place, _bare(name)) if name and not spans(name) else None


def _name_elsewhere(item: Item, place: str) -> Signature:  # noqa: ARG001
    values = identity.values(item)
    named = identity.is_assigned(item) and values and values[0] and not spans(values[0])
    return (*item.key.labels, *map(identity.folded, values)) if named else None


def _template(item: Item, place: str) -> Signature:
    """A media type under another name ("x - DEPRECATED in favor of y") keeps the file that registered it."""
    file = item.fields.get("file", "") if item.section is Section.ENTRY else ""
    return (place, file) if file else None


def _title(item: Item, place: str) -> Signature:
    """The same thing under another value, where more than the title says so."""
    called = identity.title(item)
    if not identity.is_assigned(item) or not called:
        return None
    return place, called.lower(), item.fields.get("references", ""), item.fields.get("registered", "")
