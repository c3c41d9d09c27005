"""The golden table of changes over many groups, checked against the raw files without the product."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import lxml.etree
import pytest

from tests.real import golden_changes
from tests.real.golden_group_changes import CHANGES, Golden
from tests.support import real_data

NAMESPACE = "{http://www.iana.org/assignments}"
NEW_REGISTRY = frozenset({"registry-added", "registry-renamed"})
GONE_REGISTRY = frozenset({"registry-removed", "registry-moved"})
GONE_ENTRY = frozenset({"entry-removed", "temporary-withdrawn"})
SEVERITIES = frozenset({"", "info", "notice", "warning"})


def _title(row: Golden) -> str:
    registry, cell = row.registry.rpartition("/")[2] or "(root)", row.cells[0] if row.cells else "-"
    return f"{row.group} {row.new} {registry} {cell} {row.event or 'nothing'}"


def _text(cell: lxml.etree._Element) -> str:
    return " ".join("".join(cell.itertext()).split())


@lru_cache(maxsize=8)
def _root(group: str, tag: str) -> lxml.etree._Element:
    return lxml.etree.fromstring(real_data.iana_document(group, tag))


def _registry(row: Golden, tag: str) -> lxml.etree._Element | None:
    """Return the row's registry on a date, without the product's reader."""
    registry = _root(row.group, tag)
    for step in filter(None, row.registry.split("/")):
        nested = [each for each in registry.findall(f"{NAMESPACE}registry") if each.get("id") == step]
        if not nested:
            return None
        registry = nested[0]
    return registry


def _printed(element: lxml.etree._Element) -> bytes:
    return lxml.etree.tostring(element, method="c14n", with_tail=False)


def _entries(row: Golden, tag: str) -> set[bytes]:
    """Return every record that has the row's cells, and every contact that has them as its id, as it is printed."""
    registry = _registry(row, tag)
    if registry is None:
        return set()
    records = [(set(map(_text, record)), record) for record in registry.iterchildren(f"{NAMESPACE}record")]
    people = [] if row.registry else [({str(each.get("id"))}, each) for each in registry.iter(f"{NAMESPACE}person")]
    return {_printed(element) for cells, element in records + people if set(row.cells) <= cells}


def test_the_table_is_large_and_spread() -> None:
    assert len(CHANGES) >= 230
    assert len({row.group for row in CHANGES}) >= 90
    assert len(CHANGES) + len(golden_changes.CHANGES) >= 400
    assert len({row.group for row in CHANGES} | {row.group for row in golden_changes.CHANGES}) >= 120
    assert len({(row[:6]) for row in CHANGES}) == len(CHANGES)
    assert all(row.why and row.severity in SEVERITIES for row in CHANGES)


def test_every_kind_of_event_has_a_row() -> None:
    events = Counter(row.event for row in CHANGES) + Counter(row.also for row in CHANGES if row.also)
    assert events.keys() >= {
        "contact-updated",
        "dates-changed",
        "editorial",
        "entry-added",
        "entry-deprecated",
        "entry-graduated",
        "entry-modified",
        "entry-moved",
        "entry-removed",
        "entry-renamed",
        "entry-renumbered",
        "entry-reserved",
        "erratum-added",
        "expert-changed",
        "recommendation-granted",
        "recommendation-withdrawn",
        "reference-approved",
        "reference-changed",
        "reference-published",
        "registration-procedure-changed",
        "registry-added",
        "registry-closed",
        "registry-deprecated",
        "registry-moved",
        "registry-note-changed",
        "registry-renamed",
        "schema-changed",
        "temporary-extended",
        "temporary-made-permanent",
        "temporary-registered",
        "temporary-withdrawn",
    }
    assert events[""] >= 40


@pytest.mark.parametrize("row", [row for row in CHANGES if row.cells], ids=_title)
def test_the_raw_files_contain_the_entry_and_its_change(row: Golden) -> None:
    before, after = _entries(row, row.old), _entries(row, row.new)
    assert before != after
    if row.event == "entry-added":
        assert not before
    elif row.event in GONE_ENTRY and "Unassigned" not in row.cells:
        assert not after


@pytest.mark.parametrize("row", [row for row in CHANGES if not row.cells], ids=_title)
def test_the_raw_files_contain_the_registry_and_its_change(row: Golden) -> None:
    before, after = _registry(row, row.old), _registry(row, row.new)
    if row.event in NEW_REGISTRY:
        assert before is None
        assert after is not None
    else:
        assert before is not None
        assert after is not None or row.event in GONE_REGISTRY
        assert after is None or _printed(before) != _printed(after)


@pytest.mark.parametrize("row", [row for row in CHANGES if row.other], ids=_title)
def test_the_other_group_is_there(row: Golden) -> None:
    assert real_data.iana_document(row.other, row.new)
