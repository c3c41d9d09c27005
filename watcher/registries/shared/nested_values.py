"""Differences of nested JSON values, which a JSON source keeps as the text of one field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from watcher.core.lazy import load

if TYPE_CHECKING:
    import deepdiff
else:
    deepdiff = load("deepdiff")

_BEGINNINGS = ("[{", "[[")
_LONGEST_COMPARED = 30_000  # characters of both texts; longer ones are compared by their words
_ADDED = ("dictionary_item_added", "iterable_item_added")
_REMOVED = ("dictionary_item_removed", "iterable_item_removed")
_CHANGED = ("values_changed", "type_changes")


def is_nested(text: str) -> bool:
    """Return whether a text looks like the JSON of a nested value."""
    return text.startswith(_BEGINNINGS)


def find_nested_changes(before: str, after: str, most: int) -> list[str]:
    """Return how two JSON texts differ, by path: "l10 added", "l11.state usable → retired"; at most so many.

    The items of a list of objects are found by the first of their members that identifies them, not by their place.
    The list is empty if a text is no JSON or too long, or if only the order differs.
    """
    if not (is_nested(before) or is_nested(after)) or len(before) + len(after) > _LONGEST_COMPARED:
        return []
    try:
        old, new = json.loads(before), json.loads(after)
        return list(islice(_describe(*_by_identity(old, new)), most))
    except (ValueError, RecursionError):
        return []


def _describe(old: Any, new: Any) -> Iterator[str]:
    differences = deepdiff.DeepDiff(old, new, view="tree", verbose_level=1)
    for kinds, verb in ((_ADDED, "added"), (_REMOVED, "removed")):
        for kind in kinds:
            for level in differences.get(kind, ()):
                yield f"{_path(level)} {verb}"
    for kind in _CHANGED:
        for level in differences.get(kind, ()):
            yield f"{_path(level)} {_shown(level.t1)} → {_shown(level.t2)}".strip()


def _path(level: Any) -> str:
    return ".".join(map(str, level.path(output_format="list")))


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _by_identity(old: Any, new: Any) -> tuple[Any, Any]:
    """Return two values with their lists as objects, where the items can be identified."""
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = {name: _by_identity(old[name], new[name]) for name in old if name in new}
        return (
            {name: pairs[name][0] if name in pairs else value for name, value in old.items()},
            {name: pairs[name][1] if name in pairs else value for name, value in new.items()},
        )
    if isinstance(old, list) and isinstance(new, list):
        member = _identifying_member(old, new)
        if member is not None:
            return _by_identity(*({item[member]: item for item in items} for items in (old, new)))
        if all(isinstance(item, str) for item in [*old, *new]) and {*old} != {*new}:
            return dict.fromkeys(old, ""), dict.fromkeys(new, "")
    return old, new


def _identifying_member(old: list[Any], new: list[Any]) -> str | None:
    """Return the first member that every object of two lists has as another text."""
    items = [*old, *new]
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    for member in items[0]:
        if all(isinstance(item.get(member), str) and item[member] for item in items) and all(
            len({item[member] for item in values}) == len(values) for values in (old, new)
        ):
            return str(member)
    return None
