"""The import of a whole tree of real registry groups, month by month: all commits of a repository, in one command."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bench.measuring import Part, alone, table
from bench.series import DATA
from watcher.cli.context import load_settings
from watcher.monitor import importer
from watcher.monitor.monitor import Monitor

BUNDLE = DATA / "iana-2016-2021.bundle"
_CONFIG = """[[source]]
name = "iana"
type = "collection"
groups = {groups}
include = {groups}
"""
_PATIENCE = 1800.0


def measure(folder: Path, most: int | None = None) -> Part:
    """Import the real groups, or so many of them; without them, say so."""
    if not BUNDLE.exists():
        return Part(text="Not measured: the real groups are not beside this checkout.")
    place = folder / "groups.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(BUNDLE), str(place)], check=True)
    months = subprocess.run(["git", f"--git-dir={place}", "tag"], check=True, capture_output=True, text=True)
    found = alone("bench.bundle", folder / "groups", place, most or 0, patience=_PATIENCE)
    if isinstance(found, str):
        return Part(text=f"Failed: {found[:300]}")
    taken = found["taken"]
    lines = [
        ["read from the repository, keep nothing", found["reading"]["cpu"], found["reading"]["wall"], None, None],
        [
            "`watcher import iana git:REPO:/`",
            found["importing"]["cpu"],
            found["importing"]["wall"],
            f"{found['importing']['cpu'] / taken * 1000:.1f}",
            f"{found['peak']:.0f}",
        ],
    ]
    reasons = Counter(why for _, why in found["refused"])
    refused = "".join(f"\n- refused {number} times: {why}" for why, number in reasons.most_common())
    return Part(
        text=(
            f"{found['groups']} groups as they stood in {len(months.stdout.split())} months: {found['candidates']} "
            f"versions, {taken} taken, {len(found['refused'])} refused; {found['records']} entries in the newest "
            "releases. CPU with that of git.\n\n"
            + table(["", "CPU s", "wall s", "CPU ms a release", "peak MB"], lines)
            + "\n"
            + refused
        )
    )


def groups(repository: Path) -> list[str]:
    """The groups that the newest month has."""
    said = subprocess.run(
        ["git", f"--git-dir={repository}", "ls-tree", "--name-only", "HEAD"], check=True, capture_output=True, text=True
    )
    return said.stdout.split()


def main(place: str, repository: str, most: str) -> None:
    """Import groups into a new folder and print what came of it."""
    folder = Path(place)
    folder.mkdir()
    chosen = groups(Path(repository))[: int(most) or None]
    (folder / "config.toml").write_text(_CONFIG.format(groups=json.dumps(chosen)))
    (folder / "config.toml").chmod(0o600)
    command = [sys.executable, "-m", "watcher", "import", "iana", f"git:{repository}:/", "--format", "json"]
    found = [
        candidate
        for candidate in importer.find_items([f"git:{repository}:/"], ".xml")
        if candidate.name.removesuffix(".xml") in chosen
    ]
    said: list[str] = []

    def reading() -> None:
        for candidate in found:
            candidate.load()

    def importing() -> None:
        done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=False)
        said.append(done.stdout)

    spent = {"reading": _spent(reading), "importing": _spent(importing)}
    report = json.loads(said[0])
    with Monitor(load_settings(folder / "config.toml")) as parts:
        newest = [parts.store.history.find_latest(f"iana.{group.lower()}") for group in chosen]
    print(
        json.dumps(
            {
                **spent,
                "groups": len(chosen),
                "candidates": len(found),
                "taken": sum(report["taken"].values()),
                "refused": [[each["origin"].rpartition("@")[0], each["reason"]] for each in report["refused"]],
                "records": sum(each.release.entries for each in newest if each),
                "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
            }
        )
    )


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}


def _spent(work: Callable[[], object]) -> dict[str, Any]:
    """Seconds of CPU, that of git among it, and on the clock."""

    def cpu() -> float:
        uses: Sequence[resource.struct_rusage] = [
            resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        ]
        return sum(each.ru_utime + each.ru_stime for each in uses)

    before, started = cpu(), time.perf_counter()
    work()
    return {"cpu": cpu() - before, "wall": time.perf_counter() - started}


if __name__ == "__main__":
    main(*sys.argv[1:])
