"""No entry is reported removed whose row is still there: all months of both bundles, by a comparison of words alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import pytest

from tests.support import real_data
from tests.support.change_sets import not_named_once
from tests.support.raw_groups import Row, count_rows, first_text, likeness, row_words, split_document, words
from watcher.core.model import Kind, Section, Status
from watcher.diff.classify import explain
from watcher.diff.incremental import IncrementalReader
from watcher.registries.catalog import REGISTRIES

BUNDLES = ("iana-2016-2021", "iana-2022-2024")
PORTS = "service-names-port-numbers"
STILL_THERE = 0.6  # of the words of both rows
RAREST, FEW = 6, 200  # words of a row by which like rows are found; rows that are compared because of one word
# Rows that another group lists from then on, which the release of one group cannot show: a collection makes it a move.
MOVED_TO = {"provisional-standard-media-types": "media-types"}
# Rows that are rightly reported removed although a new row has most of their words: (group, month, value) → why.
NOTES: dict[tuple[str, str, str], str] = {
    ("bgp-extended-communities", "2016-09-07", "0x13"): "one opaque sub-type gave way to three, one for each AS format",
    (
        "lisp-parameters",
        "2021-03-03",
        "0",
    ): "its registry was removed: the one of algorithm ids lists MAC and KDF apart",
    ("rtspv2-parameters", "2016-10-06", "Internal-Error"): "listed among the parameters by mistake; stays a reason",
    ("rtspv2-parameters", "2016-10-06", "Server-Admin"): "listed among the parameters by mistake; stays a reason",
    ("rtspv2-parameters", "2016-10-06", "Session-Timeout"): "listed among the parameters by mistake; stays a reason",
    ("yang-parameters", "2021-08-25", "ietf-bfd-mpls-te"): "another module; what they share every module's row says",
}


class RawPair(NamedTuple):
    """Two months of a group, and the rows that differ between them."""

    group: str
    old_month: str
    month: str
    lost: Counter[Row]
    fresh: Counter[Row]


class LostRow(NamedTuple):
    """A row that is not in the new month."""

    name: str
    words: frozenset[str]


class NewRow(NamedTuple):
    """A row that a group did not have in the month before."""

    group: str
    words: frozenset[str]


@cache
def raw_pairs(bundle: str) -> list[RawPair]:
    """Return the months of all groups that differ in rows; the first month of a group has no other beside it."""
    pairs = []
    for group, documents in groupby(real_data.bundle_documents(bundle), itemgetter(0)):
        old_month, before = "", Counter[Row]()
        for _, month, data in documents:
            if after := count_rows(split_document(data)):  # else it is the server's own error page
                pairs.append(RawPair(group, old_month, month, before - after, after - before))
                old_month, before = month, after
    return pairs


@cache
def new_rows(bundle: str) -> dict[str, list[NewRow]]:
    """Return the new rows of all groups by month."""
    rows: dict[str, list[NewRow]] = defaultdict(list)
    first_month = min(month for versions in real_data.bundle_versions(bundle).values() for month, _ in versions)
    for pair in raw_pairs(bundle):
        if pair.month != first_month:
            rows[pair.month] += [NewRow(pair.group, row_words(element)) for _, element in pair.fresh]
    return rows


@cache
def index(bundle: str, month: str) -> dict[str, list[NewRow]]:
    """Return the new rows of a month by word."""
    holders: dict[str, list[NewRow]] = defaultdict(list)
    for row in new_rows(bundle)[month]:
        for word in row.words:
            holders[word].append(row)
    return holders


def find_still_there(bundle: str, month: str, lost: frozenset[str]) -> NewRow | None:
    """Return the new row of a month that is most like a lost one, if it is still there by its words."""
    holders = index(bundle, month)
    rarest = sorted(lost, key=lambda word: len(holders.get(word, ())))[:RAREST]
    near = [row for word in rarest for row in holders.get(word, ())[:FEW]]
    best = max(near, key=lambda row: likeness(lost, row.words), default=None)
    return best if best is not None and likeness(lost, best.words) >= STILL_THERE else None


def is_suspect(bundle: str, pair: RawPair) -> bool:
    """Return whether a row whose first text no new row of its registry has is still there by its words."""
    left = Counter((registry, first_text(element)) for registry, element in pair.fresh.elements())
    for registry, element in pair.lost.elements():
        left[registry, first_text(element)] -= 1
        is_gone = left[registry, first_text(element)] < 0 and b"Unassigned" not in element
        if is_gone and find_still_there(bundle, pair.month, row_words(element)) is not None:
            return True
    return False


@pytest.mark.parametrize("bundle", BUNDLES)
def test_no_entry_is_reported_removed_whose_row_is_still_there(bundle: str) -> None:
    check([pair for pair in raw_pairs(bundle) if is_suspect(bundle, pair)], bundle)


@pytest.mark.slow
@pytest.mark.parametrize("bundle", BUNDLES)
def test_no_entry_of_any_month_is_reported_removed_whose_row_is_still_there(bundle: str) -> None:
    check([pair for pair in raw_pairs(bundle) if pair.lost], bundle)


def check(pairs: Sequence[RawPair], bundle: str) -> None:
    """Fail for each reported removal of a row that is still there and has no note."""
    wrong, noted = {}, set()
    for group, of_group in groupby(pairs, lambda pair: pair.group):
        for month, row, summary in reported_removals(group, of_group):
            other = find_still_there(bundle, month, row.words)
            if other is None or other.group == MOVED_TO.get(group):
                continue
            if (group, month, row.name) in NOTES:
                noted.add((group, month, row.name))
            else:
                wrong[group, month, row.name] = (summary, other.group, " ".join(sorted(other.words)))
    assert wrong == {}
    assert noted == {note for note in NOTES if (note[1] < "2022") == (bundle == BUNDLES[0])}


def reported_removals(group: str, pairs: Iterator[RawPair]) -> Iterator[tuple[str, LostRow, str]]:
    """Yield (month, entry, sentence) of each entry that an event reports removed."""
    registry = REGISTRIES["ports" if group == PORTS else "iana"]
    reader = IncrementalReader(registry)
    for pair in pairs:
        changes, events = explain(
            registry, *(reader.read(real_data.iana_document(group, month)) for month in pair[1:3])
        )
        assert not_named_once(changes, events) == [], (group, pair.month)
        for event in events:
            for change in (changes.changes[place] for place in event.changes):
                is_entry = change.section is Section.ENTRY and change.item.status is not Status.UNASSIGNED
                # Blocks or equal keys that were merged are modified.
                if event.kind is Kind.REMOVED and event.id != "entry-modified" and change.after is None and is_entry:
                    fields = change.item.fields.items()
                    texts = [
                        text for name, text in fields if ":" not in name and name not in ("registered", "modified")
                    ]
                    name = " ".join(filter(None, change.item.key.values[1:] or change.item.key.values))
                    yield pair.month, LostRow(name, words(" ".join(texts))), event.summary
