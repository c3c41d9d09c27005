"""Others at the history: bounded waiting, one clear error, and never a write that is lost."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from unittest import mock

import pytest
from msgspec.structs import replace

from tests.support.fake_clock import FakeClock
from tests.support.raw_sql import INSERT_SOURCE, connection, insert_source, list_source_names
from watcher.core.errors import StoreError
from watcher.store import database as module
from watcher.store import lock_holders, snapshot_receipts
from watcher.store.database import journal_mode, to_store_error
from watcher.store.lock_holders import LONGEST_WAIT, Lock, LockHolder, LockWait, _describe_command, _read_process
from watcher.store.snapshot_receipts import SnapshotReceipts
from watcher.store.store import Store


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
                connection(ours).execute(INSERT_SOURCE, ["second"])

    thread = threading.Thread(target=second)
    with Store(path) as first:
        thread.start()
        assert opened.wait(30)
        with first.transaction():
            goes.set()
            connection(first).execute(INSERT_SOURCE, ["first"])
        thread.join(60)
    assert not thread.is_alive()
    assert list_source_names(path) == ["first", "second"]


@pytest.mark.fault(53)
def test_a_snapshot_that_others_wrote_past_cannot_be_written_from_and_can_again_when_it_is_read(
    tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path = tmp_path / "history.db"
    with Store(path) as ours, Store(path) as other:
        with ours.transaction():
            for number in range(300):
                connection(ours).execute(INSERT_SOURCE, [f"name {number:03}"])
        reading = connection(ours).conn.execute("SELECT name FROM sources")
        reading.fetchone()  # and not to the end: SQLITE_BUSY_SNAPSHOT in WAL
        if mode == "wal":
            with other.transaction():
                connection(other).execute(INSERT_SOURCE, ["past"])
            with pytest.raises(StoreError, match="another process is writing"), ours.transaction():
                connection(ours).execute(INSERT_SOURCE, ["lost"])
        else:
            with pytest.raises(StoreError, match="another task of this process is reading"), other.transaction():
                connection(other).execute(INSERT_SOURCE, ["lost"])
        reading.close()
        with ours.transaction():
            connection(ours).execute(INSERT_SOURCE, ["written"])
    assert "written" in list_source_names(path)
    assert "lost" not in list_source_names(path)


@pytest.mark.fault(53)
def test_a_long_reader_does_not_stop_a_writer_in_wal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "journal_mode", lambda: "wal")
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path = tmp_path / "history.db"
    with Store(path) as ours, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM sources").fetchone() == (0,)
        with ours.transaction():
            connection(ours).execute(INSERT_SOURCE, ["ours"])
        assert reader.execute("SELECT count(*) FROM sources").fetchone() == (0,)
        reader.execute("ROLLBACK")
    assert list_source_names(path) == ["ours"]


@pytest.mark.fault(53)
def test_waiting_is_bounded() -> None:
    assert 0 < module.BUSY_SECONDS <= 60
    for ticks, seconds in ((0, module.BUSY_SECONDS), (100, LONGEST_WAIT)):
        clock = FakeClock()
        begin = clock.monotonic()
        with mock.patch.object(Lock, "find_holders", autospec=True) as find_holders:
            wait = LockWait(Lock(path=Path("history.db"), kind="write"), idle=module.BUSY_SECONDS, clock=clock)
            while True:
                used = int(clock.monotonic() - begin) * ticks
                find_holders.return_value = [LockHolder(pid=1, command="watcher rebuild", ticks=used)]
                if not wait.should_go_on():
                    break
                clock.advance(timedelta(seconds=10))
        assert clock.monotonic() - begin == seconds


HOLDER = """
import fcntl, os, sqlite3, sys
path, begin = os.environ["HELD"], os.environ["BEGIN"]
if begin == "flock":
    descriptor = os.open(path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
else:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(begin)
    connection.execute("SELECT * FROM sources").fetchall()
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path, begin: str) -> Iterator[subprocess.Popen[str]]:
    """Let a process called `watcher rebuild t` hold a lock until the end of the block or of its input."""
    script = path.parent / "bin" / "watcher"
    script.parent.mkdir(exist_ok=True)
    script.write_text(HOLDER)
    with subprocess.Popen(
        [sys.executable, str(script), "rebuild", "t"],
        env={"HELD": str(path), "BEGIN": begin},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate()


class SecondsOfAttempts(FakeClock):
    """A clock on which each attempt to get a lock takes a second."""

    def monotonic(self) -> float:
        self.advance(timedelta(seconds=1))
        return super().monotonic()


@pytest.fixture
def holders(monkeypatch: pytest.MonkeyPatch) -> list[LockHolder]:
    """Return the holder of a lock as it is seen at each attempt; it works all the time, and ends at the tenth."""
    seen: list[LockHolder] = []
    find_holders = Lock.find_holders

    def find_working(lock: Lock) -> list[LockHolder]:
        holder = next(holder for holder in find_holders(lock) if holder.pid != os.getpid())
        seen.append(replace(holder, ticks=100 * (len(seen) + 1)))
        if len(seen) == 10:
            os.kill(holder.pid, signal.SIGKILL)
            os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
        return [seen[-1]]

    monkeypatch.setattr(Lock, "find_holders", find_working)
    monkeypatch.setattr(lock_holders, "SystemClock", SecondsOfAttempts)
    return seen


@pytest.mark.fault(53)
@pytest.mark.parametrize("begin", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE", "BEGIN"])
def test_a_process_that_works_while_it_holds_the_history_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: str, holders: list[LockHolder]
) -> None:
    """For longer than one that does nothing: to write, to read, and to commit while it reads."""
    monkeypatch.setattr(module, "journal_mode", lambda: "delete")
    monkeypatch.setattr(module, "BUSY_SECONDS", 5)
    monkeypatch.setattr(module, "_TRY_SECONDS", 0.01)
    path = tmp_path / "history.db"
    with Store(path) as store, held_by_another_process(path, begin) as process:
        if begin == "BEGIN EXCLUSIVE":
            assert connection(store).execute("SELECT * FROM sources").fetchall() == []
        insert_source(store, "ours")
    assert list_source_names(path) == ["ours"]
    assert {(holder.pid, holder.command) for holder in holders} == {(process.pid, "watcher rebuild t")}


def test_the_work_of_a_process_is_its_cpu_time() -> None:
    before, holder, after = os.times(), _read_process(os.getpid()), os.times()
    assert holder is not None
    assert round(sum(before[:2]) * 100) <= holder.ticks <= round(sum(after[:2]) * 100), "a tick is 10 ms on Linux"


@pytest.mark.fault(53)
@pytest.mark.parametrize(
    ("begin", "mode", "activity"),
    [
        ("BEGIN IMMEDIATE", "delete", "writing to"),
        ("BEGIN IMMEDIATE", "wal", "writing to"),
        ("BEGIN EXCLUSIVE", "delete", "writing to"),
        ("BEGIN", "delete", "reading"),
    ],
)
def test_an_error_about_a_lock_names_the_process_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, begin: str, mode: str, activity: str
) -> None:
    monkeypatch.setattr(module, "journal_mode", lambda: mode)
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)
    path = tmp_path / "history.db"
    with Store(path) as store, held_by_another_process(path, begin) as process:
        holder = (
            rf"history.db: process {process.pid} \(watcher rebuild t\) is {activity} the history"
            r" \(database is locked\); try again when it has ended$"
        )
        with pytest.raises(StoreError, match=holder):
            insert_source(store, "ours")
        if begin == "BEGIN EXCLUSIVE":
            with pytest.raises(StoreError, match=rf"process {process.pid} .* is writing to the history"):
                Store(path)
            with pytest.raises(sqlite3.OperationalError) as locked:
                connection(store).execute("SELECT * FROM sources")
            assert f"process {process.pid} " in str(to_store_error(path, locked.value))


