"""Decide whether two contents can be releases of one table. Pure.

A plain table has no id that says what it is: an error message can be read as one, and so can the wrong file.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from watcher.core.model import ROOT, Content, Section
from watcher.formats.base import PLACE
from watcher.registries.entries import list_rows, shares_most_rows

_ENTRIES_COMPARED = 3  # a smaller table may lose all its entries
_ROWS_WITH_COLUMNS = 200
_MOST_NAMED = 5
_LONGEST_NAME = 40


def describe_unrelated(old: Content, new: Content, *, compare_entries: bool = True) -> str:
    """Return what two contents do not share, all of it, as a sentence; "" if they may be releases of one table."""
    if old.document or new.document:
        if old.document and new.document and old.document != new.document:
            return f"this is the registry {new.document!r}; it was {old.document!r}"
        return ""
    if not old.entries or not new.entries:
        return f"none of the {old.entries} entries is left" if old.entries >= _ENTRIES_COMPARED else ""
    place, was = (content.items[Section.REGISTRY, ROOT].fields.get(PLACE, "") for content in (new, old))
    columns, old_columns = _columns(new), _columns(old)
    if was and place != was:
        return f"the rows are at {place or 'the top'!r}; they were at {was!r}"
    if columns and old_columns and columns.isdisjoint(old_columns):
        return f"none of the columns {_join_some(old_columns)} is left: it has {_join_some(columns)}"
    if compare_entries and old.entries >= _ENTRIES_COMPARED and _share_no_entry(old, new):
        return f"none of the {old.entries} entries is left"
    return ""


def _columns(content: Content) -> frozenset[str]:
    """Return the columns of a table, by its first rows."""
    return frozenset(name for row in islice(list_rows(content), _ROWS_WITH_COLUMNS) for name in row.fields)


def _share_no_entry(old: Content, new: Content) -> bool:
    """Return whether two tables have no key in common; if their key columns differ, no text."""
    if shares_most_rows(new):
        return False
    keys, old_keys = ([key for key in content.items if key[0] is Section.ENTRY] for content in (new, old))
    if keys[0][1].labels == old_keys[0][1].labels:
        return not any(key in old.items for key in keys)
    texts = {text for key in old_keys for text in old.items[key].fields.values()}
    return all(texts.isdisjoint(new.items[key].fields.values()) for key in keys)


def _join_some(names: Iterable[str]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - _MOST_NAMED} more" if len(shown) > _MOST_NAMED else ""
    return ", ".join(map(_shorten, shown[:_MOST_NAMED])) + more


def _shorten(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"
