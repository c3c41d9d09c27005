"""Every IANA registry that has no rules of its own: which columns are its key, what a row is, how rows are paired.

Knows the habits of IANA's tables, read off 2,400 registries in 65 months, and no registry by name. A key is chosen from
what the rows show: a column that is (nearly) unique, or several; it does not depend on the order of rows.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, RETIRED, Change, Fields, Item, Section, Status
from watcher.formats.column_map import FieldMap
from watcher.registries.base import PATH, Labels, Rows
from watcher.registries.context import ChangeContext
from watcher.registries.groups.base import GroupRules
from watcher.registries.shared.status_words import StatusReading, read_status
from watcher.registries.shared.value_ranges import spans

COLUMNS = FieldMap(
    # A registry's own column may bear the name of one that we give.
    elements={name: f"{name} (column)" for name in ("references", "registered", "modified")},
    attributes={"date": "registered", "updated": "modified"},
)
_META = frozenset({"references", "registered", "modified", "#text"})
# Columns that say something about a value and are none, unless there is nothing else.
_ABOUT = frozenset(
    {"description", "note", "notes", "comment", "comments", "file", "status", "spec", "specification", "date"}
    | {"controller", "contact", "template", "references (column)", "reference", "refs", "owner", "registrant"}
)
_FLAGS = frozenset({"y", "n", "d", "yes", "no", "true", "false", "-", "*"})
_NEARLY = 0.9
_FEW = 5
_LONGEST_KEY = 60
_LARGEST = 2**63 - 1


def identify(document: str, path: str, rows: Rows, special: Mapping[str, GroupRules]) -> Labels:
    """Return the path and the columns that are the key of a registry's rows.

    What is declared counts, where the rows have it. Else the first column that is nearly unique: `value`, then the
    columns in their order, then several together. The ordinal of a key tells the few duplicates apart that are left.
    """
    declared = special[document].keys.get(path) if document in special else None
    found = rows()
    if declared and sum(1 for row in found if row.get(declared[0])) >= _NEARLY * len(found):
        return (PATH, *declared)
    single = next(identifying(found), None)
    return (PATH, single) if single else (PATH, *_compound(found))


def identifying(rows: Sequence[Fields]) -> Iterator[str]:
    """Yield the columns that identify the rows by themselves, the likeliest first."""
    return (column for column in _columns(rows) if identifies(rows, column))


def identifies(rows: Sequence[Fields], column: str) -> bool:
    """Whether nearly every row has a text of its own in a column, and a short one."""
    # Folded texts are no more than there are texts: where these are too few already, nothing has to be folded.
    if not _nearly_unique(len({row.get(column, "") for row in rows} - {""}), len(rows)):
        return False
    told = length = 0
    distinct: set[str] = set()
    for row in rows:
        if cell := row.get(column, ""):
            text = folded(cell)
            told, length = told + 1, length + len(text)
            distinct.add(text)
    distinct.discard("")
    return _nearly_unique(len(distinct), len(rows)) and length / told <= _LONGEST_KEY


def _nearly_unique(distinct: int, rows: int) -> bool:
    return distinct > 0 and (distinct >= _NEARLY * rows or (rows >= _FEW and distinct >= rows - 1))


def _columns(rows: Sequence[Fields]) -> list[str]:
    """The columns that can be a key, the likeliest first: `value`, then as they stand, then what only describes."""
    shapes = Counter(
        tuple([name for name, text in row.items() if text and name not in _META and ":" not in name]) for row in rows
    )
    places: dict[str, int] = {}
    times: dict[str, int] = {}
    for shape, number in shapes.items():
        for place, column in enumerate(shape):
            places[column] = places.get(column, 0) + place * number
            times[column] = times.get(column, 0) + number

    def likely(column: str) -> tuple[bool, bool, float, str]:
        return column in _ABOUT, column != "value", places[column] / times[column], column

    return sorted(places, key=likely)


def _compound(rows: Sequence[Fields]) -> Labels:
    """The columns that, taken one after the other, tell the most rows apart."""
    chosen: list[str] = []
    seen, distinct = [""] * len(rows), 1
    for column in _columns(rows):
        tried = [f"{before}\n{folded(row.get(column, ''))}" for before, row in zip(seen, rows, strict=True)]
        if len({*tried}) > distinct or not chosen:
            chosen, seen, distinct = [*chosen, column], tried, len({*tried})
        if distinct >= _NEARLY * len(rows):
            break
    return tuple(chosen)


def folded(text: str) -> str:
    """Return a text in which case and the space round hyphens and commas do not count."""
    return re.sub(r"\s*([-,])\s*", r"\1", text.lower())


def canonical(value: str) -> str:
    """Return a value in one form: 0x0a, 0x0A and 10 are one number; case and space do not count."""
    numbers = spans(value)
    return " ".join(f"{span.space}{span.low}-{span.high}" for span in numbers) if numbers else folded(value)


def news(change: Change) -> set[str]:
    """The columns in which a pair of entries differs, but for a key that is only written in another way."""
    key = {*change.item.key.labels}
    return {
        each.name.removeprefix(MARKUP)
        for each in change.fields
        if each.name not in key or canonical(each.before) != canonical(each.after)
    }


def status(document: str, fields: Fields, special: Mapping[str, GroupRules]) -> Status:
    """What a row says that it is."""
    if document in special and special[document].all_assigned:
        return Status.ASSIGNED
    return reading(fields).status


def reading(fields: Fields) -> StatusReading:
    """What a row says that it is, and the words that it was read from."""
    return read_status({name: text for name, text in fields.items() if name not in _META and ":" not in name})


def values(item: Item) -> tuple[str, ...]:
    """The parts of an entry's key besides the registry it stands in."""
    return item.key.values[1:] if item.key.labels[:1] == (PATH,) else item.key.values


