"""Find the row that remains where a registry listed an entry twice and removed one of the rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from watcher.core.model import MARKUP, Item
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import PATH
from watcher.registries.context import ChangeContext
from watcher.registries.entries import Entries, HasFields
from watcher.registries.generic import entry_parts
from watcher.registries.generic.key_columns import META
from watcher.registries.generic.naming import find_name, strip_brackets
from watcher.registries.generic.registry_rows import rows_of
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.references import documents, find_references

_MOST_CANDIDATES = 100  # a word that more rows have in their key tells nothing


def find_twin(item: Item, context: ChangeContext) -> Item | None:
    """Return the row of the new release that a removed row was merged into, or None.

    It has the same key and took over the references; or it has all words of the removed row, but for one column that
    groups the rows ("Document Description" and "Document Status"), and cites its document.
    """
    first = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    if first is not None and is_assigned(first) and find_name(first, context) == find_name(item, context):
        cited = _cited(" ".join(item.fields.values()))
        if cited and cited <= _cited(" ".join(first.fields.values())):
            return first
    if not (names := _names(entry_parts.read_values(item))):
        return None  # before the names of all rows are read
    rows = rows_of(context, context.new).derive(entry_parts.read_path(item), _RowsByName)
    groups = [rows.find(name) for name in names]
    candidates = (row for group in groups if len(group) <= _MOST_CANDIDATES for row in group)
    return min((row for row in candidates if _is_absorbed(item, row)), key=lambda row: row.key, default=None)


@lru_cache(maxsize=100)
def _cited(text: str) -> frozenset[str]:
    return documents(find_references(text))


class _RowsByName:
    """The assigned rows of a registry by each name in their keys."""

    def __init__(self, entries: Entries) -> None:
        self._entries = entries
        self._items: dict[str, list[Item]] = {}
        self._rows: dict[str, list[HasFields]] = {}
        labels = entries.value_labels
        for row in entries.list_rows():
            for name in _names(row.fields.get(label, "") for label in labels):
                self._rows.setdefault(name, []).append(row)

    def find(self, name: str) -> Sequence[Item]:
        if name not in self._items:
            self._items[name] = [*filter(is_assigned, self._entries.make_entries(self._rows.get(name, ())))]
        return self._items[name]


def _names(values: Iterable[str]) -> list[str]:
    return [strip_brackets(value).casefold() for value in values if value and not parse_ranges(value)]


def _is_absorbed(item: Item, other: Item) -> bool:
    keys = {label for label in item.key.labels if label != PATH}
    differing = [
        name
        for name, text in item.fields.items()
        if name not in META and not name.startswith(MARKUP) and not _has(text, other.fields.get(name, ""), name in keys)
    ]
    cited, kept = (documents(find_references(row.fields.get("references", ""))) for row in (item, other))
    if not differing:
        return cited <= kept
    (name, *more) = differing
    # Error values of two error types may have one name: a number does not group rows.
    return not more and len(keys) > 1 and name in keys and not parse_ranges(item.fields[name])


def _has(text: str, other: str, is_key: bool) -> bool:
    if is_key:
        return strip_brackets(text).casefold() == strip_brackets(other).casefold()
    return _words(text) <= _words(other)


@lru_cache(maxsize=100)  # one large row can be a candidate for each removed row
def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"[^\s,;|]+", text.casefold()))
