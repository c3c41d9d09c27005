"""The full-text indexes: in one piece they answer what they answered in many."""

from __future__ import annotations

from pathlib import Path

from tests.support.port_releases import release, tcp
from watcher.monitor.ingest import ReleaseIngest
from watcher.store import words
from watcher.store.history_reader import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


def test_put_together_they_find_the_same(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        intake = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for number in range(1, 13):
            rows = [tcp(f"service{each}", str(each), description=f"word{each}") for each in range(1, number + 1)]
            intake.take(release(rows, f"2020-01-{number:02}"), origin="test")

        def pieces() -> list[int]:
            ask = "SELECT count(DISTINCT segid) FROM {}_idx"
            return [store.db.execute(ask.format(index)).fetchone()[0] for index in words.INDEXES]

        def found() -> list[object]:
            queries = store.history
            return [
                (queries.search("ports", f"word{each}"), queries.find_events(EventQuery(text=f"word{each}")))
                for each in range(9)
            ]

        before = found()
        assert min(pieces()) > 1
        words.gather(store)
        assert (pieces(), found()) == ([1, 1], before)
        assert len(before[5][0]) == 1  # type: ignore[index]
        for index in words.INDEXES:
            store.db.execute(f"INSERT INTO {index} ({index}) VALUES ('integrity-check')")  # noqa: S608 - a constant
