"""Measure the watcher beside other programs, write docs/benchmarks.md: `run.py [--releases N] [--output FILE]`.

The seconds are of this run on this machine; the ratios can be compared. Whole processes run in turns; a number is the
median of all runs. The bench also checks that differences are exact and that any order of import gives one history.
`--releases` measures everything with fewer releases and smaller sizes, to test the bench itself.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from bench import (  # noqa: E402 - the path first
    archiving,
    bundle,
    drawings,
    environment,
    exactness,
    growth,
    importing,
    ingest,
    memory,
    other_files,
    pages,
    processes,
    series,
    tree,
    tried,
    whole_history,
    workers,
)
from bench.environment import Environment  # noqa: E402
from bench.measuring import Part, Target, table  # noqa: E402
from bench.merging import merge_page  # noqa: E402

_NEXT = 60  # the cost of the next release is the median of so many
_INTRODUCTION = (
    "`make bench` writes this page and its drawings. All seconds are from one run on one machine that may have done "
    "other work. Compare the ratios: each is to a program that ran at the same time. Whole processes run in turns, and "
    "a number is the median of all runs. A program that failed or took more than ten seconds ran once. Seeds are fixed."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The files, folders and programs that all parts use."""

    files: Sequence[Path]
    folder: Path
    peers: Environment
    times: int
    pictures: Path
    quick: bool

    @property
    def store(self) -> Path:
        """A history of all files; `_importing` makes it."""
        return self.folder / "store"


def _fill_store(bench: Bench) -> None:
    """Import all files if no part before did: a part can be measured alone."""
    if not bench.store.exists():
        importing.into_store(bench.files, bench.store)


def _importing(bench: Bench) -> Part:
    patience = 30.0 if bench.quick else importing.PATIENCE
    return importing.measure(bench.files, bench.store, bench.folder, bench.peers, patience)


def _processes(bench: Bench) -> Part:
    _fill_store(bench)
    part, walls, remarks = processes.measure(bench.files, bench.store, bench.folder, bench.peers, bench.times)
    return _with(part, bench, drawings.processes(walls, remarks), "processes")


def _memory(bench: Bench) -> Part:
    _fill_store(bench)
    return memory.measure(bench.files, bench.store, bench.folder, environment.build_product())


def _by_records(bench: Bench) -> Part:
    part, sizes = growth.by_records(bench.folder, growth.RECORDS[:2] if bench.quick else growth.RECORDS)
    return _with(part, bench, drawings.by_records(sizes), "growth-records")


def _by_releases(bench: Bench) -> Part:
    part, sizes = growth.by_releases(bench.folder, growth.RELEASES[:2] if bench.quick else growth.RELEASES)
    return _with(part, bench, drawings.by_releases(sizes), "growth-releases")


def _pages(bench: Bench) -> Part:
    _fill_store(bench)
    return pages.measure(bench.files, bench.store, bench.folder, 50 if bench.quick else tree.GROUPS)


PARTS: tuple[tuple[str, Callable[[Bench], Part]], ...] = (
    ("The next release", lambda bench: ingest.measure(bench.files[-_NEXT:], bench.folder)),
    ("Importing the whole series", _importing),
    ("Whole processes", _processes),
    (
        "Other files",
        lambda bench: other_files.measure(
            bench.folder / "other-files", bench.peers, bench.times, scale=0.01 if bench.quick else 1.0
        ),
    ),
    ("Archive", lambda bench: archiving.measure(bench.files, bench.folder)),
    ("Memory", _memory),
    ("Pages", _pages),
    ("Growth: records", _by_records),
    ("Growth: releases", _by_releases),
    (
        "A whole history",
        lambda bench: whole_history.measure(bench.folder / "whole", 20 if bench.quick else whole_history.RELEASES),
    ),
    (
        "A tree of registry groups",
        lambda bench: tree.measure(bench.folder / "tree", 50 if bench.quick else tree.GROUPS),
    ),
    ("Importing a tree", lambda bench: bundle.measure(bench.folder, 20 if bench.quick else None)),
    ("Workers", lambda bench: workers.measure(bench.folder / "workers", 10 if bench.quick else workers.SOURCES)),
    ("Exactness", lambda bench: exactness.differences(bench.files)),
    ("Order of import", lambda bench: exactness.one_history(bench.files, bench.folder, min(bench.times, 3))),
    ("Tried and not kept", lambda _: tried.describe()),
)

_WITHOUT_PEERS = frozenset({"Pages", "Workers", "Tried and not kept", "Importing a tree", "A whole history"})


def _with(part: Part, bench: Bench, drawing: drawings.Drawing, name: str) -> Part:
    """Return a part with a drawing above its text."""
    image = drawings.draw(drawing, bench.pictures / f"{name}.svg", bench.peers)
    return Part(text=f"{image}\n\n{part.text}", targets=part.targets)


def page(parts: Sequence[tuple[str, Part]], introduction: Sequence[str]) -> str:
    """Return the page: the targets of all parts, then the parts."""
    targets: list[Target] = [target for _, part in parts for target in part.targets]
    met = sum(target.met for target in targets)
    head = ["target", "promised", "measured", ""]
    text = [
        "# Benchmarks",
        *introduction,
        "## Targets",
        f"{met} of {len(targets)} targets are met.",
        table(head, [target.line for target in targets]),
    ]
    for title, part in parts:
        text += [f"## {title}", part.text]
    return "\n\n".join(text) + "\n"


def _conditions(files: Sequence[Path], *, real: bool, peers: Environment) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in sorted(peers.versions.items()))
    others = f" The other programs, in a separate environment: {versions}." if versions else ""
    return (
        f"{len(files)} {'real' if real else 'generated'} releases of the port registry, {series.format_dates(files)}; "
        f"Python {platform.python_version()}, {platform.system()} {platform.machine()}.{others}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--releases", type=int, metavar="N", help="only N releases, and small sizes elsewhere")
    arguments.add_argument("--times", type=int, default=5, help="runs of each whole process")
    arguments.add_argument(
        "--output", type=Path, default=ROOT / "docs" / "benchmarks.md", help="drawings are written beside it"
    )
    arguments.add_argument(
        "--only",
        action="append",
        metavar="TITLE",
        help="only the parts whose titles begin with TITLE; the others stay as they are on the page",
    )
    given = arguments.parse_args()
    given.output.parent.mkdir(parents=True, exist_ok=True)
    chosen = [part for part in PARTS if not given.only or part[0].startswith(tuple(given.only))]
    needs_peers = not {title for title, _ in chosen} <= _WITHOUT_PEERS
    peers = environment.build() if needs_peers else Environment(folder=environment.FOLDER, versions={})
    with tempfile.TemporaryDirectory(prefix="watcher-bench-") as name:
        folder = Path(name)
        files, real = series.write_releases(folder / "releases", most=given.releases)
        bench = Bench(
            files=files,
            folder=folder,
            peers=peers,
            times=given.times,
            pictures=given.output.resolve().parent,
            quick=given.releases is not None,
        )
        measured = []
        for title, measure in chosen:
            print(f"{title} … ", end="", file=sys.stderr, flush=True)
            started = time.monotonic()
            measured.append((title, measure(bench)))
            print(f"{time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    conditions = _conditions(files, real=real, peers=peers)
    if given.only and given.output.exists():
        text = merge_page(given.output.read_text(encoding="utf-8"), measured, conditions)
    else:
        text = page(measured, (_INTRODUCTION, conditions))
    # Error messages name files in the temporary folder, which no longer exists.
    text = text.replace(f"{folder}/", "")
    given.output.write_text(text, encoding="utf-8")
    print(f"written to {given.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
