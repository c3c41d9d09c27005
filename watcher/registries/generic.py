"""Every IANA registry that has no rules of its own: which columns are its key, what a row is, how rows are paired.

Knows the habits of IANA's tables, read off 2,400 registries in 65 months, and no registry by name. A key is chosen from
what the rows show: a column that is (nearly) unique, or several; it does not depend on the order of rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean

from watcher.formats.contract import Columns
from watcher.model import RETIRED, Change, Fields, Item, Section, Status
from watcher.registries.contract import PATH, Labels, Signature, Step
from watcher.registries.contract import Span as Numbers
from watcher.registries.ranges import spans
from watcher.registries.special import Special
from watcher.registries.wording import Reading, read_status

COLUMNS = Columns(
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
_NEARLY = 0.9
_FEW = 5
_LONGEST_KEY = 60
_LARGEST = 2**63 - 1


def identify(document: str, path: str, rows: Sequence[Fields], special: Mapping[str, Special]) -> Labels:
    """Return the path and the columns that are the key of a registry's rows.

    What is declared counts, where the rows have it. Else the first column that is nearly unique: `value`, then the
    columns in their order, then several together. The ordinal of a key tells the few duplicates apart that are left.
    """
    declared = special[document].keys.get(path) if document in special else None
    if declared and sum(1 for row in rows if row.get(declared[0])) >= _NEARLY * len(rows):
        return (PATH, *declared)
    columns = _columns(rows)
    if not columns:
        return (PATH,)
    cells = {column: [_folded(row.get(column, "")) for row in rows] for column in columns}
    for column in columns:
        if _identifies(cells[column]):
            return PATH, column
    return (PATH, *_compound(columns, cells, len(rows)))


def _columns(rows: Sequence[Fields]) -> list[str]:
    """The columns that can be a key, the likeliest first: `value`, then as they stand, then what only describes."""
    places: dict[str, list[int]] = {}
    for row in rows:
        for place, column in enumerate(name for name in row if name not in _META and ":" not in name and row[name]):
            places.setdefault(column, []).append(place)
    return sorted(places, key=lambda column: (column in _ABOUT, column != "value", fmean(places[column]), column))


def _identifies(cells: Sequence[str]) -> bool:
    """Whether nearly every row has a text of its own here, and a short one."""
    told = [cell for cell in cells if cell]
    distinct = len({*told})
    unique = distinct >= _NEARLY * len(cells) or (len(cells) >= _FEW and distinct >= len(cells) - 1)
    return unique and fmean(map(len, told)) <= _LONGEST_KEY


def _compound(columns: Sequence[str], cells: Mapping[str, Sequence[str]], rows: int) -> Labels:
    """The columns that, taken one after the other, tell the most rows apart."""
    chosen: list[str] = []
    seen, distinct = [""] * rows, 1
    for column in columns:
        tried = [f"{before}\n{cell}" for before, cell in zip(seen, cells[column], strict=True)]
        if len({*tried}) > distinct or not chosen:
            chosen, seen, distinct = [*chosen, column], tried, len({*tried})
        if distinct >= _NEARLY * rows:
            break
    return tuple(chosen)


def _folded(text: str) -> str:
    return re.sub(r"\s*([-,])\s*", r"\1", text.lower())


def status(document: str, fields: Fields, special: Mapping[str, Special]) -> Status:
    """What a row says that it is."""
    if document in special and special[document].all_assigned:
        return Status.ASSIGNED
    return reading(fields).status


def reading(fields: Fields) -> Reading:
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
    for name in ("name", "description", *item.fields):
        text = item.fields.get(name, "")
        if text and name not in key and name not in _META and ":" not in name and not spans(text):
            return text.split("\n")[0]
    return ""


def names(item: Item) -> tuple[str, ...]:
    """The words an entry is looked up by: what it is called, and its value."""
    value, called = " ".join(filter(None, values(item))), title(item)
    return (called, value) if called and len(called) <= 2 * _LONGEST_KEY and is_assigned(item) else (value,)


def span(item: Item) -> Numbers | None:
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


def bookkeeping(change: Change) -> bool:
    """A row of free or reserved space redrawn; a key counted anew; nothing that anybody asked for."""
    if change.section is not Section.ENTRY:
        return False
    before, after = change.before, change.after
    if before is not None and after is not None and before.fields == after.fields and path(before) == path(after):
        return True
    return not is_assigned(before) and not is_assigned(after)


def _content(item: Item) -> tuple[str, ...]:
    return tuple(f"{name}\n{text}" for name, text in sorted(item.fields.items()))


def _same_row(item: Item) -> Signature:
    return (path(item), *_content(item)) if item.section is Section.ENTRY else None


def _same_row_elsewhere(item: Item) -> Signature:
    return _content(item) if item.section is Section.ENTRY else None


def _same_value(item: Item) -> Signature:
    """The value under another key: the columns that identify changed, or it is written in another way."""
    if item.section is not Section.ENTRY:
        return None
    value = item.fields.get("value") or next(iter(values(item)), "")
    return (path(item), _folded(value)) if value else None


def _same_value_and_title(item: Item) -> Signature:
    found = _same_value(item)
    return (*found, title(item).lower()) if found and is_assigned(item) else None


def _same_template(item: Item) -> Signature:
    """A media type under another name ("x - DEPRECATED in favor of y") keeps the file that registered it."""
    file = item.fields.get("file", "") if item.section is Section.ENTRY else ""
    return (path(item), file) if file else None


def _same_title(item: Item) -> Signature:
    """The same thing under another value, where more than the title says so."""
    called = title(item)
    if not is_assigned(item) or not called:
        return None
    return path(item), called.lower(), item.fields.get("references", ""), item.fields.get("registered", "")


def _header(item: Item) -> str:
    return item.fields.get("title", "") if item.section is Section.REGISTRY and path(item) else ""


def _same_registry_title(item: Item) -> Signature:
    return (_header(item).lower(),) if _header(item) else None


def _same_registry_id(item: Item) -> Signature:
    return (path(item).rpartition("/")[2],) if _header(item) else None


def _both_ways(name: str, signature: Callable[[Item], Signature]) -> Step:
    return Step(name=name, gone=signature, new=signature)


PAIRING = (
    _both_ways("the same registry under another id", _same_registry_title),
    _both_ways("the same registry in another place", _same_registry_id),
    Step(name="the same row under another key", gone=_same_row, new=_same_row, interchangeable=True),
    _both_ways("the same value and title under another key", _same_value_and_title),
    _both_ways("the same value under another key", _same_value),
    _both_ways("the same template under another name", _same_template),
    _both_ways("the same thing under another value", _same_title),
    Step(
        name="the same row in another registry", gone=_same_row_elsewhere, new=_same_row_elsewhere, interchangeable=True
    ),
)
