"""Measure, side by side, and write docs/benchmarks.md: `run.py [--releases N] [--output FILE]`.

Every number is of this run, on this machine; what to trust are the ratios. Whole processes are run in turns, the
median of several counts. The checks (exactness, one history in any order) are part of it: a fast wrong answer is
worth nothing.
"""

from __future__ import annotations

import argparse
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

import ingest  # noqa: E402 - beside this file
import tree  # noqa: E402 - beside this file
from series import lay_out  # noqa: E402 - beside this file

from tests.world import content_of, rows  # noqa: E402
from watcher import backfill  # noqa: E402
from watcher.archive import Archive  # noqa: E402
from watcher.contents import Reads, read  # noqa: E402
from watcher.diff import apply, compare, invert  # noqa: E402
from watcher.judge import explain  # noqa: E402
from watcher.pipeline import Intake  # noqa: E402
from watcher.registries.table import REGISTRIES  # noqa: E402
from watcher.store.database import Database  # noqa: E402

WATCHER = [sys.executable, "-m", "watcher"]
PEERS = [sys.executable, str(ROOT / "bench" / "peers.py")]
PORTS = REGISTRIES["ports"]
CONFIG = """[[source]]
name = "ports"
url = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml"
"""


@dataclass(frozen=True)
class Cost:
    """One process: seconds on the clock and of CPU, and its largest memory in MB."""

    wall: float
    cpu: float
    memory: float
    said: str


def cost(command: Sequence[str], folder: Path) -> Cost:
    """Run a process to its end. Raises CalledProcessError when it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        ["/usr/bin/env", "time", "-f", "%M", *command] if shutil.which("time") else list(command),
        cwd=folder, check=True, capture_output=True, text=True,
    )  # fmt: skip
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = done.stderr.strip().splitlines()
    memory = int(lines[-1]) / 1024 if lines and lines[-1].isdecimal() else 0.0
    return Cost(wall=wall, cpu=cpu, memory=memory, said=done.stdout)


def in_turns(commands: dict[str, Sequence[str]], folder: Path, times: int) -> dict[str, Cost]:
    """Run commands alternately and return the median of each."""
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            found[name].append(cost(command, folder))
    return {
        name: Cost(
            wall=statistics.median(each.wall for each in runs),
            cpu=statistics.median(each.cpu for each in runs),
            memory=max(each.memory for each in runs),
            said=runs[0].said,
        )
        for name, runs in found.items()
    }


def table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    def row(cells: Sequence[object]) -> str:
        return "| " + " | ".join(f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells) + " |"

    return "\n".join([row(headings), "|" + "---|" * len(headings), *map(row, lines)])


def archive(files: Sequence[Path], repository: Path | None, folder: Path) -> str:
    """Sizes and times of the archive, and git's for the same releases."""
    kept = Archive(folder / "archive")
    encode, near, digests = [], None, []
    for path in files:
        data = path.read_bytes()
        started = time.process_time()
        receipt = kept.keep(
            data, source="ports", observed=None, origin=path.name, registry="ports", format="xml", near=near
        )
        encode.append(time.process_time() - started)
        near = receipt.sha256
        digests.append(near)
    decode = []
    for digest in random.Random(1).sample(digests, min(60, len(digests))):  # noqa: S311 - no secret
        cold = Archive(folder / "archive")
        list(cold.receipts("ports"))
        started = time.process_time()
        cold.read("ports", digest)
        decode.append(time.process_time() - started)
    size = sum(path.stat().st_size for path in (folder / "archive").rglob("*.zst"))
    raw = sum(path.stat().st_size for path in files)
    lines = [
        ["registry-watcher", f"{size / 1e6:.2f} MB", f"{raw / size:.0f}", f"{statistics.median(encode) * 1000:.0f} ms",
         f"{statistics.median(decode) * 1000:.0f} / {max(decode) * 1000:.0f} ms"],
    ]  # fmt: skip
    if repository:
        clone = folder / "gc.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", str(repository), str(clone)], check=True)
        spent = cost(["git", "-C", str(clone), "repack", "-a", "-d", "-f", "-q"], folder)
        packed = sum(path.stat().st_size for path in clone.rglob("*.pack"))
        lines.append(["git repack -adf", f"{packed / 1e6:.2f} MB", f"{raw / packed:.0f}",
                      f"{spent.cpu / len(files) * 1000:.0f} ms", "not measured"])  # fmt: skip
    head = ["", "size", "raw : kept", "encode, median", "decode, median / slowest"]
    return f"{len(files)} releases, {raw / 1e6:.0f} MB as served. Milliseconds of CPU a release.\n\n" + table(
        head, lines
    )


