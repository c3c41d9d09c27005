"""Entries and registries that move between groups of a collection: one event, whatever order the releases come in."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.collection_environment import CollectionEnvironment
from tests.support.environment import rows
from tests.support.fake_clock import FakeClock
from tests.support.group_releases import group, record, registry
from tests.support.index_server import IndexServer, group_path, serve_index
from tests.support.raw_sql import connection
from watcher.config.overview import ConfigOverview
from watcher.core.model import ChangeSet, Event
from watcher.core.read_settings import ReadSettings
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.monitor.sweep import sweep
from watcher.reports.entry import Subject, find_entry
from watcher.reports.observation import ObservationGaps
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

OLD, NEW, MORE = "old-types", "new-types", "more-types"
FILLER = tuple(record(f"rfc{9000 + number}", value=str(number), name=f"filler {number}") for number in range(8))
NONCE = record("rfc7000", value="20", name="nonce")
TOKEN = record("rfc7001", value="21", name="session token")
SEED = record("rfc7002", value="22", name="entropy seed")


def types(name: str, updated: str, *records: str, note: str = "", path: str = "types") -> bytes:
    return group(registry(path, *FILLER, *records, title=f"{name} registry", note=note), name=name, updated=updated)


class Tree:
    """A history of toy groups under one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = Store(folder / "history.db")
        self.archive = SnapshotArchive(folder / "snapshots")

    def ingest(self, source: str) -> ReleaseIngest:
        return ReleaseIngest(
            assemble_parts(
                f"iana.{source}",
                settings=ReadSettings(registry="iana", format="xml"),
                store=self.store,
                archive=self.archive,
                collection="iana",
            )
        )

    def add(self, *releases: tuple[str, bytes]) -> Tree:
        for name, data in releases:
            self.ingest(name).ingest(Candidate(data=data, origin=name))
        return self

    def comparisons(self, name: str) -> Iterator[tuple[str, ChangeSet, tuple[Event, ...]]]:
        history = self.store.history
        for release in history.list_releases(f"iana.{name}")[1:]:
            before = history.find_predecessor(release)
            assert before is not None
            comparison = history.events.read_comparison(f"iana.{name}", release, before)
            yield release.release.id, comparison.changes, comparison.events

    def described(self, *names: str) -> Mapping[str, list[dict[str, Any]]]:
        """Return everything that the histories of groups say about events, without row numbers."""
        return {
            f"{name} {release}": [
                {**vars_of(event), "changes": sorted(event.changes), "quiet": [c.quiet for c in changes.changes]}
                for event in events
            ]
            for name in names
            for release, changes, events in self.comparisons(name)
        }

    def ids(self, name: str) -> list[tuple[str, str]]:
        return [
            (event.id, event.other.source if event.other else "")
            for _, _, events in self.comparisons(name)
            for event in events
        ]

    def history(self, source: str | None = None) -> list[tuple[str, str]]:
        events = self.store.history.events.find(EventQuery(sources=(f"iana.{source}",) if source else ()))
        return [(stored.source, stored.event.id) for stored in events]


