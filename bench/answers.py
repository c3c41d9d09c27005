"""The true difference of two releases, counted by row, and the answers of other programs in the same form.

The truth is the watcher's own difference of the two CSVs. It is proven exact here: applied to the old release it gives
the new one, and backwards. Rows are counted by key: of the differing rows of a key, as many as there are on both sides
were changed, the others were added or removed.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from bench.layouts import KEY, NS, as_csv, rows
from tests.support.change_sets import apply, invert
from watcher.core.model import Item, Section
from watcher.diff.compare import compare
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

_FIELDS = ("name", "port", "protocol")
_Row = tuple[tuple[str, ...], tuple[object, ...]]  # the key and all values of a row


class Counts(NamedTuple):
    """The numbers of rows added, removed and changed."""

    added: int
    removed: int
    changed: int

    def __str__(self) -> str:
        return f"{self.added} added, {self.removed} removed, {self.changed} changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two releases to compare; `label` names them in the page."""

    label: str
    old: Path
    new: Path


def truth(old: bytes, new: bytes) -> Counts:
    """Return the true difference of two releases, in rows of their CSVs. Raises SystemExit if it is not exact."""
    ports = REGISTRIES["ports"]
    before, after = (read_content(as_csv(data).encode(), ports, "csv") for data in (old, new))
    changes = compare(before, after, ports.pairing_rules(before, after))
    if apply(changes, before.items) != after.items or apply(invert(changes), after.items) != before.items:
        raise SystemExit("the difference of two CSVs is not exact")
    removed, added = (
        Counter(_row(item) for item in items if item and item.section is Section.ENTRY)
        for items in ([change.before for change in changes.changes], [change.after for change in changes.changes])
    )
    counted = count_rows(removed, added)
    if counted != compare_rows(rows(old), rows(new)):
        raise SystemExit(f"{counted} is not what the rows say: {compare_rows(rows(old), rows(new))}")
    return counted


def count_rows(removed: Counter[_Row], added: Counter[_Row]) -> Counts:
    """Count the differing rows by key; a row that is both removed and added only moved and does not count."""
    before, after = (Counter(key for key, _ in rows.elements()) for rows in (removed - added, added - removed))
    changed = before & after
    return Counts((after - changed).total(), (before - changed).total(), changed.total())


def compare_rows(old: Iterable[list[str]], new: Iterable[list[str]]) -> Counts:
    """Return the difference of two releases from their rows alone, without the watcher."""
    before, after = ([(tuple(row[: len(KEY)]), tuple(row)) for row in release] for release in (old, new))
    return count_rows(Counter[_Row](before), Counter[_Row](after))


def _row(item: Item) -> _Row:
    """Return the key and all fields of an entry."""
    return tuple(item.fields.get(name, "") for name in _FIELDS), tuple(sorted(item.fields.items()))


def choose_pair(files: list[Path]) -> Pair:
    """Return the consecutive releases nearest to the middle that have rows added, removed and changed."""
    middle = len(files) // 2
    near = sorted(pairwise(files), key=lambda pair: abs(files.index(pair[0]) - middle))
    for old, new in near[:60]:
        if all(compare_rows(rows(old.read_bytes()), rows(new.read_bytes()))):
            return Pair(label=f"{old.stem} → {new.stem}", old=old, new=new)
    old, new = near[0]
    return Pair(label=f"{old.stem} → {new.stem}", old=old, new=new)


def change_duplicate(pair: Pair, folder: Path) -> Pair | None:
    """Return a copy of the pair in which the first of two rows with the same key is changed too.

    None if no two rows have the same key. Such rows never change in the real releases, so the copy is made here.
    """
    data = pair.new.read_bytes()
    keys = [tuple(cells[: len(KEY)]) for cells in rows(data)]
    duplicate = next((key for key in keys if keys.count(key) > 1), None)
    if duplicate is None:
        return None
    ET.register_namespace("", NS[1:-1])
    root = ET.fromstring(data)  # noqa: S314 - our own files
    record = list(root.iter(f"{NS}record"))[keys.index(duplicate)]
    text = record.find(f"{NS}description")
    text = ET.SubElement(record, f"{NS}description") if text is None else text
    text.text = f"{text.text or ''} (revised)"
    folder.mkdir()
    old, new = folder / pair.old.name, folder / pair.new.name
    old.write_bytes(pair.old.read_bytes())
    new.write_bytes(ET.tostring(root, "utf-8", xml_declaration=True))
    return Pair(
        label=f"{pair.label}, with the first of the two rows {' '.join(filter(None, duplicate))!r} changed too",
        old=old,
        new=new,
    )


Reader = Callable[[str], Counts | None]


def read_three_numbers(output: str) -> Counts | None:
    """Read the output of the programs in bench/peers."""
    match = re.fullmatch(r"(\d+) (\d+) (\d+)", output.strip())
    return Counts(*map(int, match.groups())) if match else None


def read_csv_diff(output: str) -> Counts | None:
    answer: dict[str, Any] = json.loads(output)
    return Counts(len(answer["added"]), len(answer["removed"]), len(answer["changed"]))


def read_daff(output: str) -> Counts | None:
    """Read the CSV of daff, which marks each row in its first column."""
    marks = Counter(row[0] for row in csv.reader(io.StringIO(output, newline="")) if row)
    return Counts(marks["+++"], marks["---"], sum(n for mark, n in marks.items() if mark.endswith("->")))


def read_sqlite_utils(output: str) -> Counts | None:
    (row,) = json.loads(output)
    return Counts(*map(int, row.values()))


def read_watcher(output: str) -> Counts | None:
    """Read the watcher's JSON: the rows of entries, by their keys before and after."""
    removed: Counter[_Row] = Counter()
    added: Counter[_Row] = Counter()
    for change in json.loads(output)["changes"]:
        for side, counter in ((change["before"], removed), (change["after"], added)):
            if change["section"] == Section.ENTRY and side is not None:
                counter[tuple(side.get(name, "") for name in _FIELDS), tuple(sorted(side.items()))] += 1
    return count_rows(removed, added)


def no_answer(output: str) -> None:
    """Return None: a program that compares lines says nothing about entries."""