def seven_years(files: Sequence[Path], folder: Path) -> str:
    """`watcher import` of everything as one process, beside a script that keeps nothing."""
    (folder / "config.toml").write_text(CONFIG)
    names = list(map(str, files))
    ours = cost([*WATCHER, "import", "ports", *names], folder)
    naive = cost([*PEERS, "naive_history", *names], folder)
    lines = [
        ["`watcher import`: archive, exact history, events, full text", ours.cpu, ours.wall, f"{ours.memory:.0f}", 1.0],
        ["a script that parses and compares by key, and keeps nothing", naive.cpu, naive.wall, f"{naive.memory:.0f}",
         naive.cpu / ours.cpu],
    ]  # fmt: skip
    database = (folder / "history.db").stat().st_size / 1e6
    head = ["", "CPU s", "wall s", "peak MB", "CPU, ours = 1"]
    return table(head, lines) + f"\n\nThe database of {len(files)} releases has {database:.1f} MB."


def processes(files: Sequence[Path], folder: Path, times: int) -> str:
    """Whole processes against the imported store."""
    dates = [path.stem for path in files]
    old, new = str(files[len(files) // 2]), str(files[len(files) // 2 + 1])
    commands: dict[str, Sequence[str]] = {
        "`watcher --help`": [*WATCHER, "--help"],
        "`watcher status`": [*WATCHER, "status"],
        "`watcher diff ports OLD NEW`, consecutive": [*WATCHER, "diff", "ports", Path(old).stem, Path(new).stem],
        "`watcher diff ports OLD NEW`, first and last": [*WATCHER, "diff", "ports", dates[0], dates[-1]],
        "`watcher diff OLD.xml NEW.xml`, no store": [*WATCHER, "diff", old, new],
        "`watcher history --port 443`": [*WATCHER, "history", "--port", "443"],
        "`watcher show ports --port 443`": [*WATCHER, "show", "ports", "--port", "443"],
        "a script, parse both and compare by key": [*PEERS, "script", old, new],
        "DeepDiff over both registries": [*PEERS, "deepdiff", old, new],
        "`diff OLD.xml NEW.xml`": ["sh", "-c", f"diff {old} {new} >/dev/null || true"],
        "hash, well-formedness, split and subtract": [*PEERS, "floor", old, new],
    }
    found = in_turns(commands, folder, times)
    base = found["a script, parse both and compare by key"].wall
    lines = [[name, each.wall, each.cpu, f"{each.memory:.0f}", each.wall / base] for name, each in found.items()]
    return table(["", "wall s", "CPU s", "peak MB", "wall, script = 1"], lines)


def next_release(files: Sequence[Path], folder: Path) -> str:
    """The next release in a warm process, beside the sum of its floors."""
    parts, ours = ingest.measure(files[-60:], folder)
    lines: list[list[object]] = [[name, part] for name, part in zip(ingest.FLOORS, parts, strict=True)]
    lines += [["all of these", sum(parts)], ["registry-watcher", ours], ["ours : floors", ours / sum(parts)]]
    return "Milliseconds of CPU a release, medians.\n\n" + table(["", ""], lines)


def exact(files: Sequence[Path]) -> str:
    """Every difference applied, both ways."""
    reads = Reads()
    chance = random.Random(20)  # noqa: S311 - no secret
    far = [chance.sample(files, 2) for _ in range(20)]
    needed = {path for pair in far for path in pair}
    kept = {}
    old = None
    for path in files:
        new = read(path.read_bytes(), PORTS, reads=reads)
        if old is not None:
            changes, _ = explain(PORTS, old, new)
            if apply(changes, old.items) != new.items or apply(invert(changes), new.items) != old.items:
                raise SystemExit(f"the difference that leads to {path.stem} is not exact")
        if path in needed:
            kept[path] = new
        old = new
    for one, other in far:
        changes = compare(kept[one], kept[other], PORTS.pairing(kept[one], kept[other]))
        if (
            apply(changes, kept[one].items) != kept[other].items
            or apply(invert(changes), kept[other].items) != kept[one].items
        ):
            raise SystemExit(f"the difference of {one.stem} and {other.stem} is not exact")
    return (
        f"{len(files) - 1} consecutive differences and 20 of random far-apart pairs: all exact, forwards and backwards."
    )


def one_history(files: Sequence[Path], folder: Path) -> str:
    """In order, reversed, shuffled, rebuilt: compared row by row."""
    shuffled = list(files)
    random.Random(3).shuffle(shuffled)  # noqa: S311 - no secret
    found, lines = [], []
    for name, order in (("in order", files), ("reversed", files[::-1]), ("shuffled", shuffled)):
        place = folder / name.replace(" ", "-")
        place.mkdir()
        started = time.process_time()
        with Database(place / "history.db") as database:
            intake = Intake(
                "ports", registry="ports", format="xml", database=database, archive=Archive(place / "snapshots")
            )
            for path in order:
                backfill.run(intake, backfill.candidates([str(path)], ".xml"))
            lines.append([name, time.process_time() - started])
            found.append(content_of(rows(place / "history.db")))
            if name == "shuffled":
                started = time.process_time()
                intake.rebuild()
                lines.append(["rebuilt from the archive", time.process_time() - started])
        if name == "shuffled":
            found.append(content_of(rows(place / "history.db")))
    if any(each != found[0] for each in found):
        raise SystemExit("the histories are not the same")
    return "The same history, row by row, four times.\n\n" + table(["", "CPU s"], lines)


def whole_tree(folder: Path) -> str:
    """A full check of a tree of registry groups over loopback."""
    place = folder / "tree"
    place.mkdir()
    lines = tree.measure(place, WATCHER, cost)
    head = ["a full check", "requests", "conditional", "304", "connections", "rows of checks", "other rows",
            "transactions", "CPU s", "wall s"]  # fmt: skip
    return (
        f"{tree.GROUPS} generated groups with {tree.RECORDS} records and their index, served over loopback without a "
        f"pause between requests. A row is counted where it is new or differs.\n\n" + table(head, lines)
    )


def _machine() -> str:
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--releases", type=int, metavar="N", help="only the first N")
    arguments.add_argument("--times", type=int, default=5, help="runs of each whole process")
    arguments.add_argument("--output", type=Path, default=ROOT / "docs" / "benchmarks.md")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="watcher-bench-") as name:
        folder = Path(name)
        files, repository = lay_out(folder / "releases", most=given.releases)
        parts: list[tuple[str, Callable[[], str]]] = [
            ("Archive", lambda: archive(files, repository, folder)),
            ("The next release", lambda: next_release(files, folder)),
            ("Importing the whole series", lambda: seven_years(files, folder)),
            ("Whole processes", lambda: processes(files, folder, given.times)),
            ("Exactness", lambda: exact(files)),
            ("Order of import", lambda: one_history(files, folder)),
            ("A tree of registry groups", lambda: whole_tree(folder)),
        ]
        text = [
            "# Benchmarks",
            "Written by `make bench`. Seconds are of one run on one machine, which was not idle: trust the ratios.",
            f"{len(files)} {'real' if repository else 'generated'} releases of the port registry; {_machine()}.",
        ]
        for title, part in parts:
            print(f"{title} …", file=sys.stderr, flush=True)
            text += [f"## {title}", part()]
        given.output.write_text("\n\n".join(text) + "\n", encoding="utf-8")
        print(f"written to {given.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
