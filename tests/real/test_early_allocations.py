"""Every TEMPORARY row of 2016 to 2024, held against a reader that knows lxml and regular expressions only."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

import lxml.etree
import pytest

from tests.support import real_data
from tests.support.fake_clock import FakeClock
from watcher.cli.context import load_settings
from watcher.core.model import Change, Event, Item, Section
from watcher.diff.classify import explain
from watcher.diff.incremental import IncrementalReader
from watcher.monitor.candidate import Candidate
from watcher.monitor.deadlines import check_deadlines
from watcher.monitor.monitor import Monitor
from watcher.registries.catalog import REGISTRIES
from watcher.registries.shared.remarks import is_temporary, read_facts

BUNDLES = ("iana-2016-2021", "iana-2022-2024")
NAMESPACE = "{http://www.iana.org/assignments}"
DAY = r"\d{4}-\d\d-\d\d"
REMARK = re.compile(r"TEMPORARY(?=\s*[-)])")
PATTERNS = ("- registered", "exten[a-z ]*", "ex[a-z]*res")
GRANTED, EXTENDED, PERMANENT, WITHDRAWN = "granted", "extended", "permanent", "withdrawn"
SLICES = 8
MANY, FEW = 5000, 50  # only the ports have so many rows: the first few are left, from which the key is chosen
PORT = re.compile(rb"<number>.*?</number>")
PART = re.compile(rb"(<registry[^>]*>|</registry>|<record.*?</record>|<people.*?</people>)", re.DOTALL)
ID = re.compile(rb'.*?\bid="([^"]*)".*', re.DOTALL)
MARKS = (90, 30, 7, 0)
END = "2024-06-30"
CHANNEL = """
[[channel]]
name = "all"
type = "webhook"
url = "https://example.org/hook"
secret = "env:HOOK"
events = ["temporary-expiring", "temporary-expired"]
"""
# Made permanent under another name, which no comparison of texts can know.
RENAMED = {
    ("iana-2022-2024/jwt", "2024-01-05"): ("secboot",),  # oemboot: the same registration date, and the RFC says so
}
# Moved to another registry of the group with its remark and its date: neither withdrawn nor granted.
MOVED = {
    ("iana-2016-2021/ospfv2-parameters", "2018-01-04"): ("6",),  # LINK MSD, listed among the TLVs by mistake
}
IDS = {
    "temporary-registered": GRANTED,
    "temporary-extended": EXTENDED,
    "temporary-made-permanent": PERMANENT,
    "temporary-withdrawn": WITHDRAWN,
}


class Row(NamedTuple):
    """A record: its texts without the remark, and the dates in the remark (None: it has none)."""

    words: tuple[str, ...]
    dates: tuple[str, str, str] | None
    is_free: bool


def _text(element: lxml.etree._Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _read_row(record: lxml.etree._Element) -> Row:
    dates, words, is_free = None, [], False
    for cell in record:
        if not isinstance(cell.tag, str) or cell.tag == f"{NAMESPACE}xref":
            continue
        text = _text(cell)
        if (remark := REMARK.search(text)) is not None:
            dates = tuple(_date(pattern, text[remark.start() :]) for pattern in PATTERNS)
            text = text[: remark.start()].rstrip(" (")
        words.append(text)
        is_free |= text in ("Unassigned", "Reserved")
    return Row(tuple(words), dates, is_free)  # type: ignore[arg-type]


def _date(pattern: str, text: str) -> str:
    match = re.search(rf"{pattern} ({DAY})", text)
    return match[1] if match else ""


def _records(data: bytes) -> dict[str, list[Row]]:
    """Return the rows of a document by the id of their registry; no registry that is renamed has the same rows."""
    rows: dict[str, list[Row]] = defaultdict(list)
    for record in lxml.etree.fromstring(data).iter(f"{NAMESPACE}record"):
        rows[str(record.getparent().get("id"))].append(_read_row(record))  # type: ignore[union-attr]
    return rows


@cache
def groups() -> Mapping[str, tuple[tuple[str, bytes], ...]]:
    """Return the months of each group that ever had the word, where its early allocations or their registries differ.

    Rows of registries without an early allocation are left out: they are nine of ten, and other tests read them.
    """
    groups: dict[str, tuple[tuple[str, bytes], ...]] = {}
    for bundle in BUNDLES:
        for group, documents in groupby(real_data.bundle_documents(bundle), itemgetter(0)):
            months = [(month, data) for _, month, data in documents]
            if any(b"TEMPORARY - " in data for _, data in months):
                groups[f"{bundle}/{group}"] = tuple(_leave_out_other_rows(months))
    return groups


def _leave_out_other_rows(months: Sequence[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield the months without the rows of registries that never had an early allocation, where they still differ."""
    documents = [(month, [*_split(data)]) for month, data in months if b"<record" in data]
    rows = [(registry, part) for _, parts in documents for registry, part in parts]
    wanted = {registry for registry, part in rows if b"TEMPORARY" in part}
    present = [{registry for registry, _ in parts} for _, parts in documents]
    wanted |= set().union(*present) - set.intersection(*present)  # registries with another id
    ports = {number for _, part in rows if b"TEMPORARY" in part for number in PORT.findall(part)}
    last: list[bytes] = []
    for month, parts in documents:
        kept = [
            part
            for place, (registry, part) in enumerate(parts)
            if not part.startswith((b"<record", b"<people"))
            or (registry in wanted and (len(parts) < MANY or place < FEW or ports.intersection(PORT.findall(part))))
        ]
        records = [part for part in kept if part.startswith(b"<record")]
        if records != last:
            yield month, b"".join(kept)
        last = records


