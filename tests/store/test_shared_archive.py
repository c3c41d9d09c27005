"""An archive in object storage: several machines, each with a folder, have the same snapshots, whoever dies."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.store.test_snapshot_archive import keep, keep_series, series
from tests.support.object_server import KEYS, open_object_server
from watcher.core.errors import ConfigError, StoreError
from watcher.core.lazy import load
from watcher.store.archive_copy import copy_archive
from watcher.store.archive_location import SharedArchive
from watcher.store.object_url import ObjectUrl
from watcher.store.snapshot_archive import SnapshotArchive

pytestmark = pytest.mark.server
object_storage = load("object_storage")  # obstore may be missing


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.glob("*/*.zst"))}


def read_all(archive: SnapshotArchive) -> dict[str, bytes]:
    return {info.sha256: archive.read_snapshot(info.source, info.sha256) for info in archive.list_snapshots()}


class Machines:
    """Archives that share one bucket, each with a folder of its own, as on several machines."""

    def __init__(self, url: ObjectUrl, folder: Path) -> None:
        self._url, self._folder = url, folder

    def location(self, name: str) -> SharedArchive:
        return SharedArchive(url=self._url, folder=self._folder / name)

    def open(self, name: str) -> SnapshotArchive:
        return SnapshotArchive(self.location(name))

    def files(self, name: str) -> dict[str, bytes]:
        return read_files(self._folder / name)


@pytest.fixture
def machines(object_url: ObjectUrl, tmp_path: Path) -> Machines:
    return Machines(object_url, tmp_path)


def test_what_one_machine_stored_another_reads(machines: Machines) -> None:
    snapshots = series(12)
    one, other = machines.open("one"), machines.open("other")
    keep_series(one, snapshots[:6])
    assert sorted(read_all(other).values()) == sorted(snapshots[:6])
    last = keep(other, snapshots[6], near=keep(other, snapshots[5]).sha256)
    assert last.number == 6
    one.refresh("ports")
    assert one.read_snapshot("ports", last.sha256) == snapshots[6]
    assert machines.files("one") == machines.files("other")
    assert list(one.find_damage()) == list(other.find_damage()) == []


def test_a_new_machine_has_the_receipts_as_they_are_now(machines: Machines) -> None:
    one = machines.open("one")
    info = keep(one, b"data", live=True)
    one.record_return("ports", info.sha256, "2026-01-01T00:00:00Z", "confirmed")
    one.record_refusal("ports", info.sha256, "cannot be read")
    (read,) = machines.open("new").list_snapshots()
    assert (read.refused, read.returned, read.return_sequences) == (
        "cannot be read",
        ("2026-01-01T00:00:00Z",),
        {"2026-01-01T00:00:00Z": 1},
    )


def test_two_machines_that_store_the_same_snapshot_store_it_once(machines: Machines) -> None:
    """The second one has the frames of the first, which are compressed against another snapshot."""
    one, other = machines.open("one"), machines.open("other")
    before = [keep(one, data) for data in series(2, size=4000)]
    assert len(list(other.list_snapshots())) == 2
    data = series(3, size=4000)[2] + b"more"
    first = keep(one, data, near=before[1].sha256)
    second = keep(other, data, near=before[0].sha256)
    assert first == second
    assert machines.files("one") == machines.files("other")


def test_no_object_is_replaced(machines: Machines, object_url: ObjectUrl) -> None:
    storage = object_storage.ObjectStorage(object_url)
    assert (storage.create("a", b"first"), storage.create("a", b"second"), storage.get("a")) == (True, False, b"first")


def test_what_others_keep_in_the_bucket_is_no_source(machines: Machines, object_url: ObjectUrl) -> None:
    keep(machines.open("one"), b"data")
    object_storage.ObjectStorage(object_url).create("Photos 2020/a.jpg", b"x")
    assert machines.open("new").list_sources() == ["ports"]


def test_a_folder_whose_position_cannot_be_written_is_said(machines: Machines, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / ".objects").write_text("in the way")
    with pytest.raises(StoreError, match=r"\.objects/ports: cannot be written: "):
        keep(machines.open("one"), b"data")


def test_a_folder_that_lost_files_gets_them_again(machines: Machines, tmp_path: Path) -> None:
    snapshots = series(9)
    infos = keep_series(machines.open("one"), snapshots)
    (tmp_path / "one" / "ports" / f"{infos[3].sha256}.zst").unlink()
    assert machines.open("one").read_snapshot("ports", infos[4].sha256) == snapshots[4]
    shutil.rmtree(tmp_path / "one")
    archive = machines.open("one")
    assert archive.find_missing("ports", [info.sha256 for info in infos]) == []
    assert sorted(read_all(archive).values()) == sorted(snapshots)


def test_a_folder_with_snapshots_that_the_bucket_lacks_is_refused(machines: Machines) -> None:
    keep(SnapshotArchive(machines.location("one").folder), b"older")
    with pytest.raises(StoreError, match=r"1 snapshots that s3://registries/archive-\d+.* run `watcher archive copy"):
        keep(machines.open("one"), b"newer")


def test_a_snapshot_that_is_damaged_in_the_bucket_is_not_taken(machines: Machines, object_url: ObjectUrl) -> None:
    info = keep(machines.open("one"), b"data" * 100)
    storage = machines.open("one")._receipts._shared._storage  # type: ignore[union-attr]
    key = f"ports/{info.sha256}.zst"
    data = bytearray(storage.get(key))
    data[-6] ^= 1
    storage._store.put(key, bytes(data))  # not as the product writes
    with pytest.raises(StoreError, match=r"is damaged \(its receipt or its frames have another checksum\)"):
        machines.open("new").read_snapshot("ports", info.sha256)
    assert machines.files("new") == {}


def test_a_copy_to_a_bucket_and_back_is_the_same_archive(machines: Machines, tmp_path: Path) -> None:
    local = SnapshotArchive(tmp_path / "local")
    infos = keep_series(local, series(20))
    keep(local, b"another", source="tls", live=True)
    local.record_refusal("ports", infos[2].sha256, "no release")
    calls: list[None] = []

    def interrupt() -> None:
        calls.append(None)
        if len(calls) == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        copy_archive(tmp_path / "local", machines.location("first"), progress=interrupt)
    assert copy_archive(tmp_path / "local", machines.location("second")) == 13
    assert copy_archive(tmp_path / "local", machines.location("third")) == 0
    assert copy_archive(machines.location("fourth"), tmp_path / "back") == 21
    assert read_files(tmp_path / "back") == read_files(tmp_path / "local")


def test_a_server_that_is_away_stores_nothing_and_then_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "objects").mkdir()
    with open_object_server(tmp_path / "objects") as server:
        machines = Machines(server.new_url(), tmp_path)
        archive = machines.open("one")
        first = keep(archive, b"first")
        server.stop()
        with pytest.raises(StoreError, match=r"s3://registries/archive-1.*: ports/receipts/0000000001: "):
            keep(archive, b"second")
        assert archive.read_snapshot("ports", first.sha256) == b"first"
        assert len(machines.files("one")) == 1
        server.start()
        keep(archive, b"second")
        assert sorted(read_all(machines.open("other")).values()) == [b"first", b"second"]


# A machine that stores snapshots as fast as it can, some of which the others store too, until it is killed.
WRITER = """
import sys, random
from pathlib import Path
from watcher.store.object_url import parse_object_url
from watcher.store.archive_location import SharedArchive
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_archive import SnapshotArchive
url, folder, seed, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
archive = SnapshotArchive(SharedArchive(url=parse_object_url(url), folder=folder))
chance = random.Random(seed)
for number in range(count):
    data = f"snapshot {chance.randrange(2 * count)} ".encode() * 40
    seen = Observation(observed=None, origin="file:x", live=True)
    archive.store_snapshot(data, seen, source="ports", registry="ports", format="xml")
    print(data.decode().split()[1], flush=True)
