"""Releases ingested in any order give the same history, and its contents are those of the releases."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.port_releases import PORTS, Row, person, release, reserved, tcp, udp, unassigned
from tests.support.raw_sql import connection
from tests.support.store_fixtures import DATABASES, make_location
from watcher.core.model import count_changes
from watcher.core.read_settings import ReadSettings
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.plausibility import Bounds
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.source_parts import assemble_parts
from watcher.store.database import SqliteDatabase
from watcher.store.history_reader import HistoryReader
from watcher.store.postgresql.search_words import encode_text
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

KEEP = tcp("keep", "1", date="1990-01-01")
TWICE = [Row(name="rdp", description="Remote one"), Row(name="rdp", description="Remote two")]
# Five states in which items are added, removed, returned unchanged or changed, moved and renamed.
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
    """Archive and history of one source, with a reader."""

    store: Store
    ingest: ReleaseIngest
    queries: HistoryReader

    def ingest_bytes(self, data: bytes, *, observed: str | None = None, live: bool = False) -> CheckResult:
        """Ingest a release as a check (`live`) or as an import does."""
        origin = "https://example.test/ports.xml" if live else "git:repository:ports.xml@0000000"
        return self.ingest.ingest(Candidate(data=data, origin=origin, observed=observed, live=live))


@pytest.fixture(autouse=True, params=DATABASES)
def database(request: pytest.FixtureRequest) -> Iterator[str]:
    """Let `store` keep the history of each folder in a database of this kind."""
    _locations.clear()
    _locations[None] = lambda folder: make_location(request, folder)
    yield request.param
    _locations.clear()


# The history of each folder, and under None the function that finds a place for one.
_locations: dict[Path | None, Any] = {}


@contextmanager
def store(folder: Path, bounds: Bounds | None = None) -> Iterator[StoreWithIngest]:
    if folder not in _locations:
        _locations[folder] = _locations[None](folder)
    with Store(_locations[folder]) as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(folder / "kept"),
                bounds=bounds,
            )
        )
        yield StoreWithIngest(store=store, ingest=ingest, queries=store.history)


Table = list[dict[str, object]]


def rows(history: StoreWithIngest) -> Mapping[str, Table]:
    """Return all rows of the history, without the numbers that depend on the order of writing.

    A place becomes its rank, a release its content digest, a version its row.
    """
    db = connection(history.store)
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


def check_against(history: StoreWithIngest, series: Sequence[bytes]) -> None:
    """Compare a history with the releases it was made from, the oldest first."""
    contents = [read_content(data, PORTS) for data in series]
    stored = history.queries.list_releases("ports")
    assert [release_.digest for release_ in stored] == [content.digest for content in contents]
    for release_, content in zip(stored, contents, strict=True):
        assert history.queries.read_content("ports", release_).items == content.items
        assert (release_.release.entries, release_.release.problems) == (content.entries, content.problems)
    for (before, after), (old, new) in zip(pairwise(stored), pairwise(contents), strict=True):
        recorded = history.queries.events.read_comparison("ports", after, before)
        changes, events = explain(PORTS, old, new)
        assert recorded.changes == changes
        assert after.counts == count_changes(changes)
        assert recorded.events == events
        assert (recorded.old, recorded.new) == (before.release, after.release)
    for one, other in permutations(range(len(stored)), 2):
        explained = explain(PORTS, *history.queries.read_content_pair("ports", stored[one], stored[other]))
        assert explained == explain(PORTS, contents[one], contents[other])
    if stored:
        assert sum(stored[0].counts.values()) == 0
    check_indexes(history)
    history.store.verify(thorough=True)


def check_indexes(history: StoreWithIngest) -> None:
    """Compare the full-text indexes with the tables that they index."""
    db = connection(history.store)
    for table in ("versions", "events"):
        if isinstance(db, SqliteDatabase):
            db.execute(f"INSERT INTO {table}_fts ({table}_fts, rank) VALUES ('integrity-check', 1)")  # noqa: S608
        else:
            rows = db.execute(f"SELECT id, text FROM {table} ORDER BY id").fetchall()  # noqa: S608
            indexed = dict(db.execute(f"SELECT rowid, words::text FROM {table}_fts ORDER BY rowid").fetchall())  # noqa: S608
            words = "SELECT CAST(CAST(? AS tsvector) AS text)"
            assert indexed == {row: db.execute(words, [encode_text(text)]).fetchone()[0] for row, text in rows}


def in_order(folder: Path, series: Sequence[bytes]) -> Mapping[str, Table]:
    with store(folder) as history:
        for data in series:
            history.ingest_bytes(data)
        return rows(history)


def test_the_series_fills_every_table(tmp_path: Path) -> None:
    tables = in_order(tmp_path, list(SERIES.values()))
    assert {name: len(table) > 4 for name, table in tables.items()} == dict.fromkeys(tables, True)
    kinds = {row["kind"] for row in tables["changes"]}
    assert kinds == {"added", "modified", "deprecated", "removed"}


def test_every_order_of_import_gives_the_same_rows(tmp_path: Path, database: str) -> None:
    series = list(SERIES.values())
    expected = in_order(tmp_path / "expected", series)
    every = 1 if database == "sqlite" else 17  # the statements are the same ones
    for number, order in enumerate([*permutations(series)][::every]):
        with store(tmp_path / str(number)) as history:
            for data in order:
                history.ingest_bytes(data)
            assert rows(history) == expected, [series.index(data) for data in order]


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3), (0, 4, 2, 3, 1)])
def test_the_history_equals_its_releases_after_every_step(tmp_path: Path, order: Sequence[int]) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as history:
        for number in range(len(order)):
            history.ingest_bytes(series[order[number]])
            check_against(history, [series[index] for index in sorted(order[: number + 1])])


STATES = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from(["1", "2", "3", ""]), st.sampled_from(["x", "y"])),
    max_size=4,
)


@given(states=st.lists(STATES, min_size=1, max_size=5), data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_releases_in_any_order_give_the_history_of_their_dates(
    tmp_path_factory: pytest.TempPathFactory,
    database: str,
    states: list[list[tuple[str, str, str]]],
    data: st.DataObject,
) -> None:
    if database != "sqlite" and data.draw(st.integers(0, 4)):
        return  # the statements are the same ones: a fifth of the examples for a server
    series = [
        release([KEEP, *(tcp(name, port, description=text) for name, port, text in state)], f"2020-01-{day:02}")
        for day, state in enumerate(states, 1)
    ]
    folder = tmp_path_factory.mktemp("history")
    expected = in_order(folder / "expected", series)
    with store(folder / "permuted") as history:
        for snapshot in data.draw(st.permutations(series)):
            history.ingest_bytes(snapshot)
        check_against(history, series)
        assert rows(history) == expected


@pytest.mark.parametrize("order", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
def test_a_rebuild_gives_the_same_rows(tmp_path: Path, order: Sequence[int]) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as history:
        for index in order:
            history.ingest_bytes(series[index], observed=f"2021-01-0{index + 1}T00:00:00Z")
        before = rows(history)
        assert history.ingest.rebuild().releases == 5
        assert rows(history) == before


def test_a_rebuild_of_what_was_seen_live_gives_the_same_rows(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path, Bounds(confirm_after=1)) as history:
        for index in (1, 3, 2):  # 2 is dated before 3 and was served after it
            result = history.ingest_bytes(
                series[index], observed=f"2021-01-0{5 - index}T00:00:00Z" if index < 2 else _day(index), live=True
            )
            assert result.outcome is not Outcome.HELD
        history.ingest_bytes(series[0])
        before = rows(history)
        history.ingest.rebuild()
        assert rows(history) == before


def _day(index: int) -> str:
    return {3: "2021-01-05T00:00:00Z", 2: "2021-01-06T00:00:00Z"}[index]


def test_a_stale_release_keeps_its_place_after_a_rebuild(tmp_path: Path) -> None:
    old, new = list(SERIES.values())[:2]
    with store(tmp_path) as history:
        history.ingest_bytes(old)
        history.ingest_bytes(new, observed="2020-02-02T00:00:00Z", live=True)
        assert history.ingest_bytes(old, observed="2020-02-03T00:00:00Z", live=True).outcome is Outcome.STALE
        before = rows(history)
        history.ingest.rebuild()
        assert rows(history)["releases"] == before["releases"]
        assert rows(history) == before


def test_a_live_release_with_an_earlier_imported_copy_is_still_live_after_a_rebuild(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    with store(tmp_path) as history:
        history.ingest_bytes(first, observed="2020-01-03T00:00:00Z", live=True)
        history.ingest_bytes(second, observed="2020-02-03T00:00:00Z", live=True)
        history.ingest_bytes(second, observed="2020-02-02T00:00:00Z")
        before = rows(history)
        history.ingest.rebuild()
        assert rows(history) == before


def test_an_imported_release_that_a_check_was_served_later_is_live_after_a_rebuild(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    with store(tmp_path) as history:
        history.ingest_bytes(first)
        history.ingest_bytes(second, observed="2020-02-02T00:00:00Z")
        history.ingest_bytes(second, observed="2020-02-03T00:00:00Z", live=True)
        before = rows(history)
        assert [row["live"] for row in before["releases"] if row["published"] == "2020-02-01"] == [1]
        history.ingest.rebuild()
        assert rows(history) == before


def test_ingesting_the_same_bytes_again_changes_nothing(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as history:
        for data in series:
            history.ingest_bytes(data)
        before = rows(history)
        assert {history.ingest_bytes(data).outcome for data in series} == {Outcome.UNCHANGED}
        assert rows(history) == before


def test_two_snapshots_of_one_content_are_one_release(tmp_path: Path) -> None:
    first, second = list(SERIES.values())[:2]
    cosmetic = first.replace(b"<?xml-stylesheet", b"<?other-stylesheet")
    with store(tmp_path) as history:
        assert history.ingest_bytes(first).outcome is Outcome.BASELINE
        assert history.ingest_bytes(second).outcome is Outcome.CHANGED
        before = rows(history)
        result = history.ingest_bytes(cosmetic)
        assert result.outcome is Outcome.COSMETIC
        assert result.release == history.queries.list_releases("ports")[0]
        after = rows(history)
        assert len(after["snapshots"]) == 3
        assert {name: table for name, table in after.items() if name != "snapshots"} == {
            name: table for name, table in before.items() if name != "snapshots"
        }


def test_the_order_of_rows_and_of_elements_makes_no_other_release(tmp_path: Path) -> None:
    with store(tmp_path) as history:
        history.ingest_bytes(release([KEEP, tcp("one", "10")]))
        assert history.ingest_bytes(release([tcp("one", "10"), KEEP])).outcome is Outcome.COSMETIC
        assert len(history.queries.list_releases("ports")) == 1


def test_an_item_that_returns_unchanged_has_two_versions(tmp_path: Path) -> None:
    with store(tmp_path) as history:
        with_it, without = [KEEP, tcp("one", "10")], [KEEP]
        for day, state in ((1, with_it), (3, with_it), (2, without)):
            history.ingest_bytes(release(state, f"2020-01-0{day}"))
        versions = history.queries.versions.find("ports", names=["one"])
        spans = [(version.first.dated, version.until.dated if version.until else None) for version in versions]
        assert spans == [("2020-01-01", "2020-01-02"), ("2020-01-03", None)]


def test_an_item_that_never_changed_has_one_version_in_any_order_of_import(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as history:
        for index in (2, 0, 4, 1, 3):
            history.ingest_bytes(series[index])
        (version,) = history.queries.versions.find("ports", names=["keep"])
        assert (version.first.dated, version.until) == ("2020-01-01", None)


def test_many_releases_fit_between_the_same_two(tmp_path: Path) -> None:
    """Insert each release before the last inserted one, so that the gap of 2**32 between two places is used up."""
    count = 40
    series = [
        release([KEEP, tcp("one", "10", description=str(number))], f"20{20 + number // 12:02}-{number % 12 + 1:02}-01")
        for number in range(count)
    ]
    with store(tmp_path) as history:
        for index in (0, *range(count - 1, 0, -1)):
            history.ingest_bytes(series[index])
        check_against(history, series)
    with store(tmp_path / "plain") as plain, store(tmp_path) as history:
        for data in series:
            plain.ingest_bytes(data)
        assert rows(history) == rows(plain)


def test_two_sources_share_a_database_and_nothing_else(tmp_path: Path) -> None:
    series = list(SERIES.values())
    with store(tmp_path) as history:
        other = ReleaseIngest(
            assemble_parts(
                "other",
                settings=ReadSettings(registry="ports", format="xml"),
                store=history.store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for data in series:
            history.ingest_bytes(data)
            other.ingest(Candidate(data=data, origin="git:x"))
        check_against(history, series)
        own = [stored.digest for stored in history.queries.list_releases("ports")]
        other.rebuild()
        history.ingest.rebuild()
        for source in ("ports", "other"):
            assert [stored.digest for stored in history.queries.list_releases(source)] == own
            assert len(history.queries.versions.find(source, names=["keep"])) == 1
        check_against(history, series)


def test_an_inserted_release_changes_the_counts_of_the_next_one(tmp_path: Path) -> None:
    with store(tmp_path) as history:
        history.ingest_bytes(release([KEEP, tcp("one", "10")], "2020-01-01"))
        history.ingest_bytes(release([KEEP, tcp("three", "30")], "2020-01-03"))
        latest = history.queries.list_releases("ports")[-1]
        assert (latest.counts["added"], latest.counts["removed"]) == (1, 1)
        result = history.ingest_bytes(release([KEEP, tcp("one", "10"), tcp("three", "30")], "2020-01-02"))
        assert result.outcome is Outcome.INSERTED
        _, middle, latest = history.queries.list_releases("ports")
        assert (middle.counts["added"], middle.counts["removed"]) == (1, 0)
        assert (latest.counts["added"], latest.counts["removed"]) == (0, 1)


@pytest.mark.parametrize("order", [1, -1])
def test_the_full_text_indexes_match_their_tables(tmp_path: Path, order: int) -> None:
    with store(tmp_path) as history:
        for date in sorted(SERIES)[::order]:
            history.ingest_bytes(SERIES[date])
        db = connection(history.store)

        def checked() -> None:
            check_indexes(history)
            for index in ("versions_fts", "events_fts"):
                assert db.execute(f"SELECT count(*) FROM {index} WHERE {index} MATCH ?", ["one"]).fetchone()[0]  # noqa: S608

        checked()
        if isinstance(db, SqliteDatabase):
            with history.store.transaction():
                db.execute("UPDATE versions SET text = text || ' once more' WHERE id % 2")
            checked()
        history.ingest.rebuild()
        checked()
