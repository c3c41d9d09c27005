"""The golden table of real changes, checked against the raw files first and then against the product."""

from __future__ import annotations

from collections import Counter

import lxml.etree
import pytest

from tests.real.golden_changes import CHANGES, Golden
from tests.real.golden_rows import explain_group, text_of, title_of
from tests.support import real_data
from watcher.core.model import Change, Event, Item

NAMESPACE = "{http://www.iana.org/assignments}"
# Events of a whole registry list every entry in it; they are not the event of one entry.
REGISTRY_EVENTS = frozenset(
    {"registry-added", "registry-removed", "registry-renamed", "registry-moved", "schema-changed"}
)


def _printed(document: bytes, path: str) -> list[set[str]]:
    """Return the cells of every record in a registry, and the ids of the people, without the product's reader."""
    registry = lxml.etree.fromstring(document)
    for step in filter(None, path.split("/")):
        nested = [element for element in registry.findall(f"{NAMESPACE}registry") if element.get("id") == step]
        if not nested:
            return []
        registry = nested[0]
    records = [{text_of(cell) for cell in record} for record in registry.findall(f"{NAMESPACE}record")]
    people = [] if path else [{str(person.get("id"))} for person in registry.iter(f"{NAMESPACE}person")]
    return records + people


def test_the_table_is_large_and_spread() -> None:
    events = Counter(row.event for row in CHANGES)
    assert len(CHANGES) >= 60
    assert len({row.group for row in CHANGES}) >= 25
    assert len(set(map(title_of, CHANGES))) == len(CHANGES)
    assert events[""] >= 8


@pytest.mark.parametrize("row", CHANGES, ids=title_of)
def test_the_raw_files_contain_the_change(row: Golden) -> None:
    old, new = (real_data.iana_document(row.group, tag) for tag in (row.old, row.new))
    assert old != new
    if row.cells:
        assert any(set(row.cells) <= cells for cells in _printed(old, row.registry) + _printed(new, row.registry))
    if row.event in ("entry-added", "registry-added", "registry-renamed", "registry-moved"):
        after, before = _printed(new, row.registry), _printed(old, row.registry)
        assert not any(set(row.cells) <= cells for cells in before)
        assert row.cells == () or any(set(row.cells) <= cells for cells in after)


def _is_of(item: Item | None, row: Golden) -> bool:
    return (
        item is not None and item.key.part("registry") == row.registry and set(row.cells) <= set(item.fields.values())
    )


def _is_about(event: Event, changes: tuple[Change, ...], row: Golden) -> bool:
    """Return whether the event is about the row's entry, and does not only explain its quiet change."""
    if not row.cells:
        return row.registry in event.registries
    named = (changes[index] for index in event.changes)
    loud = [change for change in named if not change.quiet or event.id == "editorial"]
    return any(_is_of(change.before, row) or _is_of(change.after, row) for change in loud)


@pytest.mark.parametrize("row", CHANGES, ids=title_of)
def test_every_golden_change_gives_its_event(row: Golden) -> None:
    changes, events = explain_group(row.group, row.old, row.new)
    about = [event for event in events if _is_about(event, changes.changes, row)]
    described = [(event.id, event.also, event.summary) for event in about]
    if not row.event and not row.cells:
        assert [(event.id, event.summary) for event in events] == []
    elif not row.event:
        assert [event for event in described if event[0] not in REGISTRY_EVENTS | {"editorial"}] == [], row.why
    else:
        # Since references, experts and notation have ids of their own, what was one id may be in `also`.
        expected = [event for event in about if row.event in (event.id, *event.also)]
        assert expected, (row.why, described)
        assert any(
            row.text in event.summary and (not row.also or row.also in (event.id, *event.also)) for event in expected
        ), described
