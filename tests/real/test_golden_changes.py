"""The golden table of real changes, held against the raw files first and then against what the product says."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import lxml.etree
import pytest

from tests.real.golden_changes import CHANGES, Golden
from tests.support import real_data
from watcher.core.model import Change, ChangeSet, Event, Item
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.registries.catalog import REGISTRIES

NAMESPACE = "{http://www.iana.org/assignments}"
# What happens to a registry as a whole names every entry in it, and is no entry's own event.
OF_A_REGISTRY = frozenset(
    {"registry-added", "registry-removed", "registry-renamed", "registry-moved", "schema-changed"}
)


def _title(row: Golden) -> str:
    registry, what = row.registry.rpartition("/")[2] or "(root)", row.what[0] if row.what else "-"
    return f"{row.group} {row.new} {registry} {what} {row.event or 'nothing'}"


def _text(cell: lxml.etree._Element) -> str:
    return " ".join("".join(cell.itertext()).split())


def _printed(document: bytes, path: str) -> list[set[str]]:
    """The cells of every record in a registry, and the ids of the people, without any of the product's reading."""
    place = lxml.etree.fromstring(document)
    for step in filter(None, path.split("/")):
        found = [nested for nested in place.findall(f"{NAMESPACE}registry") if nested.get("id") == step]
        if not found:
            return []
        place = found[0]
    records = [{_text(cell) for cell in record} for record in place.findall(f"{NAMESPACE}record")]
    people = [] if path else [{str(person.get("id"))} for person in place.iter(f"{NAMESPACE}person")]
    return records + people


def test_the_table_is_large_and_spread() -> None:
    events = Counter(row.event for row in CHANGES)
    assert len(CHANGES) >= 60
    assert len({row.group for row in CHANGES}) >= 25
    assert len(set(map(_title, CHANGES))) == len(CHANGES)
    assert events[""] >= 8


@pytest.mark.parametrize("row", CHANGES, ids=_title)
def test_the_raw_files_hold_what_the_table_says(row: Golden) -> None:
    old, new = (real_data.iana_document(row.group, tag) for tag in (row.old, row.new))
    assert old != new
    if row.what:
        assert any(set(row.what) <= cells for cells in _printed(old, row.registry) + _printed(new, row.registry))
    if row.event in ("entry-added", "registry-added", "registry-renamed", "registry-moved"):
        found, lost = _printed(new, row.registry), _printed(old, row.registry)
        assert not any(set(row.what) <= cells for cells in lost)
        assert row.what == () or any(set(row.what) <= cells for cells in found)


@lru_cache(maxsize=4)
def _explained(group: str, old: str, new: str) -> tuple[ChangeSet, tuple[Event, ...]]:
    registry = REGISTRIES["iana"]
    return explain(registry, *(read_content(real_data.iana_document(group, tag), registry) for tag in (old, new)))


def _is(item: Item | None, row: Golden) -> bool:
    return item is not None and item.key.part("registry") == row.registry and set(row.what) <= set(item.fields.values())


def _about(event: Event, changes: tuple[Change, ...], row: Golden) -> bool:
    """Whether the event is about the row's entry itself, and does not only explain what came of it."""
    if not row.what:
        return event.registry == row.registry
    own = (changes[index] for index in event.changes)
    return any(not change.quiet and (_is(change.before, row) or _is(change.after, row)) for change in own)


@pytest.mark.parametrize("row", CHANGES, ids=_title)
def test_every_golden_change_gives_its_event(row: Golden) -> None:
    changes, events = _explained(row.group, row.old, row.new)
    found = [event for event in events if _about(event, changes.changes, row)]
    said = [(event.id, event.also, event.summary) for event in found]
    if not row.event and not row.what:
        assert [(event.id, event.summary) for event in events] == []
    elif not row.event:
        assert [saying for saying in said if saying[0] not in OF_A_REGISTRY] == [], row.why
    else:
        fitting = [event for event in found if event.id == row.event]
        assert fitting, (row.why, said)
        assert any(row.text in event.summary and (not row.also or row.also in event.also) for event in fitting), said
