"""Damaged or missing files: no backup is made worse, and no source begins again without anybody noticing."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from io import BufferedReader, BufferedWriter
from pathlib import Path

import pytest

from tests.support import run_cli
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.core.errors import StoreError
from watcher.monitor.result import Outcome
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_archive import SnapshotArchive

RELEASES = [
    release([tcp(f"s{number}", str(number)) for number in range(1, last)], f"2020-01-0{last - 20}")
    for last in (21, 22, 23)
]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    (tmp_path / "world").mkdir()
    with open_environment(tmp_path / "world") as made:
        for body in RELEASES:
            made.check(body)
        yield made


def run(env: Environment, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_cli.run_command(env.servers.config, *arguments)


def files(folder: Path) -> list[Path]:
    """The files of an archive in the order in which they were stored."""
    return list(SnapshotArchive(folder).list_files())


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-8] ^= 0xFF
    path.write_bytes(data)


def spoil_receipt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[4:])


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES = [flip, spoil_receipt, cut, empty, Path.unlink]


@pytest.mark.fault(74)
@pytest.mark.parametrize("number", [0, 2], ids=["the oldest", "the newest"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_backup_keeps_its_good_copy_of_a_damaged_or_missing_snapshot(
    env: Environment, tmp_path: Path, damage: Callable[[Path], None], number: int
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    assert run(env, "backup", str(kept)).returncode == 0
    good = {path: path.read_bytes() for path in (kept / "snapshots").rglob("*.zst")}
    path = files(archive)[number]
    data = path.read_bytes()
    damage(path)
    result = run(env, "backup", str(kept))
    assert result.returncode == 1
    assert str(path) in result.stderr
    assert result.stderr.endswith(("; the copy in the backup stays\n", "; the backup has it\n"))
    assert {path: path.read_bytes() for path in (kept / "snapshots").rglob("*.zst")} == good
    assert run(env, "backup", str(kept), "--verify").returncode == 0
    path.write_bytes(data)
    assert run(env, "backup", str(kept)).returncode == 0


def rot(path: Path, place: int) -> None:
    """Change a byte as a disk does: the file keeps its size and its time."""
    status = path.stat()
    data = bytearray(path.read_bytes())
    data[place] ^= 0x01
    path.write_bytes(data)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


ORIGIN = 300  # a byte of the receipt that is part of a text: the receipt can be read all the same


@pytest.mark.fault(74)
@pytest.mark.parametrize("place", [ORIGIN, -8], ids=["receipt", "frames"])
def test_a_bit_that_a_disk_changed_is_found_by_the_next_backup_and_no_good_copy_is_replaced(
    env: Environment, tmp_path: Path, place: int
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    assert run(env, "backup", str(kept)).returncode == 0
    path = files(archive)[1]
    copy = kept / "snapshots" / path.relative_to(archive)
    good = copy.read_bytes()

    rot(path, place)
    result = run(env, "backup", str(kept))
    assert result.returncode == 1
    assert result.stderr.startswith(f"{path}: ")
    assert result.stderr.endswith("; the copy in the backup stays\n")
    assert copy.read_bytes() == good
    assert run(env, "backup", str(kept), "--verify").returncode == 0

    rot(copy, place)
    assert run(env, "backup", str(kept), "--verify").returncode == 1
    result = run(env, "backup", str(kept))
    assert (result.returncode, result.stderr.endswith("; the copy in the backup is damaged too\n")) == (1, True)

    path.write_bytes(good)
    result = run(env, "backup", str(kept))
    assert (result.returncode, result.stdout.endswith("1 of them new, 1 in place of damaged copies\n")) == (0, True)
    assert copy.read_bytes() == good


@pytest.mark.fault(74)
def test_a_bit_that_a_disk_changed_in_the_copy_of_the_history_is_found(env: Environment, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    run(env, "backup", str(kept))
    history = kept / "history.db"
    rot(history, history.read_bytes().index(b"The s19 service"))
    result = run(env, "backup", str(kept), "--verify")
    assert result.returncode == 1
    assert f"{history}: does not have the bytes that were written" in result.stderr
    assert run(env, "backup", str(kept)).returncode == 0
    assert run(env, "backup", str(kept), "--verify").returncode == 0


@pytest.mark.fault(74)
def test_a_new_snapshot_is_saved_although_the_live_one_before_it_is_damaged(env: Environment, tmp_path: Path) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    run(env, "backup", str(kept))
    before = files(archive)
    with env.service() as service:
        env.check(release([tcp("new", "9")], "2020-02-01"))
        service.close()
    (new,) = {*files(archive)} - {*before}
    for path in before:
        flip(path)
    result = run(env, "backup", str(kept), "--format", "json")
    assert result.returncode == 1
    assert len(json.loads(result.stdout)["wrong"]) == len(before)
    assert (kept / "snapshots" / new.relative_to(archive)).is_file()
    assert run(env, "backup", str(kept), "--verify").returncode == 0


@pytest.mark.fault(74)
def test_a_damaged_snapshot_that_the_backup_never_had_is_reported_and_not_kept(
    env: Environment, tmp_path: Path
) -> None:
    path = files(env.servers.folder / "snapshots")[2]
    flip(path)
    result = run(env, "backup", str(tmp_path / "kept"))
    assert (result.returncode, str(path) in result.stderr) == (1, True)
    assert len(files(tmp_path / "kept" / "snapshots")) == 2


@pytest.mark.fault(74)
def test_a_changed_receipt_is_brought_up_to_date(env: Environment, tmp_path: Path) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    run(env, "backup", str(kept))
    info = next(iter(SnapshotArchive(archive).list_snapshots("ports")))
    SnapshotArchive(archive).record_repeat("ports", info.sha256, "2020-05-05T00:00:00Z")
    assert "1 of them new" in run(env, "backup", str(kept)).stdout
    saved = {copy.sha256: copy for copy in SnapshotArchive(kept / "snapshots").list_snapshots("ports")}
    assert saved[info.sha256].again == ("2020-05-05T00:00:00Z",)


def replace_by_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def replace_by_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def replace_by_endless_file(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


@pytest.mark.fault(74, 84)
@pytest.mark.parametrize("place", [replace_by_pipe, replace_by_folder, replace_by_endless_file])
def test_a_first_backup_saves_the_others_of_a_snapshot_that_is_no_file(
    env: Environment, tmp_path: Path, place: Callable[[Path], None]
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    *whole, path = files(archive)
    place(path)
    signal.alarm(60)  # without a handler, it ends this process
    try:
        done = run(env, "backup", str(kept))
    finally:
        signal.alarm(0)
    assert (done.returncode, f"{path}: is not a file; it is not in the backup" in done.stderr) == (1, True)
    assert [saved.name for saved in files(kept / "snapshots")] == [file.name for file in whole]


@pytest.mark.fault(74)
@pytest.mark.parametrize("place", [replace_by_pipe, replace_by_folder, replace_by_endless_file])
def test_a_pipe_or_folder_in_place_of_a_snapshot_is_damage_that_nothing_waits_for(
    env: Environment, tmp_path: Path, place: Callable[[Path], None]
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    run(env, "backup", str(kept))
    path = files(archive)[0]
    copy = kept / "snapshots" / path.relative_to(archive)
    signal.alarm(60)  # without a handler, it ends this process
    try:
        place(copy)
        verified = run(env, "backup", str(kept), "--verify")
        assert (verified.returncode, f"{copy}: " in verified.stderr) == (1, True)
        place(path)
        for command in ("verify", "rebuild", f"backup {kept}", "doctor", "verify --history"):
            assert run(env, *command.split()).returncode in (1, 2), command
        with env.service() as service, pytest.raises(StoreError, match=r"is not a file|is missing"):
            service.archive.read_snapshot("ports", path.stem)
        place(kept / "backup.json")
        refused = run(env, "backup", str(kept), "--verify")
        assert (refused.returncode, "is not a backup" in refused.stderr) == (2, True)
    finally:
        signal.alarm(0)


@pytest.mark.fault(74)
def test_rows_that_a_history_lost_are_missed_in_a_backup_of_an_older_version_too(
    env: Environment, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    run(env, "backup", str(kept))
    manifest = json.loads((kept / "backup.json").read_text())
    del manifest["history"]
    (kept / "backup.json").write_text(json.dumps(manifest))
    assert run(env, "backup", str(kept), "--verify").returncode == 0
    with closing(sqlite3.connect(kept / "history.db")) as history, history:
        history.execute("DELETE FROM outbox")
    result = run(env, "backup", str(kept), "--verify")
    assert (result.returncode, "does not have the rows that the manifest counts" in result.stderr) == (1, True)


@pytest.mark.fault(74)
def test_a_changed_receipt_is_saved_although_the_snapshot_before_it_is_damaged(
    env: Environment, tmp_path: Path
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    run(env, "backup", str(kept))
    first, *_, last = files(archive)
    SnapshotArchive(archive).record_repeat("ports", last.stem, "2020-05-05T00:00:00Z")
    flip(first)
    result = run(env, "backup", str(kept))
    assert (result.returncode, "1 of them new" in result.stdout) == (1, True)
    assert result.stderr.startswith(f"{first}: ")
    assert result.stderr.count("\n") == 1
    assert (kept / "snapshots" / last.relative_to(archive)).read_bytes() == last.read_bytes()


@pytest.mark.fault(74)
def test_a_copy_that_cannot_be_written_leaves_the_one_before_it(
    env: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, archive = tmp_path / "kept", env.servers.folder / "snapshots"
    run(env, "backup", str(kept))
    path = files(archive)[-1]
    SnapshotArchive(archive).record_repeat("ports", path.stem, "2020-05-05T00:00:00Z")
    before = (kept / "snapshots" / path.relative_to(archive)).read_bytes()

    def fill_the_disk(_: BufferedReader, target: BufferedWriter) -> None:
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", fill_the_disk)
    assert run(env, "backup", str(kept)).returncode == 2
    assert (kept / "snapshots" / path.relative_to(archive)).read_bytes() == before
    assert run(env, "backup", str(kept), "--verify").returncode == 0


@pytest.mark.fault(80)
def test_a_missing_snapshot_of_a_held_release_is_named(env: Environment, tmp_path: Path) -> None:
    assert env.check(release([tcp("other", "9")], "2020-02-01")).outcome is Outcome.HELD
    held = files(env.servers.folder / "snapshots")[-1]
    held.unlink()
    assert f"{held}: is missing" in run(env, "verify").stderr
    assert str(held) in run(env, "backup", str(tmp_path / "kept")).stderr


@pytest.mark.fault(80)
@pytest.mark.parametrize("lost", ["one", "all"])
def test_missing_snapshots_are_named_by_verify_and_doctor_and_refuse_the_start(env: Environment, lost: str) -> None:
    archive = env.servers.folder / "snapshots"
    path = files(archive)[0]
    shutil.rmtree(archive) if lost == "all" else path.unlink()
    verified = run(env, "verify")
    assert verified.returncode == 1
    assert f"{path}: is missing; restore a backup" in verified.stderr
    assert f"{3 if lost == 'all' else 1} missing" in verified.stdout
    assert json.loads(run(env, "verify", "--format", "json").stdout)["damaged"][-1]["reason"].startswith("is missing")
    examined = run(env, "doctor")
    assert examined.returncode == 2
    assert "that the history names are missing, as " in examined.stdout
    with (
        env.service() as service,
        pytest.raises(StoreError, match=r"snapshots of the history are missing, as .*rebuild"),
    ):
        service.verify()


def remove(path: Path) -> None:
    path.unlink()


def truncate(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.fault(80)
@pytest.mark.parametrize("lose", [remove, truncate])
def test_a_lost_history_begins_no_new_baseline(env: Environment, tmp_path: Path, lose: Callable[[Path], None]) -> None:
    path = env.servers.folder / "history.db"
    before = [row["content"] for row in env.rows("releases")["releases"]]
    run(env, "backup", str(tmp_path / "kept"))
    lose(path)
    state = path.exists() and path.stat().st_size
    (tmp_path / "old.xml").write_bytes(RELEASES[0])
    words = f"history.db: is {'missing' if lose is remove else 'empty'}, but the archive has 3 snapshots of it; restore"
    for command in ("check", f"import ports {tmp_path / 'old.xml'}"):
        result = run(env, *command.split())
        assert (result.returncode, result.stdout) == (2, "")
        assert words in result.stderr
        assert "watcher rebuild" in result.stderr
        assert result.stderr.count("\n") == 1
    with pytest.raises(StoreError, match="but the archive has 3 snapshots"):  # as every job of the daemon
        env.check(release([tcp("new", "9")], "2020-02-01"))
    assert (path.exists() and path.stat().st_size) == state
    for command in ("verify", "doctor"):
        result = run(env, command)
        assert result.returncode == {"verify": 1, "doctor": 2}[command]
        assert words in result.stdout + result.stderr
    path.unlink(missing_ok=True)
    assert run(env, "rebuild").returncode == 0
    assert [row["content"] for row in env.rows("releases")["releases"]] == before
    assert env.check(release([tcp("new", "9")], "2020-02-01")).outcome in (Outcome.CHANGED, Outcome.HELD)


@pytest.mark.fault(80)
def test_a_source_whose_releases_the_history_lost_is_a_failed_check_and_no_backup(
    env: Environment, tmp_path: Path
) -> None:
    run(env, "backup", str(tmp_path / "kept"))
    history = (tmp_path / "kept" / "history.db").read_bytes()
    path, archive = env.servers.folder / "history.db", env.servers.folder / "snapshots"
    archive.rename(env.servers.folder / "aside")
    path.unlink()
    with env.service() as service:
        assert service.store.describe()  # makes an empty history
    (env.servers.folder / "aside").rename(archive)
    words = "ports: the archive has 3 snapshots of it and the history has no release; restore a backup"
    result = env.check(release([tcp("new", "9")], "2020-02-01"))
    assert (result.outcome, result.reason) == (Outcome.FAILED, "store")
    assert words in str(result.message)
    assert words.partition(": ")[2] in run(env, "verify").stderr
    assert f"problem  history      {words}" in run(env, "doctor").stdout
    refused = run(env, "backup", str(tmp_path / "kept"))
    assert (refused.returncode, words in refused.stderr) == (2, True)
    assert (tmp_path / "kept" / "history.db").read_bytes() == history


@pytest.mark.fault(80)
def test_a_release_that_reorders_the_others_does_not_lose_those_whose_snapshots_are_missing(
    env: Environment, tmp_path: Path
) -> None:
    files(env.servers.folder / "snapshots")[1].unlink()
    before = env.rows("releases")["releases"]
    with env.service() as service:
        ingest = service.ingest(service.source("ports"))
        with pytest.raises(StoreError, match="1 snapshots of its history are missing"):
            ingest._timeline._rebuild_whole()
    assert env.rows("releases")["releases"] == before


@pytest.mark.fault(80)
def test_a_check_that_died_in_a_first_release_is_no_lost_history(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        with env.service() as service:
            assert service.store.describe()  # a check makes the history before it stores bytes
            info = service.archive.store_snapshot(
                RELEASES[0],
                Observation(observed="2020-01-02T00:00:00Z", origin="http://x/", live=True),
                source="ports",
                registry="ports",
                format="xml",
            )
            assert service.store.history.find_latest("ports") is None
        assert info.accepted
        # The change since that release is one, and not a second baseline.
        assert env.check(RELEASES[1]).outcome is Outcome.CHANGED
        assert len(env.rows("releases")["releases"]) == 2
        assert len(env.rows("outbox")["outbox"]) == 2


@pytest.mark.fault(80)
def test_a_missing_snapshot_that_others_are_compressed_against_comes_back_by_an_import(
    env: Environment, tmp_path: Path
) -> None:
    (tmp_path / "old.xml").write_bytes(RELEASES[0])
    files(env.servers.folder / "snapshots")[0].unlink()
    assert "this snapshot is missing" in run(env, "rebuild").stderr  # no release is dropped for it
    assert len(env.rows("releases")["releases"]) == 3
    assert run(env, "import", "ports", str(tmp_path / "old.xml")).returncode == 0
    verified = run(env, "verify", "--history")
    assert (verified.returncode, "3 snapshots, 0 damaged" in verified.stdout) == (0, True)
