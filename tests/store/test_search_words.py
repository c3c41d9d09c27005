"""The full-text indexes give the same answers after their segments were merged."""

from __future__ import annotations

from pathlib import Path

from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

INDEXES = ("versions_fts", "events_fts")


def test_merged_indexes_give_the_same_answers(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for number in range(1, 13):
            rows = [tcp(f"service{n}", str(n), description=f"word{n}") for n in range(1, number + 1)]
            ingest.ingest(Candidate(data=release(rows, f"2020-01-{number:02}"), origin="test"))

        def count_segments() -> list[int]:
            statement = "SELECT count(DISTINCT segid) FROM {}_idx"
            return [connection(store).execute(statement.format(index)).fetchone()[0] for index in INDEXES]

        def search() -> list[object]:
            return [store.history.events.find(EventQuery(text=f"word{n}")) for n in range(9)]

        before = search()
        assert min(count_segments()) > 1
        store.merge_search_index()
        assert (count_segments(), search()) == ([1, 1], before)
        assert len(before[5]) == 1  # type: ignore[arg-type]
        for index in INDEXES:
            connection(store).execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")  # noqa: S608 - a constant