def path(item: Item) -> str:
    """The registry that an entry or a header stands for."""
    return item.key.part(PATH)


def title(item: Item) -> str:
    """What a row calls its value, besides the value itself; "" where it has no other name."""
    key = {*item.key.labels}
    told = [name for name in item.fields if name not in key and name not in _META and ":" not in name]
    # A name or a mnemonic is what people know it by; what is said of it comes after.
    for name in sorted(told, key=lambda name: (name.lower() != "name", name in _ABOUT and name != "description")):
        text = item.fields[name]
        if text and not spans(text) and text.lower() not in _FLAGS:
            return text.split("\n")[0]
    return ""


def names(item: Item) -> tuple[str, ...]:
    """The words an entry is looked up by: what it is called, and its value."""
    value, called = " ".join(filter(None, values(item))), title(item)
    return (called, value) if called and len(called) <= 2 * _LONGEST_KEY and is_assigned(item) else (value,)


def interval(item: Item) -> Interval | None:
    """The numbers a value stands for, where they are one range of plain numbers that SQLite can hold."""
    found = spans(values(item)[0]) if values(item) else ()
    if len(found) != 1 or found[0].space or not 0 <= found[0].low <= found[0].high <= _LARGEST:
        return None
    return found[0].low, found[0].high


def is_assigned(item: Item | None) -> bool:
    """Whether a row gives its value to something; the others say that nothing has it."""
    return (
        item is not None
        and item.section is Section.ENTRY
        and (item.status is Status.ASSIGNED or item.status in RETIRED)
    )


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """A row of free space redrawn; a key counted or written in another way; the twin of a row that stays."""
    if change.section is not Section.ENTRY:
        return False
    before, after = change.before, change.after
    if before is not None and after is not None and path(before) == path(after) and not news(change):
        return True
    if before is not None and after is None and _stays(before, context):
        return True
    return not is_assigned(before) and not is_assigned(after)


def _stays(item: Item, context: ChangeContext) -> bool:
    """Whether a row that stood twice still stands once."""
    other = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return other is not None and other.fields == item.fields