def _split(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield (opening tag of the registry, bytes) for every row, and for what is between rows."""
    registries: list[bytes] = []
    for part in PART.split(data):
        if part.startswith(b"<registry"):
            registries.append(ID.sub(rb"\1", part))
        yield registries[-1] if registries and not part.startswith(b"<people") else b"", part
        if part.startswith(b"</registry"):
            registries.pop()


def _own_reading(old: bytes, new: bytes) -> Counter[tuple[str, str]]:
    """Return what happened to early allocations between two months: (what, code) with how often."""
    before, after = _records(old), _records(new)
    # A registry under another id: most of its rows are in a registry that was not there before.
    for registry in before.keys() - after.keys():
        words = {row.words for row in before[registry]}
        shared = {new_id: len(words & {row.words for row in after[new_id]}) for new_id in after.keys() - before.keys()}
        if shared and max(shared.values()):
            after[registry] = after.pop(max(shared, key=lambda new_id: shared[new_id]))
    happened: Counter[tuple[str, str]] = Counter()
    for registry in before.keys() | after.keys():
        happened += _of_registry(before.get(registry, []), after.get(registry, []))
    return happened


def _of_registry(before: list[Row], after: list[Row]) -> Counter[tuple[str, str]]:
    happened: Counter[tuple[str, str]] = Counter()
    kept = {*before} & {*after}
    old_rows, new_rows = ([row for row in rows if row not in kept] for rows in (before, after))
    for row in old_rows:
        if row.dates is None or row.is_free:
            continue
        same = _find_same(row, new_rows)
        if same is None or same.is_free or _is_retired(same):
            happened[WITHDRAWN, row.words[0]] += 1
        elif same.dates is None:
            happened[PERMANENT, row.words[0]] += 1
        elif same.dates[2] != row.dates[2]:
            happened[EXTENDED, row.words[0]] += 1
    for row in new_rows:
        if row.dates is not None and not row.is_free:
            same = _find_same(row, old_rows)
            if same is None or same.dates is None or same.is_free:
                happened[GRANTED, row.words[0]] += 1
    return happened


def _is_retired(row: Row) -> bool:
    return any(re.search(r"(?i)^deprecated$|\((deprecated|obsolete)", word) for word in row.words)


def _find_same(row: Row, others: list[Row]) -> Row | None:
    """Return the other row with the same texts, else the one with the same code, else with the same name."""
    exact = [other for other in others if other.words == row.words]
    code = [other for other in others if _code(other) == _code(row)]
    named = re.search("[A-Za-z]{2}", " ".join(row.words[1:2]))
    name = [other for other in others if named and other.words[1:2] == row.words[1:2]]
    for found in (exact, code, name):
        if len(found) == 1:
            return found[0]
    return None


def _code(row: Row) -> tuple[str, ...]:
    """Return the numbers of a row, or its first text where it has none."""
    numbers = tuple(word for word in row.words if re.fullmatch(r"0x[0-9A-Fa-f]+|\d+", word))
    return numbers or row.words[:1]


def _product(group: str) -> Iterator[tuple[str, bytes, bytes, Counter[tuple[str, str]]]]:
    """Yield (month, old, new, what happened) by the product's events, for months that have an early allocation."""
    reader = IncrementalReader(REGISTRIES["iana"])
    last: bytes | None = None
    for month, data in groups()[group]:
        if b"<record" not in data:
            continue  # the server's own error page
        if last is not None and b"TEMPORARY" in last + data:
            old, new = reader.read(last), reader.read(data)
            changes, events = explain(REGISTRIES["iana"], old, new)
            yield month, last, data, _count(events, changes.changes)
        last = data


def _count(events: tuple[Event, ...], changes: tuple[Change, ...]) -> Counter[tuple[str, str]]:
    happened: Counter[tuple[str, str]] = Counter()
    for event in events:
        for identifier in {event.id, *event.also} & IDS.keys():
            for change in (changes[index] for index in event.changes):
                if any(_is_temporary(item) for item in (change.before, change.after)):
                    what = IDS[identifier]
                    item = change.after if what == GRANTED else change.before
                    if item is not None and _is_temporary(item):
                        happened[what, _first_text(item)] += 1
    return happened


def _is_temporary(item: Item | None) -> bool:
    return item is not None and item.section is Section.ENTRY and is_temporary(item.fields)


def _first_text(item: Item) -> str:
    attributes = ("registered", "modified", "references")
    first = next(text for name, text in item.fields.items() if name not in attributes and not name.startswith("@"))
    match = REMARK.search(first)
    return " ".join((first[: match.start()].rstrip(" (\n") if match else first).split())


@pytest.mark.parametrize("number", range(SLICES))
def test_granted_extended_permanent_and_withdrawn_are_right_in_each_month(number: int) -> None:
    wrong = {}
    happened: Counter[str] = Counter()
    for group in sorted(groups())[number::SLICES]:
        for month, old, new, found in _product(group):
            expected = _own_reading(old, new)
            for name in RENAMED.get((group, month), ()):
                expected -= Counter([(WITHDRAWN, name)])
                expected[PERMANENT, name] += 1
            for name in MOVED.get((group, month), ()):
                expected -= Counter([(WITHDRAWN, name), (GRANTED, name)])
            for (what, _), times in expected.items():
                happened[what] += times
            if found != expected:
                wrong[group, month] = (expected - found, found - expected)
    assert wrong == {}
    assert happened[EXTENDED] > 0


def test_every_row_is_read_with_all_its_dates() -> None:
    spellings: set[str] = set()
    rows = 0
    for months in groups().values():
        for _, data in months:
            for text in re.findall(r">([^<>]*TEMPORARY - [^<>]*)", data.decode()):
                rows += 1
                facts = read_facts({"name": text})
                dates = (facts.temporary_since, facts.extended, facts.in_evaluation, facts.temporary_until)
                assert sorted(filter(None, dates)) == sorted(re.findall(DAY, text)), text
                spellings.add(" ".join(re.sub(DAY, "", text[text.index("TEMPORARY") :]).split()))
    assert rows > 3500
    assert len(spellings) >= 8


@pytest.mark.timeout(900)
def test_replaying_two_years_no_expiry_is_missed_and_none_is_sent_twice(tmp_path: Path) -> None:
    months = {
        group.partition("/")[2]: [*_leave_out_equal_months(versions)]
        for group, versions in groups().items()
        if group.startswith(BUNDLES[1])
    }
    sources = "".join(
        f'[[source]]\nname = "{group}"\nregistry = "iana"\nurl = "https://example.org/{group}.xml"\n'
        for group in (name.lower() for name in months)
    )
    config = tmp_path / "config.toml"
    config.write_text(f"{sources}{CHANNEL}")
    days = _days_around(months.values())
    clock = FakeClock(datetime.fromisoformat(f"{days[0]}T09:00:00").replace(tzinfo=UTC))
    sent: Counter[tuple[str, str, int, str]] = Counter()
    with Monitor(load_settings(config), clock=clock) as monitor:
        for today in days:
            clock.set(datetime.fromisoformat(f"{today}T09:00:00").replace(tzinfo=UTC))
            for group, versions in months.items():
                for month, data in versions:
                    if month == today:
                        at = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
                        candidate = Candidate(data=data, origin="x", observed=at, live=True)
                        monitor.ingest(monitor.source(group.lower())).ingest(candidate)
            for delivery in check_deadlines(monitor):
                for event in json.loads(delivery.body)["data"]["events"]:
                    mark = int(event["id"] != "temporary-expired")
                    for value in event["values"]:
                        sent[delivery.source, f"{event['registry'].rpartition('/')[2]} {value}", mark, today] += 1
    assert set(sent.values()) == {1}
    expected = Counter(
        (group.lower(), mark, day) for group, versions in months.items() for mark, day in _expected_alerts(versions)
    )
    assert Counter((source, mark, day) for source, _, mark, day in sent) == expected
    assert sum(mark == 0 for _, _, mark, _ in sent) >= 20


def _leave_out_equal_months(versions: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, bytes]]:
    """Yield the months in which the early allocations differ from those of the month before."""
    last = None
    for month, data in versions:
        early = [row for rows in _records(data).values() for row in rows if row.dates is not None]
        if early != last:
            yield month, data
        last = early


