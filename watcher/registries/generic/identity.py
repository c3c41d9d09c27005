"""The identity of entries in any IANA registry: key columns, status, and what an entry is called.

The rules come from 2,400 registries in 65 months and name no registry. Where no key is declared, `key_columns` chooses
one from the rows.
"""

from __future__ import annotations

from collections.abc import Mapping

from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, Change, Fields, Item, Section, Status
from watcher.core.value_ranges import parse_ranges
from watcher.formats.base import FieldMap
from watcher.registries.base import PATH, Labels, Rows
from watcher.registries.context import ChangeContext
from watcher.registries.generic.key_columns import (
    DESCRIPTIVE,
    LONGEST_KEY,
    META,
    NEARLY_ALL,
    choose_key,
    choose_plain_key,
    fold,
)
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import strip_temporary
from watcher.registries.shared.status_words import FLAGS, StatusReading, read_status

COLUMNS = FieldMap(
    # A registry can have a column with the name of one of our fields.
    elements={name: f"{name} (column)" for name in ("references", "registered", "modified")},
    attributes={"date": "registered", "updated": "modified"},
)
_LARGEST = 2**63 - 1  # the largest integer of SQLite


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
    return " ".join(f"{each.space}{each.low}-{each.high}" for each in ranges) if ranges else fold(value)


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


def status(document: str, fields: Fields, groups: Mapping[str, GroupRules]) -> Status:
    if document in groups and groups[document].all_assigned:
        return Status.ASSIGNED
    return read_row_status(fields).status


def read_row_status(fields: Fields) -> StatusReading:
    """Return the status that a row states, and the text it was read from."""
    return read_status({name: text for name, text in fields.items() if name not in META and ":" not in name})


def values(item: Item) -> tuple[str, ...]:
    """Return the parts of an entry's key without the path of its registry."""
    return item.key.values[1:] if item.key.labels[:1] == (PATH,) else item.key.values


def path(item: Item) -> str:
    """Return the path of an entry's or a header's registry."""
    return item.key.part(PATH)


def title(item: Item) -> str:
    """Return the text that names a row beside its value; "" without one."""
    key = {*item.key.labels}
    columns = [name for name in item.fields if name not in key and name not in META and ":" not in name]
    # People know an entry by its name or mnemonic; its description comes next.
    for name in sorted(
        columns, key=lambda name: (name.lower() != "name", name in DESCRIPTIVE and name != "description")
    ):
        text = item.fields[name]
        if text and not parse_ranges(text) and text.lower() not in FLAGS:
            return strip_temporary(text).split("\n")[0] or text.split("\n")[0]
    return ""


def names(item: Item) -> tuple[str, ...]:
    """Return the words that an entry is looked up by: its title, if it is a short one, and its value."""
    value, name = strip_temporary(" ".join(filter(None, values(item)))), title(item)
    is_name = bool(name) and not name.startswith("[") and len(name) <= 2 * LONGEST_KEY
    return (name, value) if is_name and is_assigned(item) else (value,)


def describe(item: Item) -> tuple[str, str, str]:
    """Return an entry's name, and no port and protocol (`contacts.Describe`)."""
    return names(item)[0], "", ""


def interval(item: Item) -> Interval | None:
    """Return the numbers of a value, if it is one range of plain numbers that SQLite can store."""
    ranges = parse_ranges(values(item)[0]) if values(item) else ()
    if len(ranges) != 1 or ranges[0].space or not 0 <= ranges[0].low <= ranges[0].high <= _LARGEST:
        return None
    return ranges[0].low, ranges[0].high


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Return whether a change is a redrawn row of free space, a key in other notation, or a removed duplicate row."""
    if change.section is not Section.ENTRY:
        return contacts.is_relabelled(change)
    before, after = change.before, change.after
    if before is not None and after is not None and path(before) == path(after):
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
