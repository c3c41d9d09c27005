"""Columns of a plain table that only number its rows: the order of rows is no content, nor is the number of a row.

A row that is inserted renumbers all rows after it. Where the rows that stay change their order, the numbers are a rank,
and a change of it is a change like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from watcher.core.model import Content, Fields, Section
from watcher.registries.context import ChangeContext
from watcher.registries.entries import list_rows
from watcher.registries.generic.key_columns import ROW_NUMBER, is_running_number

_Numbers = tuple[str, str]  # of one row, before and after


def ignored_columns(context: ChangeContext) -> frozenset[str]:
    """Return the columns whose change alone is quiet: configured ones, and those that only number the rows."""
    return context.compute_once(_ignored_columns)


def _ignored_columns(context: ChangeContext) -> frozenset[str]:
    return frozenset((*context.table.ignore, *_renumbered_columns(context)))


def _renumbered_columns(context: ChangeContext) -> Iterator[str]:
    changed: dict[str, list[_Numbers]] = {}
    for change in context.changes if not context.new.document else ():
        if change.section is Section.ENTRY and change.before and change.after:
            for field in change.fields:
                changed.setdefault(field.name, []).append((field.before, field.after))
    for column, numbers in changed.items():
        # The changed rows alone exclude nearly every column, before all rows are read.
        if _keep_their_order(numbers) and all(
            is_running_number(context.compute_for(content, _rows), column) for content in (context.old, context.new)
        ):
            others = ((row[column], row[column]) for row in context.compute_once(_unchanged_rows))
            if _keep_their_order((*numbers, *others)):
                yield column


def _keep_their_order(numbers: Sequence[_Numbers]) -> bool:
    """Return whether rows with these numbers are in one order before and after."""
    if not all(ROW_NUMBER.fullmatch(text) for pair in numbers for text in pair):
        return False
    by_number = sorted((int(before), int(after)) for before, after in numbers)
    return all(earlier < later for (_, earlier), (_, later) in pairwise(by_number))


def _rows(content: Content) -> list[Fields]:
    return [row.fields for row in list_rows(content)]


def _unchanged_rows(context: ChangeContext) -> list[Fields]:
    """Return the rows that are the same in both releases."""
    changed = {(change.section, change.before.key) for change in context.changes if change.before}
    return [item.fields for key, item in context.old.items.items() if key[0] is Section.ENTRY and key not in changed]
