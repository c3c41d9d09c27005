"""The items of a stored release are those of the release, by whatever query they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.port_releases import PORTS, Row, person, release, tcp, unassigned
from watcher.core.model import Content, Item, ItemKey, Key, Section
from watcher.core.read_settings import ReadSettings
from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.ports import identity
from watcher.store.location import HistoryLocation
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

TWICE = [Row(name="rdp", description="Remote one"), Row(name="rdp", description="Remote two")]
OLD = release(
    [tcp("one", "10", contact="Ann_B"), unassigned("20-29"), unassigned("20-22"), unassigned("40-60"), *TWICE],
    "2020-01-01",
    [person("Ann_B", "Ann"), person("--", "Nobody's word")],
)
NEW = release(
    [tcp("one", "10", contact="Ann_B"), unassigned("20-29"), tcp("two", "25"), unassigned("50-60"), TWICE[0]],
    "2020-02-01",
    [person("Ann_B", "Ann Other"), person("--", "Nobody's word")],
)
PLAIN = [read_content(data, PORTS) for data in (OLD, NEW)]


@pytest.fixture
def stored(location: HistoryLocation, tmp_path: Path) -> Iterator[tuple[Content, Content]]:
    with Store(location) as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for data in (OLD, NEW):
            ingest.ingest(Candidate(data=data, origin="test"))
        queries = store.history
        yield queries.read_content_pair("ports", *queries.list_releases("ports"))


@pytest.mark.parametrize("side", [0, 1])
def test_iterating_yields_all_items(stored: tuple[Content, Content], side: int) -> None:
    assert stored[side].items == PLAIN[side].items
    assert len(stored[side].items) == len(PLAIN[side].items)


@pytest.mark.parametrize("through_first", [False, True])
@pytest.mark.parametrize("side", [0, 1])
def test_a_key_finds_its_item_or_none(stored: tuple[Content, Content], side: int, through_first: bool) -> None:
    items, plain = stored[side].items, PLAIN[side].items
    if through_first:
        assert dict(items)
    absent = (Section.ENTRY, Key(identity.LABELS, ("no", "such", "key")))
    for key in {*PLAIN[0].items, *PLAIN[1].items, absent}:
        assert items.get(key) == plain.get(key)
        assert (key in items) == (key in plain)
    with pytest.raises(KeyError):
        items[absent]


def test_the_delta_of_two_releases_is_loaded(stored: tuple[Content, Content]) -> None:
    delta = stored[1].delta
    assert delta is not None
    removed, added = ({(item.section, item.key): item for item in side} for side in (delta.removed, delta.added))
    old, new = (content.items for content in PLAIN)
    assert removed == {key: item for key, item in old.items() if new.get(key) != item}
    assert added == {key: item for key, item in new.items() if old.get(key) != item}


@pytest.mark.parametrize(
    "span", [(10, 10), (20, 20), (25, 25), (29, 30), (35, 39), (45, 45), (41, 59), (61, 70), (0, 99)]
)
@pytest.mark.parametrize("side", [0, 1])
def test_items_are_selected_by_their_numbers(stored: tuple[Content, Content], side: int, span: tuple[int, int]) -> None:
    selected = _select(stored[side], spans=[span])
    for key, item in PLAIN[side].items.items():
        interval = identity.read_interval(item) if item.section is Section.ENTRY else None
        assert (key in selected) == (interval is not None and interval[0] <= span[1] and span[0] <= interval[1]), key


@pytest.mark.parametrize("side", [0, 1])
def test_items_are_selected_by_their_words(stored: tuple[Content, Content], side: int) -> None:
    selected = _select(stored[side], words=["Ann_B"])
    assert {
        key for key, item in PLAIN[side].items.items() if "Ann_B" in "".join(item.fields.values())
    } <= selected.keys()
    assert len(selected) < len(PLAIN[side].items)
    # The index has no word of punctuation alone, so all items are returned.
    assert _select(stored[side], words=["--"]) == PLAIN[side].items


def _select(
    content: Content, spans: list[tuple[int, int]] | None = None, words: list[str] | None = None
) -> Mapping[ItemKey, Item]:
    items = content.items.select(spans or [], words or [])  # type: ignore[attr-defined]
    return {(item.section, item.key): item for item in items}