def vars_of(event: Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


MOVE = (
    (OLD, types(OLD, "2024-01-01", NONCE, TOKEN)),
    (OLD, types(OLD, "2024-02-01", NONCE)),
    (NEW, types(NEW, "2024-01-03")),
    (NEW, types(NEW, "2024-02-03", TOKEN)),
)


def test_an_entry_that_moved_is_one_event_in_the_history_of_both_groups(tree: Tree) -> None:
    tree.add(*MOVE)
    assert tree.ids(OLD) == [("entry-moved", "iana.new-types")]
    assert tree.ids(NEW) == [("entry-moved", "iana.old-types")]
    ((_, _, (event,)),) = tree.comparisons(NEW)
    assert (
        event.summary == "old-types registry: 21 session token moved from old-types to new-types (new-types registry)"
    )
    assert (event.severity, event.kind) == ("notice", "modified")
    assert tree.history() == [("iana.old-types", "entry-moved")]
    assert tree.history(OLD) == [("iana.old-types", "entry-moved")]
    assert tree.history(NEW) == [("iana.new-types", "entry-moved")]


def assert_every_change_has_one_event(tree: Tree, *names: str) -> None:
    for name in names:
        for _, changes, events in tree.comparisons(name):
            named = Counter(position for event in events for position in event.changes)
            loud = {position for position, change in enumerate(changes.changes) if not change.quiet}
            assert all(named[position] == 1 for position in loud), (name, named, loud)
            assert all(number == 1 for number in named.values()), (name, named)
    two_sided = [stored.event for stored in tree.store.history.events.find(EventQuery()) if stored.event.other]
    for event in two_sided:
        assert event.other is not None
        (seen,) = [
            other
            for _, _, events in tree.comparisons(event.other.source.removeprefix("iana."))
            for other in events
            if other.fingerprint == event.fingerprint
        ]
        assert (seen.changes, seen.registries) == (event.other.changes, event.other.registries)
        assert seen.other is not None
        assert seen.other.changes == event.changes


MIXED = (
    (OLD, types(OLD, "2024-01-01", NONCE, TOKEN, SEED)),
    (OLD, types(OLD, "2024-02-01", NONCE, SEED)),
    (OLD, types(OLD, "2024-03-01")),
    (NEW, types(NEW, "2024-01-03")),
    (NEW, types(NEW, "2024-02-03", TOKEN)),
    (NEW, types(NEW, "2024-03-04", TOKEN, SEED)),
    (MORE, types(MORE, "2024-01-02")),
    (MORE, types(MORE, "2024-02-20", record("rfc7777", value="5", name="nonce"))),
    (MORE, types(MORE, "2024-03-10", record("rfc7777", value="5", name="nonce"), record(value="6", name="other"))),
)
# The same moves, in another order each time; the first is the order of the dates.
ORDERS = [MIXED, MIXED[::-1], *(tuple(random.Random(seed).sample(MIXED, len(MIXED))) for seed in range(6))]  # noqa: S311


def test_the_order_of_the_releases_makes_no_difference(tmp_path: Path) -> None:
    described = []
    for number, order in enumerate(ORDERS):
        tree = Tree(tmp_path / str(number)).add(*order)
        assert_every_change_has_one_event(tree, OLD, NEW, MORE)
        described.append(tree.described(OLD, NEW, MORE))
    assert [pair for pair in tree.ids(OLD) if pair[1]] == [("entry-moved", "iana.new-types")] * 2
    assert all(other == described[0] for other in described[1:])


def test_rebuilding_gives_the_same_events_group_by_group(tree: Tree) -> None:
    tree.add(*MIXED)
    before = tree.described(OLD, NEW, MORE)
    for name in (NEW, OLD, MORE, NEW):
        tree.ingest(name).rebuild()
        assert tree.described(OLD, NEW, MORE) == before
        tree.ingest(name).rebuild_events()
        assert tree.described(OLD, NEW, MORE) == before
    assert_every_change_has_one_event(tree, OLD, NEW, MORE)


def test_a_release_inserted_later_can_end_and_begin_a_move(tree: Tree) -> None:
    tree.add(*MOVE)
    # The new group had the entry in December already: nothing moved in February.
    tree.add((NEW, types(NEW, "2023-12-01")), (NEW, types(NEW, "2023-12-10", TOKEN)))
    tree.add((NEW, types(NEW, "2024-01-20", TOKEN)))
    assert ("entry-moved", "iana.old-types") in tree.ids(NEW)
    again = Tree(tree.folder / "again").add(
        *MOVE,
        (NEW, types(NEW, "2023-12-10", TOKEN)),
        (NEW, types(NEW, "2024-01-20", TOKEN)),
        (NEW, types(NEW, "2023-12-01")),
    )
    assert again.described(OLD, NEW) == tree.described(OLD, NEW)


def test_a_common_name_alone_is_no_evidence(tree: Tree) -> None:
    tree.add(
        (OLD, types(OLD, "2024-01-01", NONCE)),
        (OLD, types(OLD, "2024-02-01")),
        (NEW, types(NEW, "2024-01-03")),
        (NEW, types(NEW, "2024-02-03", record("rfc7777", value="5", name="nonce"))),
    )
    assert tree.ids(OLD) == [("entry-removed", "")]
    assert tree.ids(NEW) == [("entry-added", "")]


def test_an_entry_that_two_groups_add_is_not_linked_with_either(tree: Tree) -> None:
    tree.add(*MOVE, (MORE, types(MORE, "2024-01-03")), (MORE, types(MORE, "2024-02-03", TOKEN)))
    assert tree.ids(OLD) == [("entry-removed", "")]
    assert tree.ids(NEW) == tree.ids(MORE) == [("entry-added", "")]
    assert rows(tree.folder / "history.db", "moves", "event_sides") == {"moves": [], "event_sides": []}


def test_releases_more_than_a_month_apart_are_not_linked(tree: Tree) -> None:
    tree.add(*MOVE[:3], (NEW, types(NEW, "2024-03-04", TOKEN)))
    assert tree.ids(OLD) == [("entry-removed", "")]


def test_groups_of_another_collection_are_not_linked(tree: Tree) -> None:
    tree.add(*MOVE[:2])
    other = ReleaseIngest(
        assemble_parts(
            "mirror.new",
            settings=ReadSettings(registry="iana", format="xml"),
            store=tree.store,
            archive=tree.archive,
            collection="mirror",
        )
    )
    for name, data in MOVE[2:]:
        other.ingest(Candidate(data=data, origin=name))
    assert tree.ids(OLD) == [("entry-removed", "")]


def test_a_note_that_names_the_other_group_is_evidence_for_a_common_name(tree: Tree) -> None:
    tree.add(
        (OLD, types(OLD, "2024-01-01", NONCE, TOKEN)),
        (OLD, types(OLD, "2024-02-01", TOKEN, note="Some entries are listed in new-types.")),
        (NEW, types(NEW, "2024-01-03")),
        (NEW, types(NEW, "2024-02-03", record("rfc7777", value="5", name="nonce"))),
    )
    assert ("entry-moved", "iana.new-types") in tree.ids(OLD)


def test_a_provisional_entry_that_moved_to_a_permanent_registry_graduated(tree: Tree) -> None:
    def media(name: str, updated: str, title: str, *records: str) -> bytes:
        return group(registry("image", *records, title=title), name=name, updated=updated)

    fillers = [record(f"rfc{number}", name=f"image/x{number}") for number in range(4)]
    tree.add(
        (OLD, media(OLD, "2024-01-01", "Provisional Types", *fillers, record("Jo_Doe", name="image/apng"))),
        (OLD, media(OLD, "2024-02-01", "Provisional Types", *fillers)),
        (NEW, media(NEW, "2024-01-03", "image", *fillers)),
        (NEW, media(NEW, "2024-02-03", "image", *fillers, record("rfc1", name="apng", file="image/apng"))),
    )
    assert tree.ids(OLD) == [("entry-graduated", "iana.new-types")]
    assert tree.ids(NEW) == [("entry-graduated", "iana.old-types")]
    ((_, _, (event,)),) = tree.comparisons(OLD)
    assert "image/apng is now permanent (was provisional), moved from old-types to new-types" in event.summary


def test_a_registry_that_moved_is_one_event_with_its_header_and_all_rows(tree: Tree) -> None:
    codes = registry("codes", TOKEN, SEED, NONCE, title="Toy Codes")
    free = record(value="23-255", name="Unassigned")
    moved = registry("toy-codes", TOKEN, SEED, NONCE, free, title="Toy Codes")
    tree.add(
        (OLD, group(registry("types", *FILLER), codes, name=OLD, updated="2024-01-01")),
        (OLD, group(registry("types", *FILLER), name=OLD, updated="2024-02-01")),
        (NEW, group(registry("types", *FILLER), name=NEW, updated="2024-01-03")),
        (NEW, group(registry("types", *FILLER), moved, name=NEW, updated="2024-02-03")),
    )
    assert tree.ids(OLD) == [("registry-moved", "iana.new-types")]
    assert tree.ids(NEW) == [("registry-moved", "iana.old-types")]
    ((_, _, (event,)),) = tree.comparisons(OLD)
    assert event.summary == "registry Toy Codes moved from old-types to new-types with 3 entries"
    assert event.severity == "warning"
    assert event.other is not None
    assert event.other.registries == ("toy-codes",)
    assert len(event.other.changes) == 5  # the header, three entries and the free row
    assert_every_change_has_one_event(tree, OLD, NEW)


def test_a_group_that_says_where_its_registries_are_needs_no_other_side(tree: Tree) -> None:
    note = "<note>See [https://www.iana.org/assignments/newpgp] for the Toy registries.</note>"
    tree.add(
        (OLD, group(registry("a", TOKEN), registry("b", SEED), name=OLD, updated="2024-01-01")),
        (OLD, group(note, name=OLD, updated="2024-02-01")),
    )
    assert tree.ids(OLD) == [("registry-moved", "")]
    ((_, _, (event,)),) = tree.comparisons(OLD)
    assert "See [https://www.iana.org/assignments/newpgp] for the Toy registries" in event.summary
    assert_every_change_has_one_event(tree, OLD)


def test_a_life_is_followed_to_the_other_group_and_back(tree: Tree) -> None:
    tree.add(*MOVE, (NEW, types(NEW, "2024-03-03", record("rfc7001 rfc7005", value="21", name="session token"))))
    path = tree.store.location
    overview = ConfigOverview(history=path, archive=path.parent, sources=(), channels=frozenset(), severities={})
    observation = ObservationGaps(overview=overview, checks=tree.store.checks, clock=FakeClock())
    for source in (OLD, NEW):
        entry = find_entry(tree.store.history, observation, f"iana.{source}", Subject(names=("session token",)))
        assert [version.first.release.source for version in entry.versions] == [
            "iana.old-types",
            "iana.new-types",
            "iana.new-types",
        ]
        (life,) = entry.lives.values()
        assert [str(step.stage) for step in life] == ["published"]
        assert entry.events[0].stored.event.id == "entry-moved"
    assert [version.first.release.source for version in entry.current] == ["iana.new-types"]
    standing = entry.read_standing(entry.current[0])
    assert standing is not None
    assert (standing.since.dated, standing.is_known) == ("2024-01-01", False)
    at = find_entry(
        tree.store.history, observation, "iana.old-types", Subject(names=("session token",)), at="2024-01-15"
    )
    assert len(at.versions) == len(at.current) == 1


def test_an_entry_that_moved_is_found_by_name_and_brings_no_new_reference(tree: Tree) -> None:
    tree.add(*MOVE)
    find = tree.store.history.events.find
    for source in (OLD, NEW, None):
        names = (f"iana.{source}",) if source else ()
        assert len(find(EventQuery(sources=names, services=("session token",)))) == 1
        assert len(find(EventQuery(sources=names, document="rfc7001"))) == 1
    (roles,) = tree.store.history.events.read_document_roles("rfc7001").values()
    assert roles == {"types": "kept"}


# -- alerts ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def env(tmp_path: Path) -> Iterator[CollectionEnvironment]:
    with serve_index(IndexServer()) as server:
        server.pages |= {group_path(OLD): MOVE[0][1], group_path(NEW): MOVE[2][1]}
        server.publish(NEW, OLD)
        env = CollectionEnvironment(server, tmp_path)
        env.check_all()
        env.now = datetime(2024, 2, 5, tzinfo=UTC)
        yield env


def messages(env: CollectionEnvironment, *states: str) -> list[tuple[str, list[str]]]:
    """Return (source, event ids) of the messages in some states."""
    return [
        (row["source"], [event["id"] for event in json.loads(row["body"])["data"]["events"]])
        for row in env.rows("outbox")["outbox"]
        if row["state"] in states
    ]


@pytest.mark.parametrize("order", [(OLD, NEW), (NEW, OLD)])
def test_both_sides_in_one_sweep_are_one_message(env: CollectionEnvironment, order: tuple[str, ...]) -> None:
    new = {OLD: MOVE[1][1], NEW: MOVE[3][1]}
    check_in_order(env, new, order)
    second = f"iana.{order[1]}"
    assert messages(env, "pending") == [(second, ["entry-moved"])]
    assert [source for source, _ in messages(env, "withdrawn")] == [f"iana.{order[0]}"]
    pending = [row for row in env.rows("outbox")["outbox"] if row["state"] == "pending"]
    assert all(row["next_attempt"] <= to_text(env.now) for row in pending)


def check_in_order(env: CollectionEnvironment, new: Mapping[str, bytes], order: Iterable[str]) -> None:
    env.tree.pages |= {group_path(name): data for name, data in new.items()}
    env.clock.advance(timedelta(seconds=1))
    with env.service() as service:
        groups = {group.settings.group: group for group in service.collection(env.settings).groups()}
        with sweep(service, env.settings, [groups[name] for name in order]) as checks:
            for group in checks:
                checks.check(group)
                waiting = [row for row in env.rows("outbox")["outbox"] if row["source"] == group.name]
                assert all(row["next_attempt"] > to_text(env.now) for row in waiting)


def test_a_message_that_was_sent_is_followed_by_one_about_the_move(env: CollectionEnvironment) -> None:
    check_in_order(env, {OLD: MOVE[1][1]}, (OLD,))
    with env.service() as service, service.store.transaction():
        for row in env.rows("outbox")["outbox"]:
            service.store.outbox.mark_sent(row["id"], "2024-01-01T01:00:00Z")
    check_in_order(env, {NEW: MOVE[3][1]}, (NEW,))
    assert messages(env, "sent") == [("iana.old-types", ["entry-removed"])]
    assert messages(env, "pending") == [("iana.new-types", ["entry-moved"])]


def test_an_unsent_message_keeps_what_else_it_says(env: CollectionEnvironment) -> None:
    check_in_order(env, {OLD: types(OLD, "2024-02-01", SEED)}, (OLD,))
    ((_, events),) = messages(env, "pending")
    assert sorted(events) == ["entry-added", "entry-removed", "entry-removed"]
    check_in_order(env, {NEW: MOVE[3][1]}, (NEW,))
    assert messages(env, "pending") == [
        ("iana.old-types", ["entry-removed", "entry-added"]),
        ("iana.new-types", ["entry-moved"]),
    ]


def add_leftovers(tree: Tree, removed: int, added: int, name: str) -> None:
    """Write that the newest release of each of two groups removed or added so many entries of one name."""
    database = connection(tree.store)
    for source, leaves, number in ((OLD, 1, removed), (NEW, 0, added)):
        (release,) = database.query(
            "SELECT max(releases.id) AS id FROM releases JOIN sources ON sources.id = source_id WHERE name = ?",
            [f"iana.{source}"],
        )
        database.conn.executemany(
            "INSERT INTO leftovers (release_id, seq, leaves, name) VALUES (?, ?, ?, ?)",
            [(release["id"], 1000 + seq, leaves, name) for seq in range(number)],
        )


def find_pairs(tree: Tree) -> tuple[int, int]:
    """Return the number of pairs that are candidates, and the hundreds of steps that SQLite took to find them."""
    database = connection(tree.store)
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    releases = [row["id"] for row in database.query("SELECT id FROM releases")]
    database.conn.set_progress_handler(count, 100)
    pairs = tree.store.moves.find_candidates("iana.", 30, releases=releases)
    database.conn.set_progress_handler(None, 0)
    return len(pairs), steps


@pytest.mark.parametrize(
    ("removed", "added", "pairs"), [(3, 4, 12), (50, 51, 2550), (400, 1, 400), (51, 51, 0), (1000, 1000, 0)]
)
def test_a_name_that_many_removed_and_added_entries_have_is_no_evidence(
    tree: Tree, removed: int, added: int, pairs: int
) -> None:
    tree.add(*MOVE)
    before = find_pairs(tree)[0]
    add_leftovers(tree, removed, added, "common")
    assert find_pairs(tree)[0] == before + pairs


@pytest.mark.fault(70)
def test_the_search_for_moves_grows_with_the_entries_of_one_name(tree: Tree) -> None:
    tree.add(*MOVE)
    add_leftovers(tree, 2_000, 2_000, "one")
    small = find_pairs(tree)[1]
    add_leftovers(tree, 4_000, 4_000, "two")
    add_leftovers(tree, 4_000, 4_000, "six")
    assert find_pairs(tree)[1] < 6 * small