"""


def write(url: ObjectUrl, folder: Path, seed: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(url), str(folder), str(seed), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_machines_that_write_at_once_lose_nothing(machines: Machines, object_url: ObjectUrl, tmp_path: Path) -> None:
    processes = [write(object_url, tmp_path / f"m{seed}", seed, 12) for seed in range(3)]
    stored = {word for process in processes for word in process.communicate(timeout=120)[0].split()}
    assert [process.returncode for process in processes] == [0, 0, 0]
    archive = machines.open("new")
    assert {data.split()[1].decode() for data in read_all(archive).values()} == stored
    assert list(archive.find_damage()) == []
    infos = list(archive.list_snapshots())
    sequences = [info.sequence for info in infos]
    numbers = [info.number for info in infos]
    assert (len(set(sequences)), sorted(numbers)) == (len(infos), list(range(len(infos))))
    assert all(len(list(machines.open(f"m{seed}").list_snapshots())) == len(infos) for seed in range(3))


def test_machines_that_are_killed_leave_whole_snapshots(
    machines: Machines, object_url: ObjectUrl, tmp_path: Path
) -> None:
    chance = random.Random(7)  # noqa: S311 - the same every time
    stored: set[str] = set()
    kills = 0
    for round_ in range(6):
        process = write(object_url, tmp_path / f"m{round_ % 2}", round_, 400)
        assert process.stdout is not None
        for _ in range(chance.randrange(1, 6)):
            stored.add(process.stdout.readline().strip())
        time.sleep(chance.random() / 20)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        stored |= set(rest.split())
        kills += process.returncode == -signal.SIGKILL
        archive = machines.open("reader")
        archive.refresh("ports")
        assert stored <= {data.split()[1].decode() for data in read_all(archive).values()}
    assert kills == 6
    assert list(machines.open("reader").find_damage()) == []
    for name in ("m0", "m1"):
        machines.open(name).refresh("ports")
        assert list(machines.open(name).find_damage()) == []
        assert machines.files(name) == machines.files("reader")


def test_a_missing_bucket_and_a_wrong_key_are_said(
    machines: Machines, object_url: ObjectUrl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = ObjectUrl(bucket="absent", endpoint=object_url.endpoint)
    with pytest.raises(StoreError, match="there is no such bucket; create it"):
        list(SnapshotArchive(SharedArchive(url=other, folder=tmp_path / "absent")).list_snapshots("ports"))
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(StoreError, match="the server refuses the key in AWS_ACCESS_KEY_ID"):
        keep(machines.open("one"), b"data")


def test_a_missing_key_is_said_before_anything_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(ConfigError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment"):
        SnapshotArchive(SharedArchive(url=ObjectUrl(bucket="b", endpoint="http://127.0.0.1:1"), folder=tmp_path))
