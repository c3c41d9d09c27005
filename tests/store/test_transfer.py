"""A history is copied from each database to each, and is the same there, row by row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.store.test_history_reader import SERIES
from tests.support.postgresql import PostgresqlServer
from tests.support.raw_sql import connection
from watcher.core.errors import StoreError, UsageError
from watcher.core.operations import Acknowledgement, Delivery
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.monitor.verify import verify_history
from watcher.store.check_log import Check
from watcher.store.event_query import EventQuery
from watcher.store.location import HistoryLocation
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store
from watcher.store.transfer import TABLES, copy_history, find_difference

NOW = "2026-01-05T09:00:00Z"


def make_ingest(store: Store, folder: Path) -> ReleaseIngest:
    return ReleaseIngest(
        assemble_parts(
            "ports",
            settings=ReadSettings(registry="ports", format="xml"),
            store=store,
            archive=SnapshotArchive(folder / "kept"),
        )
    )


def fill(store: Store, folder: Path, *, message: str = "no route") -> None:
    """Write a row into most tables."""
    ingest = make_ingest(store, folder)
    for data in SERIES.values():
        ingest.ingest(Candidate(data=data, origin="git:x"))
    check = Check(source="ports", at=NOW, outcome="failed", reason="network", message=message, seconds=0.1)
    store.checks.record_check(check, url="http://127.0.0.1/", registry="ports", validators=('"1"', None))
    store.checks.record_skip("ports", NOW)
    with store.transaction():
        for number in range(3):
            body = "the same body" if number < 2 else "other"
            delivery = Delivery(
                id=f"m{9 - number}", channel="noc", recipient="", source="ports", release="", body=body, created=NOW
            )
            store.outbox.add_deliveries([delivery], now=NOW)
        store.channel_failures.record_failure("noc", "", "refused\n", NOW)
        store.acknowledgements.record([Acknowledgement(source="ports", fingerprint="f", note="“seen”", at=NOW)])


def read_all(store: Store) -> dict[str, list[object]]:
    """Return every row of a history, and answers that its indexes give."""
    database = connection(store)
    rows: dict[str, list[object]] = {
        table: [list(row.items()) for row in database.query(f"SELECT * FROM {table} ORDER BY {order}")]  # noqa: S608
        for table, order in TABLES.items()
        if table != "outbox"
    }
    rows["outbox"] = [*store.outbox.list_due("2027-01-01T00:00:00Z")]
    rows["found"] = [
        *(event.event for event in store.history.events.find(EventQuery(text="window"))),
        *(version.item for version in store.history.versions.search("two serv", limit=9)),
    ]
    return rows


@pytest.fixture
def new_location(postgresql_server: PostgresqlServer, tmp_path: Path) -> Callable[[str], HistoryLocation]:
    return lambda kind: tmp_path / "copy.db" if kind == "sqlite" else postgresql_server.new_location()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_copy_has_every_row_and_goes_on_as_the_original_would(
    location: HistoryLocation, tmp_path: Path, new_location: Callable[[str], HistoryLocation], kind: str
) -> None:
    target = new_location(kind)
    with Store(location) as store, Store(target) as copy:
        fill(store, tmp_path)
        rows = copy_history(store.database, copy.database)
        assert sum(number > 0 for number in rows.values()) >= 14
        assert read_all(copy) == read_all(store)
        assert list(verify_history(make_ingest(copy, tmp_path), copy.history, 9)) == []
        copy.verify(thorough=True)
        for changed in (store, copy):
            with changed.transaction():
                changed.channel_failures.record_failure("noc", "", "refused", NOW)
            changed.checks.record_check(
                Check(source="new", at=NOW, outcome="held"), url="", registry="ports", validators=None
            )
            make_ingest(changed, tmp_path).rebuild()
        assert read_all(copy) == read_all(store)


def test_a_history_that_is_there_is_not_overwritten(location: HistoryLocation, tmp_path: Path) -> None:
    with Store(tmp_path / "other.db") as store, Store(location) as target:
        fill(target, tmp_path)
        before = read_all(target)
        with pytest.raises(UsageError, match="has a history already; name an empty place"):
            copy_history(store.database, target.database)
        assert read_all(target) == before


def test_a_copy_that_differs_is_rolled_back(
    location: HistoryLocation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(tmp_path / "other.db") as store, Store(location) as target:
        fill(store, tmp_path)
        defer = target.database.defer_references

        def lose_a_row() -> None:
            defer()
            connection(target).execute("INSERT INTO troubles VALUES ('ports', 'failing', ?)", [NOW])

        monkeypatch.setattr(target.database, "defer_references", lose_a_row)
        with pytest.raises(StoreError, match=r"the copy is not whole \(row 1 of troubles: there is one row more\)"):
            copy_history(store.database, target.database)
        assert {table for table, rows in read_all(target).items() if rows} == set()


def test_a_nul_of_a_message_is_replaced_in_postgresql(postgresql_server: PostgresqlServer, tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store, Store(postgresql_server.new_location()) as target:
        fill(store, tmp_path, message="a\0b")
        copy_history(store.database, target.database)
        last = target.checks.find_last_check("ports")
        assert last is not None
        assert last["message"] == "a\ufffdb"
        with store.database.snapshot(), target.database.snapshot():
            assert find_difference(store.database, target.database, "checks") is None
