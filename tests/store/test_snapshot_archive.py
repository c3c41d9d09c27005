"""The archive returns snapshots byte for byte, keeps them small, and reports damage."""

from __future__ import annotations

import hashlib
import json
import random
import re
import struct
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watcher.core.errors import StoreError, UsageError
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_archive import Damage, SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo


def keep(
    archive: SnapshotArchive,
    data: bytes,
    *,
    source: str = "ports",
    observed: str | None = None,
    near: str | None = None,
    live: bool = False,
) -> SnapshotInfo:
    return archive.store_snapshot(
        data,
        Observation(observed=observed, origin="file:x", live=live),
        source=source,
        registry="ports",
        format="xml",
        near=near,
    )


def place(root: Path, receipt: SnapshotInfo) -> Path:
    return root / receipt.source / f"{receipt.sha256}.zst"


def series(count: int, size: int = 400) -> list[bytes]:
    """Return snapshots in which each differs from the one before it in a few bytes."""
    noise = random.Random(count)  # noqa: S311 - the same every time
    data = bytearray(noise.randbytes(size))
    made = []
    for _ in range(count):
        data[noise.randrange(size)] ^= 0xFF
        made.append(bytes(data) + noise.randbytes(4))
    return made


def keep_series(archive: SnapshotArchive, snapshots: Iterable[bytes]) -> list[SnapshotInfo]:
    receipts: list[SnapshotInfo] = []
    for data in snapshots:
        receipts.append(keep(archive, data, near=receipts[-1].sha256 if receipts else None))
    return receipts


def depth(receipts: dict[str, SnapshotInfo], sha256: str) -> int:
    step: str | None = sha256
    steps = 0
    while step is not None:
        steps, step = steps + 1, receipts[step].prefix
    return steps


def flip(path: Path, offset: int, mask: int = 0x01) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= mask
    path.write_bytes(data)


def head_length(path: Path) -> int:
    """Return the length of the receipt with its frame header."""
    return 8 + int(struct.unpack_from("<II", path.read_bytes())[1])


def damage(root: Path) -> list[Damage]:
    return list(SnapshotArchive(root).find_damage())


@given(data=st.binary(max_size=5000))
@settings(max_examples=40)
def test_any_bytes_are_returned_unchanged(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    root = tmp_path_factory.mktemp("archive")
    receipt = keep(SnapshotArchive(root), data)
    assert receipt.sha256 == hashlib.sha256(data).hexdigest()
    assert receipt.size == len(data)
    assert SnapshotArchive(root).read_snapshot("ports", receipt.sha256) == data
    assert damage(root) == []


EDITS = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 40), st.binary(max_size=40)), max_size=5)


@given(first=st.binary(max_size=3000), edits=st.lists(EDITS, max_size=12), data=st.data())
@settings(max_examples=40)
def test_a_reopened_archive_returns_any_series_of_edited_copies(
    tmp_path_factory: pytest.TempPathFactory,
    first: bytes,
    edits: list[list[tuple[int, int, bytes]]],
    data: st.DataObject,
) -> None:
    root = tmp_path_factory.mktemp("archive")
    archive = SnapshotArchive(root)
    snapshots = [first]
    for edit in edits:
        text = snapshots[-1]
        for at, length, new in edit:
            text = text[:at] + new + text[at + length :]
        snapshots.append(text)
    kept: list[SnapshotInfo] = []
    for snapshot in snapshots:
        near = data.draw(st.sampled_from([None, "0" * 64, *(receipt.sha256 for receipt in kept)]))
        kept.append(keep(archive, snapshot, near=near))
    reopened = SnapshotArchive(root)
    order = data.draw(st.permutations(range(len(snapshots))))
    assert [reopened.read_snapshot("ports", kept[index].sha256) for index in order] == [
        snapshots[index] for index in order
    ]
    assert len(list(reopened.list_snapshots())) == len(set(snapshots))
    assert damage(root) == []


