"""Import a tree of real registry groups, month by month: all commits of a repository with one command."""

from __future__ import annotations

import gc
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from xml.parsers import expat

from bench.measuring import Part, Target, run_module, table
from bench.series import DATA
from watcher.cli.context import load_settings
from watcher.monitor import importer
from watcher.monitor.monitor import Monitor
from watcher.store import zstd_frames

BUNDLE = DATA / "iana-2016-2021.bundle"
_CONFIG = """[[source]]
name = "iana"
type = "collection"
groups = {groups}
include = {groups}
"""
_PATIENCE = 1800.0
_BEFORE = 10
# What an import cannot do without.
_FLOORS = {
    "reading": "read the files from the repository, nothing else",
    "chained": "the same, parsed, and compressed with the release before as prefix",
    "alone": "the same, parsed, and each compressed alone",
}


def measure(folder: Path, most: int | None = None) -> Part:
    """Import the real groups, or at most so many; without the data the part says that nothing was measured."""
    if not BUNDLE.exists():
        return Part(text="Not measured: there is no copy of the real groups beside this checkout.")
    place = folder / "groups.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(BUNDLE), str(place)], check=True)
    months = subprocess.run(["git", f"--git-dir={place}", "tag"], check=True, capture_output=True, text=True)
    result = run_module("bench.bundle", folder / "groups", place, most or 0, patience=_PATIENCE)
    if isinstance(result, str):
        return Part(text=f"Failed: {result[:300]}")
    ingested, ours = result["taken"], result["importing"]["cpu"]
    lines: list[list[object]] = [
        [words, result[name]["cpu"], result[name]["wall"], None, None] for name, words in _FLOORS.items()
    ]
    each_release, peak = f"{ours / ingested * 1000:.1f}", f"{result['peak']:.0f}"
    lines.append(["`watcher import iana git:REPO:/`", ours, result["importing"]["wall"], each_release, peak])
    reasons = Counter(reason for _, reason in result["refused"])
    refused = "".join(f"\n- refused {number} times: {reason}" for reason, number in reasons.most_common())
    return Part(
        text=(
            f"{result['groups']} groups, monthly for {len(months.stdout.split())} months: {result['candidates']} "
            f"files, {ingested} ingested, {len(result['refused'])} refused; {result['records']} entries in the newest "
            f"releases. CPU with that of git. {result['transactions']} transactions. The target counts from files that "
            f"are compressed alone: commit a0e5cfa took {_BEFORE} times that (record 58 of [decisions](decisions.md)). "
            f"From files that are compressed as ours are, the import takes {ours / result['chained']['cpu']:.1f} "
            "times.\n\n" + table(["", "CPU s", "wall s", "CPU ms a release", "peak MB"], lines) + "\n" + refused
        ),
        targets=[
            Target(
                what="import of a tree: CPU, relative to reading, proving and compressing its files",
                measured=ours / result["alone"]["cpu"],
                limit=5,
            )
        ],
    )


def groups(repository: Path) -> list[str]:
    """Return the groups of the newest month."""
    listed = subprocess.run(
        ["git", f"--git-dir={repository}", "ls-tree", "--name-only", "HEAD"], check=True, capture_output=True, text=True
    )
    return listed.stdout.split()


def main(place: str, repository: str, most: str) -> None:
    """Import groups into a new folder and print the result as JSON."""
    folder = Path(place)
    folder.mkdir()
    chosen = groups(Path(repository))[: int(most) or None]
    (folder / "config.toml").write_text(_CONFIG.format(groups=json.dumps(chosen)))
    (folder / "config.toml").chmod(0o600)
    command = [sys.executable, "-m", "watcher", "import", "iana", f"git:{repository}:/", "--format", "json"]
    list_candidates = partial(_list_candidates, repository, chosen)
    outputs: list[str] = []

    def run_import() -> None:
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        outputs.append(done.stdout)

    number = len(list_candidates())
    gc.collect()
    spent = {
        "reading": _spent(lambda: _read_all(list_candidates())),
        "chained": _spent(lambda: _compress_all(list_candidates(), {})),
        "alone": _spent(lambda: _compress_all(list_candidates(), None)),
        "importing": _spent(run_import),
    }
    report = json.loads(outputs[0])
    with Monitor(load_settings(folder / "config.toml")) as monitor:
        newest = [monitor.store.history.find_latest(f"iana.{group.lower()}") for group in chosen]
    print(
        json.dumps(
            {
                **spent,
                "groups": len(chosen),
                "candidates": number,
                "taken": sum(report["taken"].values()),
                "refused": [[item["origin"].rpartition("@")[0], item["reason"]] for item in report["refused"]],
                # SQLite counts them in its header (fileformat2, section 1.3.7).
                "transactions": int.from_bytes((folder / "history.db").read_bytes()[24:28]),
                "records": sum(release.release.entries for release in newest if release),
                "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            }
        )
    )


def _list_candidates(repository: str, chosen: Collection[str]) -> list[importer.ImportItem]:
    """Return the files of some groups. Their git process ends when none of them is left, and only then counts."""
    listed = importer.find_items([f"git:{repository}:/"], "xml")
    return [candidate for candidate in listed if candidate.name.removesuffix(".xml") in chosen]


def _read_all(candidates: list[importer.ImportItem]) -> None:
    while candidates:
        candidates.pop(0).load()
    gc.collect()


def _compress_all(candidates: list[importer.ImportItem], before: dict[str, bytes] | None) -> None:
    """Parse and compress every file: alone, or with the one of its name in `before`, which it then replaces."""
    while candidates:
        _compress(candidates.pop(0), before)
    gc.collect()


def _compress(candidate: importer.ImportItem, before: dict[str, bytes] | None) -> None:
    data = candidate.load()
    with suppress(expat.ExpatError):
        expat.ParserCreate().Parse(data, True)
    prefix = before.get(candidate.name) if before is not None else None
    zstd_frames.compress(data, zstd_frames.from_bytes(prefix) if prefix else None)
    if before is not None:
        before[candidate.name] = data


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def _spent(work: Callable[[], object]) -> dict[str, Any]:
    """Return CPU seconds, child processes (git) included, and wall seconds."""

    def cpu() -> float:
        uses: Sequence[resource.struct_rusage] = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(use.ru_utime + use.ru_stime for use in uses)

    before, started = cpu(), time.perf_counter()
    work()
    return {"cpu": cpu() - before, "wall": time.perf_counter() - started}


if __name__ == "__main__":
    main(*sys.argv[1:])