def _days_around(groups: Iterable[Sequence[tuple[str, bytes]]]) -> list[str]:
    """Return the days of releases, and of every mark of an early allocation with the day after it."""
    days = {month for versions in groups for month, _ in versions}
    first = min(days)
    last_days = {
        row.dates[2]
        for versions in groups
        for _, data in versions
        for rows in _records(data).values()
        for row in rows
        if row.dates is not None and row.dates[2]
    }
    for last_day in last_days:
        for mark in MARKS:
            day = date.fromisoformat(_mark_day(last_day, mark))
            days |= {(day + timedelta(days=shift)).isoformat() for shift in (0, 1)}
    return sorted(day for day in days if first <= day <= END)


def _expected_alerts(versions: Sequence[tuple[str, bytes]]) -> Iterator[tuple[int, str]]:
    """Yield (0: expired, 1: expiring; the day) for each alert that the raw files of a group deserve."""
    following = [*(month for month, _ in versions[1:]), (date.fromisoformat(END) + timedelta(days=1)).isoformat()]
    known: dict[tuple[str, ...], str] = {}  # an allocation and its last day → the month in which it was first seen
    alerted: set[tuple[tuple[str, ...], int]] = set()
    for (month, data), next_month in zip(versions, following, strict=True):
        for registry, rows in _records(data).items():
            for row in rows:
                if row.dates is None or row.is_free or not row.dates[2]:
                    continue
                last_day = row.dates[2]
                allocation = (registry, *row.words, last_day)
                first_seen = known.setdefault(allocation, month)
                passed_before = [days for days in MARKS if _mark_day(last_day, days) <= first_seen]
                for days in MARKS:
                    day = max(_mark_day(last_day, days), first_seen)
                    if day >= next_month or (allocation, days) in alerted:
                        continue
                    alerted.add((allocation, days))
                    if days not in passed_before or (first_seen != versions[0][0] and days == passed_before[-1]):
                        yield int(days != 0), day


def _mark_day(last_day: str, days: int) -> str:
    return (date.fromisoformat(last_day) + timedelta(days=-days if days else 1)).isoformat()
