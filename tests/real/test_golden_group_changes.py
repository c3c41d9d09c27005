"""The golden table of changes over many groups, checked against the raw files first and then against the product."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import lxml.etree
import pytest

from tests.real import golden_changes
from tests.real.golden_group_changes import CHANGES, Golden
from tests.real.golden_rows import explain_group, text_of, title_of
from tests.support import real_data
from watcher.core.model import Change, ChangeSet, Event, Item, Section
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

NAMESPACE = "{http://www.iana.org/assignments}"
NEW_REGISTRY = frozenset({"registry-added", "registry-renamed"})
GONE_REGISTRY = frozenset({"registry-removed", "registry-moved"})
GONE_ENTRY = frozenset({"entry-removed", "temporary-withdrawn"})
# Events of a whole registry list every entry in it; they are not the event of one entry.
REGISTRY_EVENTS = frozenset(
    {"registry-added", "registry-removed", "registry-renamed", "registry-moved", "schema-changed"}
)
LATER_GROUPS = frozenset({"openpgp 2022-01-05"})  # groups that did not exist yet
SEVERITIES = frozenset({"", "info", "notice", "warning"})


@lru_cache(maxsize=64)
def _root(group: str, tag: str) -> lxml.etree._Element:
    return lxml.etree.fromstring(real_data.iana_document(group, tag))


def _registry(row: Golden, tag: str) -> lxml.etree._Element | None:
    """Return the row's registry on a date, without the product's reader."""
    registry = _root(row.group, tag)
    for step in filter(None, row.registry.split("/")):
        nested = [element for element in registry.findall(f"{NAMESPACE}registry") if element.get("id") == step]
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
    records = [(set(map(text_of, record)), record) for record in registry.iterchildren(f"{NAMESPACE}record")]
    people = (
        [] if row.registry else [({str(person.get("id"))}, person) for person in registry.iter(f"{NAMESPACE}person")]
    )
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


@pytest.mark.parametrize("row", [row for row in CHANGES if row.cells], ids=title_of)
def test_the_raw_files_contain_the_entry_and_its_change(row: Golden) -> None:
    before, after = _entries(row, row.old), _entries(row, row.new)
    assert before != after
    if row.event == "entry-added":
        assert not before
    elif row.event in GONE_ENTRY and "Unassigned" not in row.cells:
        assert not after


@pytest.mark.parametrize("row", [row for row in CHANGES if not row.cells], ids=title_of)
def test_the_raw_files_contain_the_registry_and_its_change(row: Golden) -> None:
    before, after = _registry(row, row.old), _registry(row, row.new)
    if row.event in NEW_REGISTRY:
        assert before is None
        assert after is not None
    else:
        assert before is not None
        assert after is not None or row.event in GONE_REGISTRY
        assert after is None or _printed(before) != _printed(after)


@pytest.mark.parametrize("row", [row for row in CHANGES if row.other], ids=title_of)
def test_the_other_group_is_there(row: Golden) -> None:
    assert real_data.iana_document(row.other, row.new)


@lru_cache(maxsize=4)
def _explained_in_collection(group: str, old: str, new: str, other: str) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the changes and events of a group that is watched together with another one."""
    with (
        TemporaryDirectory() as folder,
        Store(Path(folder) / "history.db") as store,
    ):
        archive = SnapshotArchive(Path(folder) / "snapshots")
        for name in (group, other):
            ingest = ReleaseIngest(
                assemble_parts(
                    f"iana.{name}",
                    settings=ReadSettings(registry="iana", format="xml"),
                    store=store,
                    archive=archive,
                    collection="iana",
                )
            )
            for tag in (old, new) if f"{name} {old}" not in LATER_GROUPS else (new,):
                ingest.ingest(Candidate(data=real_data.iana_document(name, tag), origin=tag))
        release = store.history.find_latest(f"iana.{group}")
        assert release is not None
        before = store.history.find_predecessor(release)
        assert before is not None
        comparison = store.history.events.read_comparison(f"iana.{group}", release, before)
    return comparison.changes, comparison.events


def _is_of(item: Item | None, row: Golden) -> bool:
    if item is None:
        return False
    if item.section is Section.CONTACT:
        return not row.registry and row.cells == (item.key.part("id"),)
    texts = {" ".join(text.split()) for text in (*item.fields.values(), *item.key.values)}
    # The product prints a cell that is a link in brackets.
    cells = texts | {text.removeprefix("[").removesuffix("]") for text in texts}
    return item.key.part("registry") == row.registry and set(row.cells) <= cells


def _is_about(event: Event, changes: tuple[Change, ...], row: Golden) -> bool:
    if not row.cells:
        return row.registry in event.registries and (
            REGISTRY_EVENTS & {event.id, *event.also}
            or any(changes[index].section is Section.REGISTRY for index in event.changes)
        )
    return any(_is_of(side, row) for index in event.changes for side in (changes[index].before, changes[index].after))


def _searched_text(event: Event, row: Golden) -> str:
    """Return the text that must contain the texts of a row; an event of many entries names some only in its values."""
    many = [*event.values, *row.cells] if len(event.values) > 8 else []
    return " ".join([event.summary, *many]).lower()


@pytest.mark.parametrize("row", CHANGES, ids=title_of)
def test_every_golden_change_gives_its_event(row: Golden) -> None:
    if row.other:
        changes, events = _explained_in_collection(row.group, row.old, row.new, row.other)
    else:
        changes, events = explain_group(row.group, row.old, row.new)
    about = [event for event in events if _is_about(event, changes.changes, row)]
    described = [(event.id, event.also, str(event.severity), event.summary) for event in about]
    if not row.event:
        loud = [
            event
            for event in about
            if event.id not in {"editorial"} | REGISTRY_EVENTS
            and any(
                not changes.changes[i].quiet
                and (_is_of(changes.changes[i].before, row) or _is_of(changes.changes[i].after, row))
                for i in event.changes
            )
        ]
        assert [(event.id, event.summary) for event in loud] == [], row.why
        return
    wanted = {row.event, *({"registry-moved", "entry-moved"} if row.event in ("registry-moved", "entry-moved") else ())}
    expected = [event for event in about if wanted & {event.id, *event.also}]
    assert expected, (row.why, described)
    assert any(
        (not row.also or row.also in (event.id, *event.also))
        and all(text.lower() in _searched_text(event, row) for text in row.texts)
        # An event that is also something else has the severity of the more important thing.
        and (not row.severity or event.severity == row.severity or event.id != row.event)
        for event in expected
    ), (row.also, row.texts, row.severity, described)
