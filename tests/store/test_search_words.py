"""The full-text indexes: in one piece they answer what they answered in many."""

from __future__ import annotations

from pathlib import Path

from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

INDEXES = ("versions_fts", "events_fts")


def test_put_together_they_find_the_same(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for number in range(1, 13):
            rows = [tcp(f"service{each}", str(each), description=f"word{each}") for each in range(1, number + 1)]
            ingest.ingest(Candidate(data=release(rows, f"2020-01-{number:02}"), origin="test"))

        def pieces() -> list[int]:
            ask = "SELECT count(DISTINCT segid) FROM {}_idx"
            return [connection(store).execute(ask.format(index)).fetchone()[0] for index in INDEXES]

        def found() -> list[object]:
            queries = store.history
            return [queries.find_events(EventQuery(text=f"word{each}")) for each in range(9)]

        before = found()
        assert min(pieces()) > 1
        store.merge_search_index()
        assert (pieces(), found()) == ([1, 1], before)
        assert len(before[5]) == 1  # type: ignore[arg-type]
        for index in INDEXES:
            connection(store).execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")  # noqa: S608 - a constant
