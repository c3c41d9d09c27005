"""The identity of entries in any IANA registry: key columns, status, and what an entry is called.

The habits of IANA's tables come from 2,400 registries in 65 months; no registry is known by name. The key is chosen
from the rows: a column that is (nearly) unique, or several. It does not depend on the order of rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, Change, Fields, Item, Section, Status
from watcher.formats.base import FieldMap
from watcher.registries.base import PATH, Labels, Rows
from watcher.registries.context import ChangeContext
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import strip_temporary
from watcher.registries.shared.status_words import FLAGS, StatusReading, read_status
from watcher.registries.shared.value_ranges import parse_ranges

COLUMNS = FieldMap(
    # A registry can have a column with the name of one of our fields.
    elements={name: f"{name} (column)" for name in ("references", "registered", "modified")},
    attributes={"date": "registered", "updated": "modified"},
)
_META = frozenset({"references", "registered", "modified", "#text"})
# Columns that describe a value. They are a key only if there is no other column.
_DESCRIPTIVE = frozenset(
    {"description", "note", "notes", "comment", "comments", "file", "status", "spec", "specification", "date"}
    | {"controller", "contact", "template", "references (column)", "reference", "refs", "owner", "registrant"}
)
_NEARLY_ALL = 0.9
_FEW_ROWS = 5
_LONGEST_KEY = 60  # characters, on average
_LARGEST = 2**63 - 1  # that SQLite stores as an integer


def identify(document: str, path: str, rows: Rows, groups: Mapping[str, GroupRules]) -> Labels:
    """Return the labels of a registry's key: the path and its key columns.

    A declared key counts if the rows have it. Otherwise the first column that is nearly unique: `value`, then the
    columns in their order, then several together. The few duplicates that remain are numbered by the key's ordinal.
    """
    declared = groups[document].keys.get(path) if document in groups else None
    loaded = rows()
    if declared and sum(1 for row in loaded if row.get(declared[0])) >= _NEARLY_ALL * len(loaded):
        return (PATH, *declared)
    column = next(unique_columns(loaded), None)
    return (PATH, column) if column else (PATH, *_compound_key(loaded))


def unique_columns(rows: Sequence[Fields]) -> Iterator[str]:
    """Yield the columns that identify the rows by themselves, the likeliest key first."""
    return (column for column in _key_candidates(rows) if is_unique(rows, column))


def is_unique(rows: Sequence[Fields], column: str) -> bool:
    """Whether nearly every row has a different, short text in a column."""
    # Folding only makes texts equal. If too few differ before, folding (most of the time spent here) can be skipped.
    if not _is_nearly_unique(len({row.get(column, "") for row in rows} - {""}), len(rows)):
        return False
    cells = [fold(cell) for row in rows if (cell := row.get(column, ""))]
    distinct = {*cells} - {""}
    return _is_nearly_unique(len(distinct), len(rows)) and sum(map(len, cells)) / len(cells) <= _LONGEST_KEY


def _is_nearly_unique(distinct: int, rows: int) -> bool:
    return distinct > 0 and (distinct >= _NEARLY_ALL * rows or (rows >= _FEW_ROWS and distinct >= rows - 1))


def _key_candidates(rows: Sequence[Fields]) -> list[str]:
    """Return the filled columns: `value`, then by their mean place in a row, then those that only describe."""
    shapes = Counter(
        tuple([name for name, text in row.items() if text and name not in _META and ":" not in name]) for row in rows
    )
    places: dict[str, int] = {}
    counts: dict[str, int] = {}
    for shape, number in shapes.items():
        for place, column in enumerate(shape):
            places[column] = places.get(column, 0) + place * number
            counts[column] = counts.get(column, 0) + number

    def likelihood(column: str) -> tuple[bool, bool, float, str]:
        return column in _DESCRIPTIVE, column != "value", places[column] / counts[column], column

    return sorted(places, key=likelihood)


def _compound_key(rows: Sequence[Fields]) -> Labels:
    """Return the candidates, in order, that each tell more rows apart, until nearly all differ."""
    chosen: list[str] = []
    keys, distinct = [""] * len(rows), 1
    for column in _key_candidates(rows):
        longer = [f"{key}\n{fold(row.get(column, ''))}" for key, row in zip(keys, rows, strict=True)]
        if len({*longer}) > distinct or not chosen:
            chosen, keys, distinct = [*chosen, column], longer, len({*longer})
        if distinct >= _NEARLY_ALL * len(rows):
            break
    return tuple(chosen)


def fold(text: str) -> str:
    """Return a text in lower case, without space around hyphens and commas."""
    return re.sub(r"\s*([-,])\s*", r"\1", text.lower())


def normalize_value(value: str) -> str:
    """Return one form for all notations of a value: 0x0a, 0x0A and 10 are one number."""
    ranges = parse_ranges(value)
    return " ".join(f"{each.space}{each.low}-{each.high}" for each in ranges) if ranges else fold(value)


def changed_columns(change: Change) -> set[str]:
    """Return the columns in which a pair of entries differs, without key columns that differ only in notation."""
    key = {*change.item.key.labels}
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
    return read_status({name: text for name, text in fields.items() if name not in _META and ":" not in name})


def values(item: Item) -> tuple[str, ...]:
    """Return the parts of an entry's key without the path of its registry."""
    return item.key.values[1:] if item.key.labels[:1] == (PATH,) else item.key.values


def path(item: Item) -> str:
    """Return the path of an entry's or a header's registry."""
    return item.key.part(PATH)


def title(item: Item) -> str:
    """Return what a row calls its value; "" if it has no name besides the value."""
    key = {*item.key.labels}
    columns = [name for name in item.fields if name not in key and name not in _META and ":" not in name]
    # People know an entry by its name or mnemonic; its description comes next.
    for name in sorted(
        columns, key=lambda name: (name.lower() != "name", name in _DESCRIPTIVE and name != "description")
    ):
        text = item.fields[name]
        if text and not parse_ranges(text) and text.lower() not in FLAGS:
            return strip_temporary(text).split("\n")[0] or text.split("\n")[0]
    return ""


def names(item: Item) -> tuple[str, ...]:
    """Return the names that an entry is found by: its title, if it is a short one, and its value."""
    value, name = strip_temporary(" ".join(filter(None, values(item)))), title(item)
    return (name, value) if name and len(name) <= 2 * _LONGEST_KEY and is_assigned(item) else (value,)


def describe(item: Item) -> tuple[str, str, str]:
    """Return an entry's name, port and protocol, as the events of contacts list them."""
    return names(item)[0], "", ""


def interval(item: Item) -> Interval | None:
    """Return the numbers of a value, if it is one range of plain numbers that SQLite can store."""
    ranges = parse_ranges(values(item)[0]) if values(item) else ()
    if len(ranges) != 1 or ranges[0].space or not 0 <= ranges[0].low <= ranges[0].high <= _LARGEST:
        return None
    return ranges[0].low, ranges[0].high


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Whether a change is a redrawn row of free space, another notation of a key, or a removed duplicate row."""
    if change.section is not Section.ENTRY:
        return False
    before, after = change.before, change.after
    if before is not None and after is not None and path(before) == path(after) and not changed_columns(change):
        return True
    if before is not None and after is None and _is_duplicate_of_remaining(before, context):
        return True
    return not is_assigned(before) and not is_assigned(after)


def _is_duplicate_of_remaining(item: Item, context: ChangeContext) -> bool:
    other = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return other is not None and other.fields == item.fields
