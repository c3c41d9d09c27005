"""Any order in which releases come in gives one history, and the history says what the releases said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.port_releases import PORTS, Row, person, release, reserved, tcp, udp, unassigned
from tests.support.raw_sql import connection
from watcher.core.model import count_changes
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.plausibility import Bounds
from watcher.monitor.result import CheckResult, Outcome
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

KEEP = tcp("keep", "1", date="1990-01-01")
TWICE = [Row(name="rdp", description="Remote one"), Row(name="rdp", description="Remote two")]
# Five states in which items come, go, come back as they were, come back as something else, move and are renamed.
SERIES = {
    "2020-01-01": release(
        [KEEP, tcp("one", "10"), unassigned("20-29"), *TWICE, tcp("back", "50", contact="Ann")],
        "2020-01-01",
        [person("Ann", "Ann", uri="mailto:ann")],
    ),
    "2020-02-01": release(
        [KEEP, tcp("one", "10", description="Another"), tcp("two", "25"), unassigned("20-24"), *TWICE[:1]],
        "2020-02-01",
        note="Another note.",
    ),
    "2020-03-01": release(
        [KEEP, tcp("one", "10"), unassigned("20-29"), *TWICE, tcp("back", "50", contact="Ann")],
        "2020-03-01",
        [person("Ann", "Ann Other", uri="mailto:ann")],
    ),
    "2020-04-01": release(
        [KEEP, reserved("10", "tcp"), tcp("two", "26"), udp("two", "26"), tcp("back", "50", contact="Ann Bob")],
        "2020-04-01",
        [person("Ann", "Ann Other", uri="mailto:ann"), person("Bob", "Bob")],
    ),
    "2020-05-01": release(
        [KEEP, tcp("uno", "10"), tcp("two", "26"), *TWICE, tcp("back", "50", contact="Ann")],
        "2020-05-01",
        [person("Ann", "Ann", uri="mailto:ann")],
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreWithIngest:
    """Archive and history of one source, and what asks them."""

    store: Store
    ingest: ReleaseIngest
    queries: HistoryReader

    def take(self, data: bytes, *, observed: str | None = None, live: bool = False) -> CheckResult:
        """Take a release as a check (`live`) or as an import does."""
        origin = "https://example.test/ports.xml" if live else "git:repository:ports.xml@0000000"
        return self.ingest.ingest(Candidate(data=data, origin=origin, observed=observed, live=live))


@contextmanager
def store(folder: Path, bounds: Bounds | None = None) -> Iterator[StoreWithIngest]:
    with Store(folder / "history.db") as store:
        ingest = ReleaseIngest(
            "ports",
            registry="ports",
            format="xml",
            store=store,
            archive=SnapshotArchive(folder / "kept"),
            bounds=bounds,
        )
        yield StoreWithIngest(store=store, ingest=ingest, queries=store.history)


Table = list[dict[str, object]]


def rows(found: StoreWithIngest) -> Mapping[str, Table]:
    """Everything the history has, without the numbers that only say in which order it was written.

    A place becomes its rank, a release its content, a version what it is.
    """
    db = connection(found.store)
    places = [row["place"] for row in db.query("SELECT place FROM releases ORDER BY place")]
    ranks = {place: rank for rank, place in enumerate(places)}
    digests = {row["id"]: row["content"] for row in db.query("SELECT id, content FROM releases")}
    releases = [{**row, "id": 0, "place": ranks[row["place"]]} for row in db.query("SELECT * FROM releases")]
    versions = {
        row["id"]: {
            **row,
            "id": 0,
            "first": ranks[row["first"]],
            "until": None if row["until"] is None else ranks[row["until"]],
        }
        for row in db.query("SELECT * FROM versions")
    }
    changes = [
        {
            **row,
            "release_id": digests[row["release_id"]],
            "before_id": versions[row["before_id"]] if row["before_id"] else None,
            "after_id": versions[row["after_id"]] if row["after_id"] else None,
        }
        for row in db.query("SELECT * FROM changes")
    ]
    events = [
        {
            **row,
            "id": 0,
            "release_id": digests[row["release_id"]],
            "touches": list(
                db.query("SELECT low, high FROM event_ports WHERE event_id = ? ORDER BY 1, 2", [row["id"]])
            ),
            "names": list(db.query("SELECT name FROM event_services WHERE event_id = ? ORDER BY 1", [row["id"]])),
        }
        for row in db.query("SELECT * FROM events")
    ]
    snapshots = [{**row, "release_id": digests[row["release_id"]]} for row in db.query("SELECT * FROM snapshots")]
    tables: dict[str, Table] = {
        "releases": releases,
        "versions": list(versions.values()),
        "changes": changes,
        "events": events,
        "snapshots": snapshots,
    }
    return {name: sorted(table, key=json.dumps) for name, table in tables.items()}


def check_against(found: StoreWithIngest, series: Sequence[bytes]) -> None:
    """Hold a history to the releases it was made from, the oldest first."""
    contents = [read_content(data, PORTS) for data in series]
    stored = found.queries.list_releases("ports")
    assert [each.digest for each in stored] == [content.digest for content in contents]
    for each, content in zip(stored, contents, strict=True):
        assert found.queries.read_content("ports", each).items == content.items
        assert (each.release.entries, each.release.problems) == (content.entries, content.problems)
    for (before, after), (old, new) in zip(pairwise(stored), pairwise(contents), strict=True):
        recorded = found.queries.read_comparison("ports", after, before)
        changes, events = explain(PORTS, old, new)
        assert recorded.changes == changes
        assert after.counts == count_changes(changes)
        assert recorded.events == events
        assert (recorded.old, recorded.new) == (before.release, after.release)
    for one, other in permutations(range(len(stored)), 2):
        asked = explain(PORTS, *found.queries.read_content_pair("ports", stored[one], stored[other]))
        assert asked == explain(PORTS, contents[one], contents[other])
    if stored:
        assert sum(stored[0].counts.values()) == 0
    db = connection(found.store)
    for table in ("versions", "events"):
        db.execute(f"INSERT INTO {table}_fts ({table}_fts) VALUES ('integrity-check')")  # noqa: S608 - a constant
    assert db.execute("PRAGMA foreign_key_check").fetchall() == []


def in_order(folder: Path, series: Sequence[bytes]) -> Mapping[str, Table]:
    with store(folder) as found:
        for data in series:
            found.take(data)
        return rows(found)


def test_the_series_has_something_to_tell_in_every_table(tmp_path: Path) -> None:
    found = in_order(tmp_path, list(SERIES.values()))
    assert {name: len(table) > 4 for name, table in found.items()} == dict.fromkeys(found, True)
    kinds = {row["kind"] for row in found["changes"]}
    assert kinds == {"added", "modified", "deprecated", "removed"}


def test_every_order_of_import_gives_the_same_rows(tmp_path: Path) -> None:
    series = list(SERIES.values())
    expected = in_order(tmp_path / "expected", series)
    for number, order in enumerate(permutations(series)):
        with store(tmp_path / str(number)) as found:
            for data in order:
                found.take(data)
            assert rows(found) == expected, [series.index(data) for data in order]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3), (0, 4, 2, 3, 1)])
def test_the_history_says_what_the_releases_said_after_every_step(tmp_path: Path, order: Sequence[int]) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as found:
        for number in range(len(order)):
            found.take(series[order[number]])
            check_against(found, [series[index] for index in sorted(order[: number + 1])])


STATES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2", "3", ""]), st.sampled_from(["x", "y"])),
    max_size=4,
)


@given(states=st.lists(STATES, min_size=1, max_size=5), data=st.data())
@settings(max_examples=60)
def test_any_releases_in_any_order_give_the_history_of_their_dates(
    tmp_path_factory: pytest.TempPathFactory, states: list[list[tuple[str, str, str]]], data: st.DataObject
) -> None:
    series = [
        release([KEEP, *(tcp(name, port, description=what) for name, port, what in state)], f"2020-01-{day:02}")
        for day, state in enumerate(states, 1)
    ]
    folder = tmp_path_factory.mktemp("history")
    expected = in_order(folder / "expected", series)
    with store(folder / "found") as found:
        for each in data.draw(st.permutations(series)):
            found.take(each)
        check_against(found, series)
        assert rows(found) == expected


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_rebuild_gives_the_same_rows(tmp_path: Path, order: Sequence[int]) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as found:
        for index in order:
            found.take(series[index], observed=f"2021-01-0{index + 1}T00:00:00Z")
        before = rows(found)
        assert found.ingest.rebuild() == 5
        assert rows(found) == before


def test_a_rebuild_of_what_was_seen_live_gives_the_same_rows(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path, Bounds(confirm_after=1)) as found:
        for index in (1, 3, 2):  # 2 is dated before 3 and was served after it
            taken = found.take(
                series[index], observed=f"2021-01-0{5 - index}T00:00:00Z" if index < 2 else _day(index), live=True
            )
            assert taken.outcome is not Outcome.HELD
        found.take(series[0])
        before = rows(found)
        found.ingest.rebuild()
        assert rows(found) == before


def _day(index: int) -> str:
    return {3: "2021-01-05T00:00:00Z", 2: "2021-01-06T00:00:00Z"}[index]


def test_a_release_that_a_lagging_server_served_again_stays_where_it_was_after_a_rebuild(tmp_path: Path) -> None:
    old, new = list(SERIES.values())[:2]
    with store(tmp_path) as found:
        found.take(old)
        found.take(new, observed="2020-02-02T00:00:00Z", live=True)
        assert found.take(old, observed="2020-02-03T00:00:00Z", live=True).outcome is Outcome.STALE
        before = rows(found)
        found.ingest.rebuild()
        assert rows(found)["releases"] == before["releases"]
        assert rows(found) == before


def test_a_release_that_we_saw_and_somebody_else_saw_earlier_is_still_ours_after_a_rebuild(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    with store(tmp_path) as found:
        found.take(first, observed="2020-01-03T00:00:00Z", live=True)
        found.take(second, observed="2020-02-03T00:00:00Z", live=True)
        found.take(second, observed="2020-02-02T00:00:00Z")
        before = rows(found)
        found.ingest.rebuild()
        assert rows(found) == before


def test_a_release_that_somebody_else_saw_before_us_is_ours_after_a_rebuild_too(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    with store(tmp_path) as found:
        found.take(first)
        found.take(second, observed="2020-02-02T00:00:00Z")
        found.take(second, observed="2020-02-03T00:00:00Z", live=True)
        before = rows(found)
        assert [row["live"] for row in before["releases"] if row["published"] == "2020-02-01"] == [1]
        found.ingest.rebuild()
        assert rows(found) == before


def test_taking_the_same_bytes_again_changes_nothing(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as found:
        for data in series:
            found.take(data)
        before = rows(found)
        assert {found.take(data).outcome for data in series} == {Outcome.UNCHANGED}
        assert rows(found) == before


def test_two_snapshots_of_one_content_are_one_release(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    cosmetic = first.replace(b"<?xml-stylesheet", b"<?other-stylesheet")
    with store(tmp_path) as found:
        assert found.take(first).outcome is Outcome.BASELINE
        assert found.take(second).outcome is Outcome.CHANGED
        before = rows(found)
        taken = found.take(cosmetic)
        assert taken.outcome is Outcome.COSMETIC
        assert taken.release == found.queries.list_releases("ports")[0]
        after = rows(found)
        assert len(after["snapshots"]) == 3
        assert {name: table for name, table in after.items() if name != "snapshots"} == {
            name: table for name, table in before.items() if name != "snapshots"
        }


def test_the_order_of_rows_and_of_elements_makes_no_other_release(tmp_path: Path) -> None:
    with store(tmp_path) as found:
        found.take(release([KEEP, tcp("one", "10")]))
        assert found.take(release([tcp("one", "10"), KEEP])).outcome is Outcome.COSMETIC
        assert len(found.queries.list_releases("ports")) == 1


def test_an_item_that_comes_back_as_it_was_has_two_versions(tmp_path: Path) -> None:
    with store(tmp_path) as found:
        with_it, without = [KEEP, tcp("one", "10")], [KEEP]
        for day, state in ((1, with_it), (3, with_it), (2, without)):
            found.take(release(state, f"2020-01-0{day}"))
        versions = found.queries.find_versions("ports", name="one")
        spans = [(each.first.dated, each.until.dated if each.until else None) for each in versions]
        assert spans == [("2020-01-01", "2020-01-02"), ("2020-01-03", None)]


def test_an_item_that_never_changed_has_one_version_whatever_was_put_between(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as found:
        for index in (2, 0, 4, 1, 3):
            found.take(series[index])
        (version,) = found.queries.find_versions("ports", name="keep")
        assert (version.first.dated, version.until) == ("2020-01-01", None)


def test_many_releases_between_the_same_two_find_room(tmp_path: Path) -> None:
    """Each is put before the one put in last: the gap between two places, 2**32, is halved until it is used up."""
    count = 40
    series = [
        release([KEEP, tcp("one", "10", description=str(number))], f"20{20 + number // 12:02}-{number % 12 + 1:02}-01")
        for number in range(count)
    ]
    with store(tmp_path) as found:
        for index in (0, *range(count - 1, 0, -1)):
            found.take(series[index])
        check_against(found, series)
    with store(tmp_path / "plain") as plain, store(tmp_path) as found:
        for data in series:
            plain.take(data)
        assert rows(found) == rows(plain)


def test_two_sources_share_a_database_and_nothing_else(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as found:
        other = ReleaseIngest(
            "other", registry="ports", format="xml", store=found.store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for data in series:
            found.take(data)
            other.ingest(Candidate(data=data, origin="git:x"))
        check_against(found, series)
        own = [each.digest for each in found.queries.list_releases("ports")]
        other.rebuild()
        found.ingest.rebuild()
        for source in ("ports", "other"):
            assert [each.digest for each in found.queries.list_releases(source)] == own
            assert len(found.queries.find_versions(source, name="keep")) == 1
        check_against(found, series)


def test_a_release_between_two_that_differ_derives_the_later_ones_changes_again(tmp_path: Path) -> None:
    with store(tmp_path) as found:
        found.take(release([KEEP, tcp("one", "10")], "2020-01-01"))
        found.take(release([KEEP, tcp("three", "30")], "2020-01-03"))
        latest = found.queries.list_releases("ports")[-1]
        assert (latest.counts["added"], latest.counts["removed"]) == (1, 1)
        taken = found.take(release([KEEP, tcp("one", "10"), tcp("three", "30")], "2020-01-02"))
        assert taken.outcome is Outcome.INSERTED
        _, middle, latest = found.queries.list_releases("ports")
        assert (middle.counts["added"], middle.counts["removed"]) == (1, 0)
        assert (latest.counts["added"], latest.counts["removed"]) == (0, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_the_full_text_indexes_hold_what_their_tables_do(tmp_path: Path, order: int) -> None:
    with store(tmp_path) as found:
        for date in sorted(SERIES)[::order]:
            found.take(SERIES[date])
        db = connection(found.store)

        def checked() -> None:
            for index in ("versions_fts", "events_fts"):
                # Against the tables they index, not only in themselves.
                db.execute(f"INSERT INTO {index} ({index}, rank) VALUES ('integrity-check', 1)")  # noqa: S608
                assert db.execute(f"SELECT count(*) FROM {index} WHERE {index} MATCH 'one'").fetchone()[0]  # noqa: S608

        checked()
        with found.store.transaction():
            db.execute("UPDATE versions SET text = text || ' once more' WHERE id % 2")
        checked()
        found.ingest.rebuild()
        checked()
