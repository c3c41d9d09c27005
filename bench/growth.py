"""How cost grows: with the number of records of a registry, and with the number of releases of a history.

Each size is measured in a process of its own (`main`), so that its memory is its own; a size that fails is a line that
says how, and the next one is measured.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measuring import Part, Target, alone, cpu_of, memory_of, table
from bench.series import FORMATS, Registry, write
from watcher.core.errors import WatcherError
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

RECORDS = (1_000, 14_500, 100_000, 1_000_000)
RELEASES = (10, 100, 1_000, 3_000)
_MOST = RECORDS[-1]
_USUAL = 14_500  # records in the port registry
_SMALL = 1_000  # records of the registry that has many releases
_LAST = 10  # releases whose median is the cost of the next one
_PORT = (443, 443)
_PATIENCE = 1800.0
_RUNS = 5
_ASKED = ("`Queries.history` of a port, ms", "`Queries.versions` of a port, ms")
Found = dict[str, Any]


def by_records(folder: Path, sizes: Sequence[int] = RECORDS) -> tuple[Part, list[Found]]:
    """Return the part, and what was measured of each size that could be, for a plot."""
    found: list[Found] = []
    lines: list[list[object]] = []
    for records in sizes:
        changed = _changed(records)
        files = _two_releases(folder, records, changed)
        for format in FORMATS:  # noqa: A001 - the config's word
            said = _ingested(folder, records, format, files[format])
            if isinstance(said, str):
                lines.append([format, f"{records:,}", f"failed: {said[:200]}", *6 * (None,)])
                continue
            found.append({"records": records, "format": format, **said})
            lines.append(_line_of_records(records, changed, format, said))
        for path in (*files["xml"], *files["csv"]):
            path.unlink()
    head = ["", "records", "changed", "first ingest, CPU s", "next ingest, CPU s", "next, µs a record", "peak MB",
            *_ASKED]  # fmt: skip
    return Part(text="\n\n".join([table(head, lines), *_said(found)]), targets=_targets(found, sizes)), found


def _ingested(folder: Path, records: int, format: str, files: Sequence[Path]) -> Found | str:  # noqa: A002
    """What taking two releases in cost: of what takes a second and less, the median of some runs."""
    runs: list[Found] = []
    for run in range(_RUNS if records <= _USUAL else 1):
        place = folder / f"growth-{format}-{records}-{run}"
        said = alone("bench.growth", "records", format, place, *files, patience=_PATIENCE)
        if isinstance(said, str):
            return said
        runs.append(said)
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}


def by_releases(folder: Path, sizes: Sequence[int] = RELEASES) -> tuple[Part, list[Found]]:
    """Return the part, and what was measured of each size that could be, for a plot."""
    found: list[Found] = []
    lines: list[list[object]] = []
    for releases in sizes:
        said = alone("bench.growth", "releases", folder / f"growth-releases-{releases}", releases, patience=_PATIENCE)
        if isinstance(said, str):
            lines.append([f"{releases:,}", f"failed: {said[:200]}", *5 * (None,)])
            continue
        found.append({"releases": releases, **said})
        times = [float(said[name]) for name in ("warm", "cold", "history", "versions")]
        lines.append([f"{releases:,}", *times, f"{said['database']:.1f}", f"{said['peak']:.0f}"])
    head = ["releases", "next, the process goes on: CPU ms", "next, a new process: CPU ms", *_ASKED,
            "database MB", "peak MB"]  # fmt: skip
    text = f"A generated registry of {_SMALL:,} records, {_LAST} of which change each time.\n\n{table(head, lines)}"
    return Part(text=text), found


def _changed(records: int) -> int:
    return 1000 if records >= _USUAL else 10


def _two_releases(folder: Path, records: int, changed: int) -> dict[str, list[Path]]:
    """Write two releases that follow each other, in each format; the registry itself is forgotten then."""
    registry = Registry(records)
    files: dict[str, list[Path]] = {each: [] for each in FORMATS}
    for number in range(2):
        if number:
            registry.step(changed)
        for format in FORMATS:  # noqa: A001
            files[format].append(write(folder / f"growth-{records}-{number}.{format}", registry, format))
    return files


def _line_of_records(records: int, changed: int, format: str, said: Found) -> list[object]:  # noqa: A002
    return [
        format,
        f"{records:,}",
        f"{changed:,}",
        float(said["first"]),
        float(said["next"]),
        f"{said['next'] / records * 1e6:.1f}",
        f"{said['peak']:.0f}",
        float(said["history"]),
        float(said["versions"]),
    ]


def _targets(found: Sequence[Found], sizes: Sequence[int]) -> list[Target]:
    """The promises about the largest registry: shown as not measured where it failed, left out where not asked for."""
    if _MOST not in sizes:
        return []
    targets = []
    for format in FORMATS:  # noqa: A001
        of = {each["records"]: each for each in found if each["format"] == format}
        most, usual = of.get(_MOST), of.get(_USUAL)
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
                what=f"{format}, a million records taken in and compared with 1,000 changes: CPU a record, beside "
                f"{_USUAL:,} records",
                measured=_a_record(most, usual, "first", "next") if most and usual else None,
                limit=1,
            )
        )
    return targets


def _said(found: Sequence[Found]) -> list[str]:
    """Each step by itself, beside the usual size."""
    by = {(each["format"], each["records"]): each for each in found}
    return [
        f"{format}, a record of {_MOST:,} beside one of {_USUAL:,}: {_a_record(most, usual, 'first'):.2f} times the "
        f"CPU of the first ingest, {_a_record(most, usual, 'next'):.2f} times that of the next."
        for format in FORMATS  # noqa: A001
        if (most := by.get((format, _MOST))) and (usual := by.get((format, _USUAL)))
    ]


def _a_record(most: Found, usual: Found, *steps: str) -> float:
    """The CPU of some steps together, for each record of the largest registry, beside the usual one."""
    return float(sum(most[step] for step in steps) / _MOST / (sum(usual[step] for step in steps) / _USUAL))


def ingest(format: str, folder: Path, old: Path, new: Path) -> Found:  # noqa: A002
    """Take two releases into a new store; seconds of CPU of each, milliseconds of queries, the largest memory."""
    folder.mkdir()
    with Store(folder / "history.db") as store:
        intake = _intake(store, folder, format)
        found = {
            name: cpu_of(lambda path=path: intake.ingest(Candidate(data=path.read_bytes(), origin=path.name)))  # type: ignore[misc]
            for name, path in (("first", old), ("next", new))
        }
        return {**found, **_queries(store.history), "peak": memory_of()[1]}


def many_releases(folder: Path, releases: int, records: int = _SMALL) -> Found:
    """Take so many releases; milliseconds of the next one in this process and in one that has read nothing yet."""
    folder.mkdir()
    registry = Registry(records)
    last: list[float] = []
    with Store(folder / "history.db") as store:
        intake = _intake(store, folder, "xml")
        for number in range(releases):
            if number:
                registry.step(_LAST)
            data = "".join(registry.written()).encode()
            last.append(cpu_of(lambda data=data: intake.ingest(Candidate(data=data, origin=""))))  # type: ignore[misc]
        cold = []
        for _ in range(_LAST // 2):
            registry.step(_LAST)
            data = "".join(registry.written()).encode()
            again = _intake(store, folder, "xml")
            cold.append(cpu_of(lambda again=again, data=data: again.ingest(Candidate(data=data, origin=""))))  # type: ignore[misc]
        return {
            "warm": statistics.median(last[-_LAST:]) * 1000,
            "cold": statistics.median(cold) * 1000,
            **_queries(store.history),
            "database": (folder / "history.db").stat().st_size / 1e6,
            "peak": memory_of()[1],
        }


def _intake(store: Store, folder: Path, format: str) -> ReleaseIngest:  # noqa: A002
    return ReleaseIngest(
        "ports", registry="ports", format=format, store=store, archive=SnapshotArchive(folder / "snapshots")
    )


def _queries(queries: HistoryReader) -> Found:
    return {
        "history": _milliseconds(lambda: queries.find_events(EventQuery(source="ports", port=_PORT))),
        "versions": _milliseconds(lambda: queries.find_versions("ports", port=_PORT)),
    }


def _milliseconds(work: Callable[[], object]) -> float:
    """On the clock, the median of five."""

    def once() -> float:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000

    return statistics.median(once() for _ in range(5))


def main(what: str, *arguments: str) -> int:
    """Measure one size in this process and print it as JSON; what the watcher refuses is its last word."""
    try:
        if what == "records":
            format, folder, old, new = arguments  # noqa: A001
            found = ingest(format, Path(folder), Path(old), Path(new))
        else:
            found = many_releases(Path(arguments[0]), int(arguments[1]))
    except WatcherError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
