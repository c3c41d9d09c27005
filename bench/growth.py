"""Measure how cost grows with the records of a registry and with the releases of a history.

Each size is measured in a separate process (`main`), so that its peak memory can be read. If a size fails, its line has
the error, and the next size is measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measuring import Part, Target, cpu_of, memory_of, run_module, table
from bench.series import FORMATS, Registry, write_release
from watcher.core.errors import WatcherError
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

RECORDS = (1_000, 14_500, 100_000, 1_000_000)
RELEASES = (10, 100, 1_000, 3_000)
_MOST = RECORDS[-1]
_USUAL = 14_500  # records in the port registry
_SMALL = 1_000  # records of the registry that has many releases
_LAST = 10  # the cost of the next release is the median of so many
_PORT = (443, 443)
_PATIENCE = 1800.0
_RUNS = 5
_QUERIES = ("`events.find` of a port, ms", "`versions.find` of a port, ms")
Measured = dict[str, Any]


def by_records(folder: Path, sizes: Sequence[int] = RECORDS) -> tuple[Part, list[Measured]]:
    """Return the part, and for a plot the figures of each size that could be measured."""
    measured: list[Measured] = []
    lines: list[list[object]] = []
    for records in sizes:
        changed = _changed(records)
        files = _two_releases(folder, records, changed)
        for format in FORMATS:  # noqa: A001 - the config's word
            result = _ingested(folder, records, format, files[format])
            if isinstance(result, str):
                lines.append([format, f"{records:,}", f"failed: {result[:200]}", *6 * (None,)])
                continue
            measured.append({"records": records, "format": format, **result})
            lines.append(_line_of_records(records, changed, format, result))
        for path in (*files["xml"], *files["csv"]):
            path.unlink()
    head = ["", "records", "changed", "first ingest, CPU s", "next ingest, CPU s", "next, µs a record", "peak MB",
            *_QUERIES]  # fmt: skip
    return Part(
        text="\n\n".join([table(head, lines), *_sentences(measured)]), targets=_targets(measured, sizes)
    ), measured


def _ingested(folder: Path, records: int, format: str, files: Sequence[Path]) -> Measured | str:  # noqa: A002
    """Return the cost of ingesting two releases; for small sizes the median of some runs."""
    runs: list[Measured] = []
    for run in range(_RUNS if records <= _USUAL else 1):
        place = folder / f"growth-{format}-{records}-{run}"
        result = run_module("bench.growth", "records", format, place, *files, patience=_PATIENCE)
        if isinstance(result, str):
            return result
        runs.append(result)
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def by_releases(folder: Path, sizes: Sequence[int] = RELEASES) -> tuple[Part, list[Measured]]:
    """Return the part, and for a plot the figures of each size that could be measured."""
    measured: list[Measured] = []
    lines: list[list[object]] = []
    for releases in sizes:
        result = run_module(
            "bench.growth", "releases", folder / f"growth-releases-{releases}", releases, patience=_PATIENCE
        )
        if isinstance(result, str):
            lines.append([f"{releases:,}", f"failed: {result[:200]}", *5 * (None,)])
            continue
        measured.append({"releases": releases, **result})
        times = [float(result[name]) for name in ("warm", "cold", "history", "versions")]
        lines.append([f"{releases:,}", *times, f"{result['database']:.1f}", f"{result['peak']:.0f}"])
    head = ["releases", "next, same process: CPU ms", "next, new process: CPU ms", *_QUERIES,
            "database MB", "peak MB"]  # fmt: skip
    text = f"A generated registry of {_SMALL:,} records, {_LAST} of which change each time.\n\n{table(head, lines)}"
    return Part(text=text), measured


def _changed(records: int) -> int:
    return 1000 if records >= _USUAL else 10


def _two_releases(folder: Path, records: int, changed: int) -> dict[str, list[Path]]:
    """Write two consecutive releases in each format."""
    registry = Registry(records)
    files: dict[str, list[Path]] = {name: [] for name in FORMATS}
    for number in range(2):
        if number:
            registry.step(changed)
        for format in FORMATS:  # noqa: A001
            files[format].append(write_release(folder / f"growth-{records}-{number}.{format}", registry, format))
    return files


def _line_of_records(records: int, changed: int, format: str, result: Measured) -> list[object]:  # noqa: A002
    return [
        format,
        f"{records:,}",
        f"{changed:,}",
        float(result["first"]),
        float(result["next"]),
        f"{result['next'] / records * 1e6:.1f}",
        f"{result['peak']:.0f}",
        float(result["history"]),
        float(result["versions"]),
    ]


def _targets(measured: Sequence[Measured], sizes: Sequence[int]) -> list[Target]:
    """Return the targets for the largest registry: not measured if it failed, left out if it is not in `sizes`."""
    if _MOST not in sizes:
        return []
    targets = []
    for format in FORMATS:  # noqa: A001
        by_size = {size["records"]: size for size in measured if size["format"] == format}
        most, usual = by_size.get(_MOST), by_size.get(_USUAL)
        targets.append(
            Target(
                what=f"{format}, a million records: peak memory",
                measured=most["peak"] if most else None,
                limit=1500,
                unit="MB",
            )
        )
        targets.append(
            Target(
                what=f"{format}, a million records ingested and compared with 1,000 changes: CPU per record, "
                f"relative to {_USUAL:,} records",
                measured=_per_record(most, usual, "first", "next") if most and usual else None,
                limit=1,
            )
        )
    return targets


def _sentences(measured: Sequence[Measured]) -> list[str]:
    """Return a sentence for each format: each step alone, relative to the usual size."""
    by_size = {(size["format"], size["records"]): size for size in measured}
    return [
        f"{format}, CPU per record with {_MOST:,} records, relative to {_USUAL:,}: "
        f"{_per_record(most, usual, 'first'):.2f} for the first ingest, "
        f"{_per_record(most, usual, 'next'):.2f} for the next."
        for format in FORMATS  # noqa: A001
        if (most := by_size.get((format, _MOST))) and (usual := by_size.get((format, _USUAL)))
    ]


def _per_record(most: Measured, usual: Measured, *steps: str) -> float:
    """Return the CPU per record of some steps together, of the largest registry relative to the usual one."""
    return float(sum(most[step] for step in steps) / _MOST / (sum(usual[step] for step in steps) / _USUAL))


def two_ingests(format: str, folder: Path, old: Path, new: Path) -> Measured:  # noqa: A002
    """Ingest two releases into a new store; return CPU seconds of each, milliseconds of queries, peak memory."""
    folder.mkdir()
    with Store(folder / "history.db") as store:
        ingest = _new_ingest(store, folder, format)
        costs = {
            name: cpu_of(lambda path=path: ingest.ingest(Candidate(data=path.read_bytes(), origin=path.name)))  # type: ignore[misc]
            for name, path in (("first", old), ("next", new))
        }
        return {**costs, **_queries(store.history), "peak": memory_of()[1]}


def many_releases(folder: Path, releases: int, records: int = _SMALL) -> Measured:
    """Ingest many releases; return the milliseconds of the next one, with and without reuse of the previous one."""
    folder.mkdir()
    registry = Registry(records)
    last: list[float] = []
    with Store(folder / "history.db") as store:
        ingest = _new_ingest(store, folder, "xml")
        for number in range(releases):
            if number:
                registry.step(_LAST)
            data = "".join(registry.render()).encode()
            last.append(cpu_of(lambda data=data: ingest.ingest(Candidate(data=data, origin=""))))  # type: ignore[misc]
        cold = []
        for _ in range(_LAST // 2):
            registry.step(_LAST)
            data = "".join(registry.render()).encode()
            cold_ingest = _new_ingest(store, folder, "xml")
            cold.append(cpu_of(lambda ingest=cold_ingest, data=data: ingest.ingest(Candidate(data=data, origin=""))))  # type: ignore[misc]
        return {
            "warm": statistics.median(last[-_LAST:]) * 1000,
            "cold": statistics.median(cold) * 1000,
            **_queries(store.history),
            "database": (folder / "history.db").stat().st_size / 1e6,
            "peak": memory_of()[1],
        }


def _new_ingest(store: Store, folder: Path, format: str) -> ReleaseIngest:  # noqa: A002
    return ReleaseIngest(
        assemble_parts(
            "ports",
            settings=ReadSettings(registry="ports", format=format),
            store=store,
            archive=SnapshotArchive(folder / "snapshots"),
        )
    )


def _queries(history: HistoryReader) -> Measured:
    return {
        "history": _milliseconds(lambda: history.events.find(EventQuery(sources=("ports",), ports=(_PORT,)))),
        "versions": _milliseconds(lambda: history.versions.find("ports", ports=[_PORT])),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    """Return the median wall time of five runs."""

    def once() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return statistics.median(once() for _ in range(5))


def main(axis: str, *arguments: str) -> int:
    """Measure one size in this process and print the result as JSON; print an error of the watcher."""
    try:
        if axis == "records":
            format, folder, old, new = arguments  # noqa: A001
            result = two_ingests(format, Path(folder), Path(old), Path(new))
        else:
            result = many_releases(Path(arguments[0]), int(arguments[1]))
    except WatcherError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
