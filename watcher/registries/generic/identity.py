"""The identity of entries in any IANA registry: key columns, status, and which changes are bookkeeping.

The rules come from 2,400 registries in 65 months and name no registry. Where no key is declared, `key_columns` chooses
one from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.core.model import MARKUP, Change, Fields, Item, Section, Status
from watcher.core.value_ranges import parse_ranges
from watcher.formats.base import FieldMap
from watcher.registries.base import PATH, Labels, Rows
from watcher.registries.context import ChangeContext
from watcher.registries.generic.entry_parts import read_path
from watcher.registries.generic.key_columns import (
    META,
    NEARLY_ALL,
    choose_key,
    choose_plain_key,
    fold,
)
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.status_words import StatusReading, read_status

COLUMNS = FieldMap(
    # A registry can have a column with the name of one of our fields.
    elements={name: f"{name} (column)" for name in ("references", "registered", "modified")},
    attributes={"date": "registered", "updated": "modified"},
)


def identify(document: str, path: str, rows: Rows, groups: Mapping[str, GroupRules]) -> Labels:
    """Return the labels of a registry's key: the path, then a declared key that the rows have, or a chosen one."""
    declared = groups[document].keys.get(path) if document in groups else None
    loaded = rows()
    if declared and sum(1 for row in loaded if row.get(declared[0])) >= NEARLY_ALL * len(loaded):
        return (PATH, *declared)
    return (PATH, *(choose_key(loaded) if document else choose_plain_key(loaded)))


def normalize_value(value: str) -> str:
    """Return one text for all notations of a value: 0x0a, 0x0A and 10 are one number."""
    ranges = parse_ranges(value)
    return " ".join(f"{numbers.space}{numbers.low}-{numbers.high}" for numbers in ranges) if ranges else fold(value)


def changed_columns(change: Change, *, exact: bool = False) -> set[str]:
    """Return the columns in which a pair of entries differs, without key columns that differ only in notation.

    If `exact`, these as well: in a plain table a code is a text, and 007 is not 7.
    """
    key = set() if exact else {*change.item.key.labels}
    return {
        field.name.removeprefix(MARKUP)
        for field in change.fields
        if field.name not in key or normalize_value(field.before) != normalize_value(field.after)
    }


def judge_status(document: str, fields: Fields, groups: Mapping[str, GroupRules]) -> Status:
    """Return the status of a row in a document: what it states, or assigned where every row is."""
    if document in groups and groups[document].all_assigned:
        return Status.ASSIGNED
    return read_row_status(fields).status


def read_row_status(fields: Fields) -> StatusReading:
    """Return the status that a row states, and the text it was read from."""
    return read_status({name: text for name, text in fields.items() if name not in META and ":" not in name})


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Return whether a change is a redrawn row of free space, a key in other notation, or a removed duplicate row."""
    if change.section is not Section.ENTRY:
        return contacts.is_relabelled(change)
    before, after = change.before, change.after
    if before is not None and after is not None and read_path(before) == read_path(after):
        # In a plain table a code is a text: 007 is not 7.
        changed = changed_columns(change, exact=not context.new.document)
        is_notation = changed <= contacts.relabelled_columns(change, context)
        return is_notation or not (is_assigned(before) or is_assigned(after))
    if before is not None and after is None and _is_duplicate_of_remaining(before, context):
        return True
    return not is_assigned(before) and not is_assigned(after)


def _is_duplicate_of_remaining(item: Item, context: ChangeContext) -> bool:
    other = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return other is not None and other.fields == item.fields
