"""Two releases as rows by key: what the true difference is, and what another program answered.

The truth is the watcher's own difference of the two CSVs, which is proven exact here: applied to the old release it
gives the new one, and backwards. It is counted as a comparison by key counts: for a key, as many rows as differ on both
sides are changed rows, what is left was added or removed.
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
from watcher.core.model import Item, Section
from watcher.diff.compare import apply, compare, invert
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

_FIELDS = ("name", "port", "protocol")
_Row = tuple[tuple[str, ...], tuple[object, ...]]  # its key, and everything it says


class Counts(NamedTuple):
    """How many rows were added, removed and changed."""

    added: int
    removed: int
    changed: int

    def __str__(self) -> str:
        return f"{self.added} added, {self.removed} removed, {self.changed} changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two releases side by side; `what` says which."""

    what: str
    old: Path
    new: Path


def truth(old: bytes, new: bytes) -> Counts:
    """What differs between two releases, as the rows of their CSVs. Raises SystemExit where that is not exact."""
    ports = REGISTRIES["ports"]
    before, after = (read_content(as_csv(data).encode(), ports, "csv") for data in (old, new))
    changes = compare(before, after, ports.pairing_rules(before, after))
    if apply(changes, before.items) != after.items or apply(invert(changes), after.items) != before.items:
        raise SystemExit("the difference of two CSVs is not exact")
    gone, came = (
        Counter(_row(item) for item in items if item and item.section is Section.ENTRY)
        for items in ([each.before for each in changes.changes], [each.after for each in changes.changes])
    )
    counted = counts(gone, came)
    if counted != by_rows(rows(old), rows(new)):
        raise SystemExit(f"{counted} is not what the rows say: {by_rows(rows(old), rows(new))}")
    return counted


def counts(gone: Counter[_Row], came: Counter[_Row]) -> Counts:
    """Count the rows that went and those that came; one that did both, in another place, did not change."""
    before, after = (Counter(key for key, _ in each.elements()) for each in (gone - came, came - gone))
    changed = before & after
    return Counts((after - changed).total(), (before - changed).total(), changed.total())


def by_rows(old: Iterable[list[str]], new: Iterable[list[str]]) -> Counts:
    """The same from nothing but the rows."""
    before, after = ([(tuple(row[: len(KEY)]), tuple(row)) for row in each] for each in (old, new))
    return counts(Counter[_Row](before), Counter[_Row](after))


def _row(item: Item) -> _Row:
    """The key and everything that an entry says."""
    return tuple(item.fields.get(name, "") for name in _FIELDS), tuple(sorted(item.fields.items()))


def telling(files: list[Path]) -> Pair:
    """The consecutive releases nearest to the middle in which something was added, removed and changed."""
    middle = len(files) // 2
    near = sorted(pairwise(files), key=lambda pair: abs(files.index(pair[0]) - middle))
    for old, new in near[:60]:
        if all(by_rows(rows(old.read_bytes()), rows(new.read_bytes()))):
            return Pair(what=f"{old.stem} → {new.stem}", old=old, new=new)
    old, new = near[0]
    return Pair(what=f"{old.stem} → {new.stem}", old=old, new=new)


def repeated(pair: Pair, folder: Path) -> Pair | None:
    """The pair once more, in which the first of two rows with one key changed too; None where no key stands twice.

    In the releases that are at hand such rows never changed: this one is made.
    """
    data = pair.new.read_bytes()
    keys = [tuple(cells[: len(KEY)]) for cells in rows(data)]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is None:
        return None
    ET.register_namespace("", NS[1:-1])
    root = ET.fromstring(data)  # noqa: S314 - our own files
    record = list(root.iter(f"{NS}record"))[keys.index(twice)]
    text = record.find(f"{NS}description")
    text = ET.SubElement(record, f"{NS}description") if text is None else text
    text.text = f"{text.text or ''} (revised)"
    folder.mkdir()
    old, new = folder / pair.old.name, folder / pair.new.name
    old.write_bytes(pair.old.read_bytes())
    new.write_bytes(ET.tostring(root, "utf-8", xml_declaration=True))
    return Pair(
        what=f"{pair.what}, with the first of the two rows {' '.join(filter(None, twice))!r} changed too",
        old=old,
        new=new,
    )


Reader = Callable[[str], Counts | None]


def three_numbers(said: str) -> Counts | None:
    """The answer of the programs in bench/peers."""
    found = re.fullmatch(r"(\d+) (\d+) (\d+)", said.strip())
    return Counts(*map(int, found.groups())) if found else None


def of_csv_diff(said: str) -> Counts | None:
    found: dict[str, Any] = json.loads(said)
    return Counts(len(found["added"]), len(found["removed"]), len(found["changed"]))


def of_daff(said: str) -> Counts | None:
    """Daff marks each row of its answer in the first column."""
    marks = Counter(row[0] for row in csv.reader(io.StringIO(said, newline="")) if row)
    return Counts(marks["+++"], marks["---"], sum(n for mark, n in marks.items() if mark.endswith("->")))


def of_sqlite_utils(said: str) -> Counts | None:
    (row,) = json.loads(said)
    return Counts(*map(int, row.values()))


def of_watcher(said: str) -> Counts | None:
    """Ours, of `--format json`: the rows of entries, by the key that they had and have."""
    gone: Counter[_Row] = Counter()
    came: Counter[_Row] = Counter()
    for change in json.loads(said)["changes"]:
        for side, count in ((change["before"], gone), (change["after"], came)):
            if change["section"] == Section.ENTRY and side is not None:
                count[tuple(side.get(name, "") for name in _FIELDS), tuple(sorted(side.items()))] += 1
    return counts(gone, came)


def no_answer(said: str) -> None:
    """What a line tool says of entries."""
