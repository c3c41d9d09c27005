"""A backup is whole while others write, is checked, and comes back as it was."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import run_cli
from tests.support.environment import Environment, open_environment, rows
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.core.errors import StoreError, UsageError
from watcher.store import backup
from watcher.store.store import Store

TABLES = ("sources", "snapshots", "releases", "versions", "changes", "events", "checks", "outbox", "held")
NOW = "2020-01-01T00:00:00Z"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    (tmp_path / "world").mkdir()
    with open_environment(tmp_path / "world") as made:
        made.check(release([tcp("a", "1")]))
        made.check(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
        yield made


def run_command(env: Environment, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = run_cli.run_command(env.servers.config, "backup", *arguments)
    assert done.returncode == code, done.stderr
    return done


def snapshots(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*.zst")}


@pytest.mark.fault(56)
def test_a_backup_is_made_verified_brought_up_to_date_and_restored(env: Environment, tmp_path: Path) -> None:
    kept, store = tmp_path / "backup", env.servers.folder
    assert "2 releases, 2 messages, 2 snapshots, 2 of them new" in run_command(env, str(kept)).stdout
    env.check(release([tcp("a", "1"), tcp("c", "3")], "2020-01-03"))
    result = json.loads(run_command(env, str(kept), "--format", "json").stdout)
    assert (result["snapshots"], result["copied"], result["rows"]["releases"], result["wrong"]) == (3, 1, 3, [])
    assert ", 0 damaged\n" in run_command(env, str(kept), "--verify").stdout
    before, files = env.rows(*TABLES), snapshots(store / "snapshots")
    assert len(files) == 3

    assert "is in the way" in run_command(env, str(kept), "--restore", code=2).stderr
    (store / "history.db").rename(store / "old.db")
    (store / "snapshots").rename(store / "old")
    assert "3 releases" in run_command(env, str(kept), "--restore").stdout
    assert env.rows(*TABLES) == before
    assert snapshots(store / "snapshots") == files
    assert str(env.check(release([tcp("a", "1")], "2020-01-04")).outcome) == "changed"


@pytest.mark.fault(56)
def test_a_backup_of_the_history_alone_is_one_file(env: Environment, tmp_path: Path) -> None:
    run_command(env, str(tmp_path / "copy.db"))
    assert rows(tmp_path / "copy.db", *TABLES) == env.rows(*TABLES)
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["copy.db"]


@pytest.mark.fault(56)
def test_a_backup_made_while_others_write_is_of_one_moment_and_complete(env: Environment, tmp_path: Path) -> None:
    path, stop, written = env.servers.folder / "history.db", threading.Event(), threading.Event()

    def write() -> None:
        with Store(path) as store:
            number = 0
            while not stop.is_set():
                with store.transaction():
                    for half in ("one", "two"):  # never one without the other
                        connection(store).execute(
                            "INSERT INTO sources (name, registry) VALUES (?, 'ports')", [f"{half} {number}"]
                        )
                number += 1
                if number > 20:
                    written.set()
                    stop.wait(0.002)  # a writer that never pauses makes a history that takes long to verify

    thread = threading.Thread(target=write)
    thread.start()
    assert written.wait(60)
    try:
        with Store(path) as store:
            for number in range(5):
                backup.make_backup(store, env.servers.folder / "snapshots", tmp_path / "backup", now=NOW)
                report, wrong = backup.verify_backup(tmp_path / "backup")
                assert wrong == [], number
                assert (report.rows["sources"] - 1) % 2 == 0
    finally:
        stop.set()
        thread.join()


@pytest.mark.fault(56)
@pytest.mark.parametrize("hurt", ["history", "snapshot", "missing", "rows", "manifest"])
def test_of_a_backup_that_is_not_whole_the_rest_is_restored_and_the_damage_named(
    env: Environment, tmp_path: Path, hurt: str
) -> None:
    kept = tmp_path / "backup"
    run_command(env, str(kept))
    snapshot = min((kept / "snapshots").rglob("*.zst"))
    match hurt:
        case "history":
            (kept / "history.db").write_bytes((kept / "history.db").read_bytes()[:-4096])
        case "snapshot":
            snapshot.write_bytes(snapshot.read_bytes()[:-5])
        case "missing":
            snapshot.unlink()
        case "rows":
            with closing(sqlite3.connect(kept / "history.db")) as connection, connection:
                connection.execute("DELETE FROM outbox")
        case "manifest":
            (kept / "backup.json").write_text("{")
    code = 2 if hurt == "manifest" else 1
    result = run_command(env, str(kept), "--verify", code=code).stderr
    assert {"snapshot": snapshot.name, "missing": snapshot.name}.get(hurt, hurt) in result or str(kept) in result
    store = env.servers.folder
    whole = {path.name for path in (kept / "snapshots").rglob("*.zst")} - (
        {snapshot.name} if hurt == "snapshot" else set()
    )
    before = env.rows(*TABLES)
    (store / "history.db").rename(store / "old.db")
    (store / "snapshots").rename(store / "old")
    restored = run_command(env, str(kept), "--restore", code=code)
    assert (store / "history.db").exists() == (hurt not in ("history", "manifest"))
    if hurt == "manifest":
        return
    assert {*snapshots(store / "snapshots")} == whole
    assert (snapshot.name if hurt in ("snapshot", "missing") else "history.db") in restored.stderr
    if hurt in ("snapshot", "missing"):
        assert env.rows(*TABLES) == before
        assert "is missing" in run_cli.run_command(env.servers.config, "verify").stderr


@pytest.mark.fault(56)
def test_what_a_history_left_beside_itself_is_in_the_way_of_a_restore(env: Environment, tmp_path: Path) -> None:
    store = env.servers.folder
    run_command(env, str(tmp_path / "backup"))
    (store / "history.db").rename(store / "old.db")
    (store / "history.db-journal").write_bytes(b"would be rolled back into what is restored")
    with pytest.raises(UsageError, match=r"history\.db-journal: is in the way"):
        backup.restore_backup(tmp_path / "backup", store / "history.db", store / "snapshots")


@pytest.mark.fault(52, 56)
def test_a_backup_that_cannot_be_written_leaves_the_one_before(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "backup"
    run_command(env, str(kept))
    before = {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()}
    env.check(release([tcp("z", "9")], "2020-02-02"))

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with Store(env.servers.folder / "history.db") as store, pytest.raises(StoreError, match="No space left"):
        backup.make_backup(store, env.servers.folder / "snapshots", kept, now=NOW)
    assert {path: path.read_bytes() for path in kept.rglob("*") if path.is_file()} == before


@pytest.mark.fault(56)
def test_a_folder_with_something_else_in_it_is_no_place_for_a_backup(env: Environment, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"x")
    assert "not a backup" in run_command(env, str(tmp_path / "photos"), code=2).stderr
    assert "is not a backup" in run_command(env, str(tmp_path / "photos"), "--verify", code=2).stderr


@pytest.mark.fault(56)
def test_no_import_unpacks_anything(env: Environment, tmp_path: Path) -> None:
    # There is nothing to slip out of: an archive is refused like any other bytes that are no release.
    (tmp_path / "old.xml").write_bytes(b"PK\x03\x04" + bytes(100))
    done = run_cli.run_command(env.servers.config, "import", "ports", str(tmp_path / "old.xml"))
    assert done.returncode == 1
    assert "refused" in done.stderr
    modules = {path.read_text("utf-8") for path in Path(backup.__file__).parent.rglob("*.py")}
    assert not [text for text in modules if "import zipfile" in text or "import tarfile" in text]
