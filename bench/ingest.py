"""Measure the ingest of the next release in a running process, relative to work that no program can avoid."""

from __future__ import annotations

import hashlib
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from xml.parsers import expat

from backports.zstd import CompressionParameter, ZstdCompressor, ZstdDict

from bench.measuring import Part, Target, cpu_of, table
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

FLOORS = ("SHA-256", "expat, no handlers", "split and subtract", "zstd with the previous release as prefix")


def _spent(work: Callable[[], object]) -> float:
    return cpu_of(work) * 1000


def _encode(data: bytes, before: bytes) -> bytes:
    options: dict[int, int] = {
        CompressionParameter.compression_level: 3,
        CompressionParameter.enable_long_distance_matching: 1,
        CompressionParameter.window_log: 27,
    }
    return ZstdCompressor(options=options, zstd_dict=ZstdDict(before, is_raw=True).as_prefix).compress(
        data, ZstdCompressor.FLUSH_FRAME
    )


def floors(before: bytes, data: bytes) -> list[float]:
    """Return the CPU milliseconds of each floor: work that no program can avoid."""
    return [
        _spent(lambda: hashlib.sha256(data).hexdigest()),
        _spent(lambda: expat.ParserCreate().Parse(data, True)),
        _spent(lambda: {*data.split(b"</record>")} - {*before.split(b"</record>")}),
        _spent(lambda: _encode(data, before)),
    ]


def measure(files: Sequence[Path], folder: Path) -> Part:
    """Ingest releases one after the other and measure each beside its floors."""
    parts, ours = _medians(files, folder)
    lines: list[list[object]] = [[name, part] for name, part in zip(FLOORS, parts, strict=True)]
    lines += [["all floors", sum(parts)], ["registry-watcher", ours], ["ours : floors", ours / sum(parts)]]
    return Part(
        text=f"Milliseconds of CPU per release, medians of {len(files) - 1}.\n\n" + table(["", ""], lines),
        targets=[
            Target(
                what="ingest of the next release in a running process: CPU, relative to the sum of its floors",
                measured=ours / sum(parts),
                limit=1.5,
            )
        ],
    )


def _medians(files: Sequence[Path], folder: Path) -> tuple[list[float], float]:
    """Return the median milliseconds of the floors and of ours."""
    floor_times: list[list[float]] = []
    ours: list[float] = []
    with Store(folder / "ingest.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(folder / "ingest"),
            )
        )
        before = files[0].read_bytes()
        ingest.ingest(Candidate(data=before, origin=files[0].name))
        for path in files[1:]:
            data = path.read_bytes()
            floor_times.append(floors(before, data))
            ours.append(_spent(lambda data=data, path=path: ingest.ingest(Candidate(data=data, origin=path.name))))  # type: ignore[misc]
            before = data
    return [statistics.median(column) for column in zip(*floor_times, strict=True)], statistics.median(ours)
