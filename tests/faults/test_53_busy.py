"""Others at the history: bounded waiting, one clear error, and never a write that is lost."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.raw_sql import connection
from watcher.core.errors import StoreError
from watcher.store import database as module
from watcher.store.database import journal_mode
from watcher.store.store import Store

INSERT = "INSERT INTO sources (name, registry) VALUES (?, 'ports')"


def names(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM sources ORDER BY name")]


@pytest.fixture(params=["delete", "wal"])
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both journals, whichever this SQLite would be given."""
    chosen: str = request.param
    monkeypatch.setattr(module, "journal_mode", lambda: chosen)
    return chosen


@pytest.mark.fault(53)
def test_a_writer_waits_for_another_and_both_are_written(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "history.db"
    opened, goes = threading.Event(), threading.Event()

    def second() -> None:
        with Store(path) as ours:
            opened.set()
            assert goes.wait(30)
            with ours.transaction():
                connection(ours).execute(INSERT, ["second"])

    thread = threading.Thread(target=second)
    with Store(path) as first:
        thread.start()
        assert opened.wait(30)
        with first.transaction():
            goes.set()
            connection(first).execute(INSERT, ["first"])
        thread.join(60)
    assert not thread.is_alive()
    assert names(path) == ["first", "second"]


@pytest.mark.fault(53)
def test_a_snapshot_that_others_wrote_past_cannot_be_written_from_and_can_again_when_it_is_read(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path = tmp_path / "history.db"
    with Store(path) as ours, Store(path) as other:
        with ours.transaction():
            for number in range(300):
                connection(ours).execute(INSERT, [f"name {number:03}"])
        reading = connection(ours).conn.execute("SELECT name FROM sources")
        reading.fetchone()  # and not to the end: SQLITE_BUSY_SNAPSHOT in WAL
        if mode == "wal":
            with other.transaction():
                connection(other).execute(INSERT, ["past"])
            with pytest.raises(StoreError, match="another process is writing"), ours.transaction():
                connection(ours).execute(INSERT, ["lost"])
        else:
            with pytest.raises(StoreError, match="another process is reading"), other.transaction():
                connection(other).execute(INSERT, ["lost"])
        reading.close()
        with ours.transaction():
            connection(ours).execute(INSERT, ["written"])
    assert "written" in names(path)
    assert "lost" not in names(path)


@pytest.mark.fault(53)
def test_a_long_reader_does_not_stop_a_writer_in_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "journal_mode", lambda: "wal")
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path = tmp_path / "history.db"
    with Store(path) as ours, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM sources").fetchone() == (0,)
        with ours.transaction():
            connection(ours).execute(INSERT, ["ours"])
        assert reader.execute("SELECT count(*) FROM sources").fetchone() == (0,)
        reader.execute("ROLLBACK")
    assert names(path) == ["ours"]


@pytest.mark.fault(53)
def test_waiting_is_bounded() -> None:
    assert 0 < module.BUSY_SECONDS <= 60


@pytest.mark.fault(51, 53)
@pytest.mark.parametrize(
    ("version", "mode"),
    [
        ((3, 40, 1), "delete"),
        ((3, 44, 5), "delete"),
        ((3, 44, 6), "wal"),
        ((3, 45, 0), "delete"),
        ((3, 50, 6), "delete"),
        ((3, 50, 7), "wal"),
        ((3, 51, 2), "delete"),
        ((3, 51, 3), "wal"),
        ((3, 52, 0), "wal"),
        ((4, 0, 0), "wal"),
    ],
)
def test_wal_is_used_where_it_is_sound(version: tuple[int, int, int], mode: str) -> None:
    assert journal_mode(version) == mode


@pytest.mark.fault(53)
def test_a_history_of_another_journal_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.db"
    for chosen in ("wal", "delete", "wal"):
        monkeypatch.setattr(module, "journal_mode", lambda chosen=chosen: chosen)
        with Store(path) as store:
            assert connection(store).execute("PRAGMA journal_mode").fetchone() == (chosen,)
            with store.transaction():
                connection(store).execute(INSERT, [f"{len(names(path))}"])
    assert names(path) == ["0", "1", "2"]