def test_the_same_bytes_are_stored_once_with_the_earliest_observation(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    first = keep(archive, b"a release", observed="2024-05-02T00:00:00Z")
    assert keep(archive, b"a release", observed="2024-05-03T00:00:00Z") == first
    assert keep(archive, b"a release", observed=None) == first
    earlier = archive.store_snapshot(
        b"a release",
        Observation(observed="2024-05-01T00:00:00Z", origin="git:x"),
        source="ports",
        registry="ports",
        format="xml",
    )
    assert (earlier.observed, earlier.origin, earlier.number) == ("2024-05-01T00:00:00Z", "git:x", first.number)
    assert list(SnapshotArchive(tmp_path).list_snapshots()) == [earlier]
    assert SnapshotArchive(tmp_path).read_snapshot("ports", first.sha256) == b"a release"
    assert len(list((tmp_path / "ports").iterdir())) == 1


def test_the_first_observation_of_an_undated_snapshot_is_stored(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    keep(archive, b"a release")
    keep(archive, b"a release", observed="2024-05-01T00:00:00Z")
    assert [receipt.observed for receipt in SnapshotArchive(tmp_path).list_snapshots()] == ["2024-05-01T00:00:00Z"]


def test_a_new_receipt_of_a_prefix_leaves_later_snapshots_readable(tmp_path: Path) -> None:
    snapshots = series(20)
    receipts = keep_series(SnapshotArchive(tmp_path), snapshots)
    again = SnapshotArchive(tmp_path)
    for data in snapshots:
        keep(again, data, observed="2020-01-01T00:00:00Z")
    reopened = SnapshotArchive(tmp_path)
    assert [reopened.read_snapshot("ports", receipt.sha256) for receipt in receipts] == snapshots


def test_one_snapshot_in_two_sources_is_kept_in_both(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    keep(archive, b"one", source="a")
    keep(archive, b"one", source="b")
    assert archive.list_sources() == ["a", "b"]
    assert [receipt.source for receipt in archive.list_snapshots()] == ["a", "b"]
    assert [receipt.source for receipt in archive.list_snapshots("b")] == ["b"]


def test_several_hundred_snapshots_are_readable_over_short_chains(tmp_path: Path) -> None:
    snapshots = series(500)
    kept = {receipt.sha256: receipt for receipt in keep_series(SnapshotArchive(tmp_path), snapshots)}
    depths = [depth(kept, sha256) for sha256 in kept]
    # 500 has three digits in base 8: three times seven steps, and the snapshot itself.
    assert max(depths) <= 22
    assert sum(receipt.prefix is None for receipt in kept.values()) == 1
    reopened = SnapshotArchive(tmp_path)
    assert [reopened.read_snapshot("ports", sha256) for sha256 in reversed(kept)] == snapshots[::-1]


def test_a_near_snapshot_with_the_longest_chain_does_not_make_it_grow(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    kept: dict[str, SnapshotInfo] = {}
    depths: dict[str, int] = {}
    for data in series(300):
        receipt = keep(archive, data, near=max(depths, key=lambda sha256: depths[sha256], default=None))
        kept[receipt.sha256] = receipt
        depths[receipt.sha256] = depth(kept, receipt.sha256)
    # The longest chain of a plain series of this length, and at most seven fallbacks in a row.
    assert max(depths.values()) <= 22 + 7


def test_the_second_of_two_similar_megabytes_takes_two_kilobytes(tmp_path: Path) -> None:
    noise = random.Random(1)  # noqa: S311 - the same every time
    first = noise.randbytes(2**20)
    second = first[:1000] + b"changed" + first[1000:900_000] + b"again" + first[900_010:]
    archive = SnapshotArchive(tmp_path)
    one = keep(archive, first)
    two = keep(archive, second, near=one.sha256)
    assert place(tmp_path, one).stat().st_size > 2**20
    assert two.prefix == one.sha256
    assert place(tmp_path, two).stat().st_size < 2000
    assert SnapshotArchive(tmp_path).read_snapshot("ports", two.sha256) == second


def test_a_prefix_of_many_megabytes_is_seen_whole(tmp_path: Path) -> None:
    """Blocks in another order: equal bytes are megabytes apart, as in a registry that was sorted again."""
    noise = random.Random(1)  # noqa: S311 - the same every time
    blocks = [noise.randbytes(2**16) for _ in range(128)]
    archive = SnapshotArchive(tmp_path)
    one = keep(archive, b"".join(blocks))
    two = keep(archive, b"".join(blocks[::-1]), near=one.sha256)
    assert place(tmp_path, two).stat().st_size < 50_000
    assert SnapshotArchive(tmp_path).read_snapshot("ports", two.sha256) == b"".join(blocks[::-1])


def test_files_are_two_frames_of_which_the_first_is_the_receipt(tmp_path: Path) -> None:
    receipt = keep(SnapshotArchive(tmp_path), b"a release", observed="2024-05-02T00:00:00Z")
    file = place(tmp_path, receipt).read_bytes()
    magic, length = struct.unpack_from("<II", file)
    fields = json.loads(file[8 : 8 + length])
    assert magic == 0x184D2A50
    assert (fields["schema"], fields["sha256"], fields["size"]) == (1, receipt.sha256, 9)
    assert not {"returned", "again"} & {*fields}  # there is nothing to say
    assert file[8 + length :].startswith(b"\x28\xb5\x2f\xfd")


def test_an_undamaged_archive_reports_progress_and_no_damage(tmp_path: Path) -> None:
    keep_series(SnapshotArchive(tmp_path), series(20))
    seen: list[None] = []
    assert list(SnapshotArchive(tmp_path).find_damage(progress=lambda: seen.append(None))) == []
    assert len(seen) == 20


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def truncate_in_the_receipt(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def flip_in_the_frame(path: Path) -> None:
    flip(path, (head_length(path) + path.stat().st_size) // 2)


def flip_the_magic_number(path: Path) -> None:
    flip(path, 0)


def flip_the_receipts_length(path: Path) -> None:
    flip(path, 4)


def flip_in_the_sha256(path: Path) -> None:
    flip(path, path.read_bytes().index(path.stem.encode()) + 5)


def flip_in_the_size(path: Path) -> None:
    flip(path, path.read_bytes().index(b'"size": ') + len(b'"size": '))


def flip_in_the_prefix(path: Path) -> None:
    flip(path, path.read_bytes().index(b'"prefix": "') + len(b'"prefix": "') + 3, 0x40)


def flip_in_a_name(path: Path) -> None:
    flip(path, path.read_bytes().index(b'"observed"') + 3)


def flip_in_the_source(path: Path) -> None:
    flip(path, path.read_bytes().index(b'"source": "') + len(b'"source": "'))


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    "hurt",
    [
        truncate,
        truncate_in_the_receipt,
        empty,
        append,
        flip_in_the_frame,
        flip_the_magic_number,
        flip_the_receipts_length,
        flip_in_the_sha256,
        flip_in_the_size,
        flip_in_the_prefix,
        flip_in_a_name,
        flip_in_the_source,
    ],
)
def test_verify_names_the_damaged_file(tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    last = place(tmp_path, keep_series(SnapshotArchive(tmp_path), series(3))[-1])
    hurt(last)
    damages = damage(tmp_path)
    assert [damaged.path for damaged in damages] == [last]
    assert damages[0].reason


@pytest.mark.fault(54)
@pytest.mark.parametrize("hurt", [truncate, flip_in_the_frame, flip_in_the_size, flip_in_the_prefix])
def test_a_damaged_snapshot_is_a_store_error_when_it_is_read(tmp_path: Path, hurt: Callable[[Path], None]) -> None:
    receipt = keep_series(SnapshotArchive(tmp_path), series(3))[-1]
    hurt(place(tmp_path, receipt))
    with pytest.raises(StoreError, match="backup"):
        SnapshotArchive(tmp_path).read_snapshot("ports", receipt.sha256)


@pytest.mark.fault(54)
@given(data=st.data())
@settings(max_examples=60)
def test_any_damaged_byte_of_the_frame_is_reported(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("archive")
    last = place(root, keep_series(SnapshotArchive(root), series(2, size=60))[-1])
    offset = data.draw(st.integers(head_length(last), last.stat().st_size - 1))
    flip(last, offset, data.draw(st.integers(1, 255)))
    assert [damaged.path for damaged in damage(root)] == [last]


@pytest.mark.fault(54)
@given(data=st.data())
@settings(max_examples=200)
def test_any_damaged_byte_of_a_receipt_is_reported(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    root = tmp_path_factory.mktemp("archive")
    last = place(root, keep_series(SnapshotArchive(root), series(2, size=100))[-1])
    offset = data.draw(st.integers(0, head_length(last) - 1))
    flip(last, offset, data.draw(st.integers(1, 255)))
    assert [damaged.path for damaged in damage(root)] == [last]


@pytest.mark.fault(54)
def test_a_bit_that_decoders_ignore_and_another_receipt_are_damage(tmp_path: Path) -> None:
    last = place(tmp_path, keep_series(SnapshotArchive(tmp_path), series(2))[-1])
    whole = last.read_bytes()
    flip(last, head_length(last) + 4, 0x10)  # the unused bit of the frame header descriptor
    assert [damaged.path for damaged in damage(tmp_path)] == [last]
    last.write_bytes(whole.replace(b'"observed": null', b'"observed": "20"'))
    assert last.read_bytes() != whole
    assert [damaged.path for damaged in damage(tmp_path)] == [last]
    archive = SnapshotArchive(tmp_path)
    with pytest.raises(StoreError, match="checksum"):  # a damaged receipt is not written again with a good checksum
        archive.record_return("ports", last.stem, "2026-01-01T00:00:00Z", "confirmed")


@pytest.mark.parametrize("ending", [b"", b', "returned": [], "again": []'])
def test_a_receipt_of_an_older_version_is_read(tmp_path: Path, ending: bytes) -> None:
    written = keep_series(SnapshotArchive(tmp_path), series(2))[-1]
    last = place(tmp_path, written)
    magic, length = struct.unpack_from("<II", last.read_bytes())
    end = 8 + length
    receipt = re.sub(rb', "crc32": "[0-9a-f]{8}"', ending, last.read_bytes()[8:end])
    last.write_bytes(struct.pack("<II", magic, len(receipt)) + receipt + last.read_bytes()[end:])
    assert damage(tmp_path) == []
    assert [*SnapshotArchive(tmp_path).list_snapshots("ports")][-1] == written


def test_verify_names_a_renamed_file(tmp_path: Path) -> None:
    last = place(tmp_path, keep_series(SnapshotArchive(tmp_path), series(3))[-1])
    renamed = last.rename(last.with_name("0" * 64 + ".zst"))
    damages = damage(tmp_path)
    assert [(damaged.path, damaged.reason) for damaged in damages] == [(renamed, "is the snapshot of another name")]


def test_verify_names_a_file_that_was_moved_to_another_source(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    one, two = keep(archive, b"one", source="a"), keep(archive, b"two", source="b")
    moved = place(tmp_path, one).rename(place(tmp_path, two).with_name(f"{one.sha256}.zst"))
    assert [damaged.path for damaged in damage(tmp_path)] == [moved]


@pytest.mark.fault(54)
def test_snapshots_whose_prefix_is_missing_are_reported(tmp_path: Path) -> None:
    first, second, third = keep_series(SnapshotArchive(tmp_path), series(3))
    missing = place(tmp_path, first)
    missing.unlink()
    damages = damage(tmp_path)
    assert [damaged.path for damaged in damages] == [place(tmp_path, second), place(tmp_path, third)]
    assert all(f"{missing}: this snapshot is missing" in damaged.reason for damaged in damages)


def test_a_frame_of_another_snapshot_is_reported(tmp_path: Path) -> None:
    one, other = (
        place(tmp_path / root, keep(SnapshotArchive(tmp_path / root), data))
        for root, data in (("a", b"1"), ("b", b"2"))
    )
    one.write_bytes(one.read_bytes()[: head_length(one)] + other.read_bytes()[head_length(other) :])
    damages = damage(tmp_path / "a")
    assert [damaged.path for damaged in damages] == [one]
    assert "another SHA-256" in damages[0].reason


def test_an_error_names_the_prefix_that_has_another_snapshots_frame(tmp_path: Path) -> None:
    data = series(3, 100_000)
    receipts = keep_series(SnapshotArchive(tmp_path / "a"), data)
    other = keep_series(SnapshotArchive(tmp_path / "b"), [data[0], data[1][::-1]])
    middle, theirs = place(tmp_path / "a", receipts[1]), place(tmp_path / "b", other[1])
    middle.write_bytes(middle.read_bytes()[: head_length(middle)] + theirs.read_bytes()[head_length(theirs) :])
    with pytest.raises(StoreError) as refused:
        SnapshotArchive(tmp_path / "a").read_snapshot("ports", receipts[2].sha256)
    assert str(middle) in str(refused.value)
    assert str(place(tmp_path / "a", receipts[2])) not in str(refused.value)


def test_damage_is_found_in_the_file_and_not_in_the_cache(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    path = place(tmp_path, keep(archive, b"one"))
    flip_in_the_frame(path)
    assert [damaged.path for damaged in archive.find_damage()] == [path]


@pytest.mark.fault(54)
def test_a_damaged_prefix_is_reported_with_every_snapshot_that_needs_it(tmp_path: Path) -> None:
    first, second = keep_series(SnapshotArchive(tmp_path), series(2))
    flip_in_the_frame(place(tmp_path, first))
    reasons = {damaged.path: damaged.reason for damaged in damage(tmp_path)}
    assert set(reasons) == {place(tmp_path, first), place(tmp_path, second)}
    assert str(place(tmp_path, first)) in reasons[place(tmp_path, second)]


def test_receipts_that_name_each_other_as_prefix_are_reported_as_damage(tmp_path: Path) -> None:
    first, second = keep_series(SnapshotArchive(tmp_path), series(2))
    path = place(tmp_path, first)
    file = path.read_bytes()
    text, frame = file[8 : head_length(path)], file[head_length(path) :]
    text = text.replace(b'"prefix": null', b'"prefix": "' + second.sha256.encode() + b'"')
    path.write_bytes(struct.pack("<II", 0x184D2A50, len(text)) + text + frame)
    damages = damage(tmp_path)
    assert {damaged.path for damaged in damages} == {path, place(tmp_path, second)}
    assert all("loop" in damaged.reason for damaged in damages)


def test_verify_names_a_foreign_file(tmp_path: Path) -> None:
    keep(SnapshotArchive(tmp_path), b"one")
    foreign = tmp_path / "ports" / "notes.txt"
    foreign.write_text("mine")
    damages = damage(tmp_path)
    assert [damaged.path for damaged in damages] == [foreign]
    assert "was not written by registry-watcher" in damages[0].reason
    assert foreign.exists()


def test_verify_removes_the_remains_of_an_interrupted_write(tmp_path: Path) -> None:
    receipt = keep(SnapshotArchive(tmp_path), b"one")
    left = place(tmp_path, receipt).with_suffix(".123.tmp")
    left.write_bytes(b"half")
    assert damage(tmp_path) == []
    assert not left.exists()
    assert place(tmp_path, receipt).exists()


def test_the_remains_of_an_interrupted_write_are_no_snapshot(tmp_path: Path) -> None:
    receipt = keep(SnapshotArchive(tmp_path), b"one")
    path = place(tmp_path, receipt)
    path.rename(path.with_suffix(".1.tmp"))
    assert list(SnapshotArchive(tmp_path).list_snapshots()) == []
    assert SnapshotArchive(tmp_path).list_sources() == []


def test_a_receipt_of_a_newer_version_is_refused_with_advice(tmp_path: Path) -> None:
    path = place(tmp_path, keep(SnapshotArchive(tmp_path), b"one"))
    path.write_bytes(path.read_bytes().replace(b'"schema": 1', b'"schema": 2'))
    damages = damage(tmp_path)
    assert [damaged.path for damaged in damages] == [path]
    assert "newer registry-watcher; upgrade" in damages[0].reason


@pytest.mark.fault(37)
@pytest.mark.parametrize("source", ["../x", "..", "", "a/b", "/etc", "A", ".hidden", "x" * 65, "a b", "a\n", "ä"])
def test_a_source_whose_name_could_leave_the_folder_is_refused(tmp_path: Path, source: str) -> None:
    root = tmp_path / "inner"
    with pytest.raises(UsageError, match="not a source name"):
        keep(SnapshotArchive(root), b"one", source=source)
    with pytest.raises(UsageError, match="not a source name"):
        SnapshotArchive(root).read_snapshot(source, "0" * 64)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault(37)
@pytest.mark.parametrize("sha256", ["../../etc/passwd", "", "0" * 63, "G" * 64])
def test_a_snapshot_is_read_by_a_whole_sha256_only(tmp_path: Path, sha256: str) -> None:
    keep(SnapshotArchive(tmp_path), b"one")
    with pytest.raises(UsageError, match="not a SHA-256"):
        SnapshotArchive(tmp_path).read_snapshot("ports", sha256)


def test_an_unknown_snapshot_is_a_store_error_that_names_its_path(tmp_path: Path) -> None:
    keep(SnapshotArchive(tmp_path), b"one")
    with pytest.raises(StoreError, match=f"ports/{'0' * 64}.zst: this snapshot is missing"):
        SnapshotArchive(tmp_path).read_snapshot("ports", "0" * 64)


def test_a_folder_that_cannot_be_created_is_a_store_error(tmp_path: Path) -> None:
    root = tmp_path / "snapshots"
    root.write_text("a file in the way")
    archive = SnapshotArchive(root)
    with pytest.raises(StoreError, match="cannot be written"):
        keep(archive, b"one")
    assert list(archive.list_snapshots("ports")) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["snapshots"]
    assert root.read_text() == "a file in the way"


@pytest.mark.fault(52)
def test_a_snapshot_that_cannot_be_renamed_leaves_no_file(tmp_path: Path) -> None:
    data = b"one"
    in_the_way = tmp_path / "ports" / f"{hashlib.sha256(data).hexdigest()}.zst"
    in_the_way.mkdir(parents=True)
    archive = SnapshotArchive(tmp_path)
    with pytest.raises(StoreError, match="cannot be written"):
        keep(archive, data)
    assert list(in_the_way.parent.iterdir()) == [in_the_way]
    assert list(archive.list_snapshots("ports")) == []


def test_a_new_receipt_for_a_deleted_snapshot_is_a_store_error(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path)
    stored = keep(archive, b"one", observed="2024-05-02T00:00:00Z")
    place(tmp_path, stored).unlink()
    with pytest.raises(StoreError, match="missing"):
        archive.withdraw("ports", stored.sha256)
    assert place(tmp_path, keep(archive, b"one", observed="2024-05-01T00:00:00Z")).exists(), "fetched again, it is back"


def test_a_snapshot_over_the_size_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("watcher.store.snapshot_archive.MAX_SNAPSHOT", 100)
    with pytest.raises(StoreError, match="larger than the"):
        keep(SnapshotArchive(tmp_path), bytes(101))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snapshots of more than 1,000 bytes count as large."""
    for name, value in (("WHOLE", 1000), ("_PIECE", 500), ("_MARGIN", 200)):
        monkeypatch.setattr(f"watcher.store.zstd_frames.{name}", value)


@pytest.mark.usefixtures("in_pieces")
def test_large_snapshots_are_compressed_in_pieces(tmp_path: Path) -> None:
    snapshots = [data + data[:grown] for data, grown in zip(series(9, size=2345), range(0, 900, 100), strict=True)]
    kept = keep_series(SnapshotArchive(tmp_path), snapshots)
    archive = SnapshotArchive(tmp_path)
    assert [archive.read_snapshot("ports", receipt.sha256) for receipt in kept] == snapshots
    assert list(archive.find_damage()) == []
    sizes = [place(tmp_path, receipt).stat().st_size for receipt in kept]
    assert max(sizes[1:]) < sizes[0] / 2


@pytest.mark.usefixtures("in_pieces")
@pytest.mark.parametrize(
    "sizes", [(1000, 1001), (1001, 1000), (3000, 20), (20, 3000), (3000, 3), (1500, 1500), (9000, 1)]
)
def test_snapshots_may_grow_and_shrink_over_the_size_of_large_ones(tmp_path: Path, sizes: tuple[int, int]) -> None:
    snapshots = [random.Random(size).randbytes(size) for size in sizes]  # noqa: S311 - no secret
    if sizes[0] == sizes[1]:
        snapshots[1] = snapshots[1][1:] + b"x"
    kept = keep_series(SnapshotArchive(tmp_path), snapshots)
    assert [SnapshotArchive(tmp_path).read_snapshot("ports", receipt.sha256) for receipt in kept] == snapshots


@pytest.mark.usefixtures("in_pieces")
def test_a_damaged_large_snapshot_is_a_store_error(tmp_path: Path) -> None:
    receipts = keep_series(SnapshotArchive(tmp_path), series(2, size=2345))
    for receipt in receipts:
        path = place(tmp_path, receipt)
        whole = path.read_bytes()
        for broken in (whole[:-1], whole + b"x", whole[:-40] + bytes(40)):
            path.write_bytes(broken)
            with pytest.raises(StoreError, match="damaged"):
                SnapshotArchive(tmp_path).read_snapshot("ports", receipt.sha256)
        path.write_bytes(whole)
    assert list(SnapshotArchive(tmp_path).find_damage()) == []


def test_a_missing_archive_is_empty(tmp_path: Path) -> None:
    archive = SnapshotArchive(tmp_path / "none")
    assert archive.list_sources() == []
    assert list(archive.list_snapshots()) == []
    assert list(archive.find_damage()) == []
    assert not (tmp_path / "none").exists()


def test_a_source_without_snapshots_has_no_damage(tmp_path: Path) -> None:
    keep(SnapshotArchive(tmp_path), b"one")
    assert list(SnapshotArchive(tmp_path).find_damage("none")) == []


@pytest.mark.fault(73)
def test_two_processes_never_give_two_snapshots_one_number(tmp_path: Path) -> None:
    archives = SnapshotArchive(tmp_path), SnapshotArchive(tmp_path)
    stored = [
        keep(archives[number % 2], b"%d" % number, observed="2024-05-02T00:00:00Z", live=True) for number in range(6)
    ]
    assert [info.number for info in stored] == [info.sequence for info in stored] == [*range(6)]
    again = keep(archives[0], b"5", observed="2024-05-01T00:00:00Z")
    assert (again.number, again.live, again.observed) == (5, True, "2024-05-01T00:00:00Z")