@pytest.mark.fault(53, 73)
def test_an_error_about_the_lock_of_the_archive_names_the_process_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_receipts, "_BUSY_SECONDS", 0)
    folder = tmp_path / "snapshots" / "t"
    folder.mkdir(parents=True)
    with held_by_another_process(folder, "flock") as process, pytest.raises(StoreError) as busy:
        SnapshotReceipts(tmp_path / "snapshots").lock("t").__enter__()
    assert (
        f"{folder}: process {process.pid} (watcher rebuild t) is writing snapshots; try again when it has ended"
        == str(busy.value)
    )


def test_a_command_is_named_without_what_other_programs_were_given() -> None:
    described = [
        _describe_command(text.split(" "))
        for text in (
            "/usr/bin/python3 /opt/bin/watcher --config c.toml run",
            "python3.12 -m watcher check",
            "/opt/bin/watcher",
            "sqlite3 history.db .password=x",
            "python3 -c print()",
            "",
        )
    ]
    assert described == [
        "watcher --config c.toml run", "watcher check", "watcher", "sqlite3", "python3", "a process without a name"
    ]  # fmt: skip


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
                connection(store).execute(INSERT_SOURCE, [f"{len(list_source_names(path))}"])
    assert list_source_names(path) == ["0", "1", "2"]
