"""Years of releases taken in at once: `watcher import`, beside what keeps less, and beside git-history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.answers import by_rows
from bench.environment import Environment
from bench.layouts import KEY, lay_csv, rows
from bench.measuring import WATCHER, Cost, Part, Target, cost, megabytes, table
from bench.series import dates, repository

PATIENCE = 1800.0
CONFIG = """[[source]]
name = "ports"
url = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml"
"""
OURS = "`watcher import`: archive, exact history, contacts, events, full text"
_SKETCH = "a chunk sketch that does not: changed records as versions in SQLite, and nothing else"
_PROVEN = "a chunk sketch that refuses what is not well-formed: a file that was cut off"
_NAIVE = "a script: ElementTree, compare by key, keep nothing"
_DUCKDB = "DuckDB: every row of every release"
_GIT_HISTORY = "git-history"
_HEAD = ("", "CPU s", "wall s", "peak MB", "database MB", "CPU, ours = 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What importing cost, how large it became, and what there is to say of it."""

    spent: Cost
    size: float = 0.0
    remark: str = ""


def measure(files: Sequence[Path], store: Path, folder: Path, peers: Environment, patience: float = PATIENCE) -> Part:
    """Import everything into `store`, which stays, and by everybody else: git-history has `patience` in seconds."""
    csvs = lay_csv(files, folder / "csvs")
    runs = {
        OURS: into_store(files, store),
        _PROVEN: _into(lambda where: peers.program("chunk_sketch", where, "--prove", *files), folder / "proven.db"),
        _SKETCH: _into(lambda where: peers.program("chunk_sketch", where, *files), folder / "sketch.db"),
        _NAIVE: _Run(spent=cost(peers.program("with_xml", *files), folder)),
    }
    if peers.has("duckdb"):
        runs[_DUCKDB] = _into(lambda place: peers.program("duckdb_snapshots", place, *csvs), folder / "duckdb.db")
    if peers.has("git-history"):
        runs[_GIT_HISTORY] = _git_history(files, csvs, folder, peers, patience)
    theirs = runs.get(_GIT_HISTORY)
    targets = [
        Target(
            what="Import: CPU of git-history, beside `watcher import`",
            measured=_ratio(theirs, runs[OURS]) if theirs else None,
            limit=25,
            least=True,
        ),
        Target(
            what="Import: CPU of `watcher import`, beside a chunk sketch that refuses what is not well-formed",
            measured=_ratio(runs[OURS], runs[_PROVEN]),
            limit=2,
        ),
    ]
    remarks = "\n".join(f"- {name}: {run.remark}" for name, run in runs.items() if run.remark)
    return Part(
        text=(
            f"{len(files)} releases, {dates(files)}. git-history and DuckDB are given CSVs made beforehand, "
            f"git-history as commits of a repository.\n\n{table(_HEAD, _lines(runs))}\n\n{remarks}"
        ),
        targets=targets,
    )


def into_store(files: Sequence[Path], store: Path) -> _Run:
    """Import releases as one process into a folder with a configuration and a history of its own."""
    store.mkdir()
    (store / "config.toml").write_text(CONFIG)
    spent = cost([*WATCHER, "import", "ports", *map(str, files)], store)
    return _Run(spent=spent, size=_size(store / "history.db"))


def _into(command: Callable[[Path], Sequence[str]], place: Path) -> _Run:
    spent = cost(command(place), place.parent, strict=False)
    return _Run(spent=spent, size=_size(place), remark=f"failed: {spent.failed}" if spent.failed else "")


def _git_history(
    files: Sequence[Path], csvs: Sequence[Path], folder: Path, peers: Environment, patience: float
) -> _Run:
    """Give git-history a repository of CSVs. Without two options it does not get through: it is given them."""
    every = repository(csvs, "ports.csv", folder / "csv-repository")
    one = repository(csvs[:1], "ports.csv", folder / "one-csv-repository")
    place = folder / "git-history.db"

    def run(where: Path, into: Path, *options: str) -> Cost:
        keys = [word for name in KEY for word in ("--id", name)]
        command = peers.command("git-history", "file", into, "ports.csv", "--repo", where, "--silent", *keys)
        return cost([*command, *options], folder, patience=patience, strict=False)

    plain = run(one, folder / "plain.db", "--csv")
    repeats = run(one, folder / "repeats.db", "--dialect", "excel")
    spent = run(every, place, "--dialect", "excel", "--ignore-duplicate-ids")
    if spent.failed:
        return _Run(spent=spent, remark=f"failed: {spent.failed[:160]}")
    said = [
        f"with the CSV dialect that it finds itself it fails: {plain.failed[:120]};" if plain.failed else "",
        "where a key stands twice it stops, unless told to keep one of the rows;" if repeats.failed else "",
        _lost(files, place),
    ]
    return _Run(spent=spent, size=_size(place), remark=" ".join(filter(None, said)))


def _lost(files: Sequence[Path], place: Path) -> str:
    """What a history made by git-history does not know of what happened."""
    changed = removed = 0
    old: list[list[str]] = []
    standing: list[set[tuple[str, ...]]] = []
    for number, path in enumerate(files):
        new = list(rows(path.read_bytes()))
        if number:
            found = by_rows(old, new)
            changed, removed = changed + sum(found), removed + found.removed
        standing.append({tuple(row[: len(KEY)]) for row in new})
        old = new
    twice = len(old) - len(standing[-1])
    ended = len(set().union(*standing) - standing[-1])
    with sqlite3.connect(place) as database:
        items = database.execute("SELECT count(*) FROM item").fetchone()[0]
        versions = database.execute("SELECT count(*) FROM item_version").fetchone()[0]
    return (
        f"of {changed} rows that were added, removed or changed, {versions - len(standing[0])} became a version; "
        f"{removed} were removed: {ended} of its {items} items are in the newest release no more and stand as ever. It "
        f"has one row for each key, {twice} fewer than there are"
    )


def _lines(runs: dict[str, _Run]) -> list[list[object]]:
    return [
        [
            name,
            run.spent.cpu if not run.spent.failed else None,
            run.spent.wall if not run.spent.failed else None,
            megabytes(run.spent.memory),
            f"{run.size:.1f}" if run.size else None,
            _ratio(run, runs[OURS]),
        ]
        for name, run in runs.items()
    ]


def _ratio(run: _Run, other: _Run) -> float | None:
    return None if run.spent.failed or other.spent.failed else run.spent.cpu / other.spent.cpu


def _size(place: Path) -> float:
    return sum(path.stat().st_size for path in place.parent.glob(f"{place.name}*")) / 1e6
