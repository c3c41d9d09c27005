"""Measure the size of the archive and the time to read it, compared with `git gc --aggressive`."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from pathlib import Path

from bench.measuring import Cost, Part, Target, cost, cpu_of, table
from bench.series import FILE, make_repository
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_archive import SnapshotArchive

_SAMPLE = 60
_PATIENCE = 240.0


def measure(files: Sequence[Path], folder: Path) -> Part:
    """Store all files and read some of them back, with the archive and with git."""
    size, encode, decode = _ours(files, folder / "archive")
    raw = sum(path.stat().st_size for path in files)
    lines: list[list[object]] = [_line("registry-watcher", size, raw, statistics.median(encode), encode, decode)]
    packed, spent, shown = _git(files, folder)
    if spent.failed:
        lines.append(["`git gc --aggressive`", spent.failed, None, None, None, None])
    else:
        lines.append(_line("`git gc --aggressive`", packed, raw, spent.cpu / len(files), [], shown))
    head = ["", "size", "raw : stored", "encode, per release", "encode, slowest", "decode, median / slowest"]
    return Part(
        text=(
            f"{len(files)} releases, {raw / 1e6:.0f} MB as served. Milliseconds of CPU. For git: packing all releases, "
            f"divided by their number ({spent.cpu:.1f} s, wall time {spent.wall:.1f} s), and `git show` as a "
            "process.\n\n" + table(head, lines)
        ),
        targets=[
            Target(
                what="size of the archive, relative to `git gc --aggressive`",
                measured=None if spent.failed else size / packed,
                limit=1.2,
            ),
            Target(what="archiving a release, median", measured=statistics.median(encode) * 1000, limit=15, unit="ms"),
            Target(what="reading a release back, slowest", measured=max(decode) * 1000, limit=100, unit="ms"),
        ],
    )


def _ours(files: Sequence[Path], place: Path) -> tuple[int, list[float], list[float]]:
    """Return the size in bytes, the CPU seconds to store each release, and those to read some back from the files."""
    archive, near, digests, encode = SnapshotArchive(place), None, [], []
    for path in files:
        data = path.read_bytes()

        def store(data: bytes = data, path: Path = path, near: str | None = near) -> None:
            receipt = archive.store_snapshot(
                data,
                Observation(observed=None, origin=path.name),
                source="ports",
                registry="ports",
                format="xml",
                near=near,
            )
            digests.append(receipt.sha256)

        encode.append(cpu_of(store))
        near = digests[-1]
    decode = []
    for digest in random.Random(1).sample(digests, min(_SAMPLE, len(digests))):  # noqa: S311 - no secret
        cold = SnapshotArchive(place)
        list(cold.list_snapshots("ports"))
        decode.append(cpu_of(lambda cold=cold, digest=digest: cold.read_snapshot("ports", digest)))  # type: ignore[misc]
    return sum(path.stat().st_size for path in place.rglob("*.zst")), encode, decode


def _git(files: Sequence[Path], folder: Path) -> tuple[int, Cost, list[float]]:
    place = make_repository(files, FILE, folder / "gc")
    git = ["git", "-C", str(place)]
    spent = cost([*git, "gc", "--aggressive", "--quiet", "--prune=now"], folder, patience=_PATIENCE, strict=False)
    back = random.Random(1).sample(range(len(files)), min(_SAMPLE // 3, len(files)))  # noqa: S311 - no secret
    shown = [cost([*git, "show", f"main~{number}:{FILE}"], folder).cpu for number in back]
    return sum(path.stat().st_size for path in place.rglob("*.pack")), spent, shown


def _line(
    name: str, size: int, raw: int, per_release: float, encode: Sequence[float], decode: Sequence[float]
) -> list[object]:
    return [
        name,
        f"{size / 1e6:.2f} MB",
        f"{raw / size:.0f}",
        f"{per_release * 1000:.0f} ms",
        f"{max(encode) * 1000:.0f} ms" if encode else None,
        f"{statistics.median(decode) * 1000:.0f} / {max(decode) * 1000:.0f} ms",
    ]
