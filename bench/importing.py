"""Years of releases taken in at once: `watcher import`, beside what keeps less, and beside git-history."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.answers import by_rows
from bench.environment import Environment
from bench.layouts import KEY, lay_csv, rows
from bench.measuring import WATCHER, Cost, Part, Target, cost, megabytes, table
from bench.series import dates, repository

PATIENCE = 1800.0
CONFIG = """[[source]]
name = "ports"
format = "{format}"
url = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.{format}"
"""
OURS = "`watcher import`: archive, exact history, contacts, events, full text"
OURS_OF_CSV = "`watcher import`, of the CSVs: the same, but for the contacts, which no CSV has"
_SKETCH = "a chunk sketch that does not: changed records as versions in SQLite, and nothing else"
_PROVEN = "a chunk sketch that refuses what is not well-formed: a file that was cut off"
_NAIVE = "a script: ElementTree, compare by key, keep nothing"
_DUCKDB = "DuckDB: every row of every release"
_GIT_HISTORY = "git-history, of the CSVs"
_GIT_HISTORY_XML = "git-history, of the XML, told what makes rows of it"
# What its --convert is for: the columns of IANA's CSV that a record has in the XML.
_CONVERT = """
space = "{http://www.iana.org/assignments}"
return [
    {
        **{name: record.findtext(space + name) or "" for name in ("name", "number", "protocol", "description")},
        "references": " ".join(x.get("data", "") for x in record.iter(space + "xref")),
        "notes": " ".join("".join(x.itertext()) for x in record.iter(space + "note")),
        **record.attrib,
    }
    for record in xml.etree.ElementTree.fromstring(content).iter(space + "record")
]
"""
_HEAD = ("", "given", "CPU s", "wall s", "peak MB", "database MB", "CPU, ours of the same = 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What importing cost, how large it became, and what there is to say of it."""

    spent: Cost
    given: str = "XML"
    size: float = 0.0
    remark: str = ""


def measure(files: Sequence[Path], store: Path, folder: Path, peers: Environment, patience: float = PATIENCE) -> Part:
    """Import everything into `store`, which stays, and by everybody else: git-history has `patience` in seconds."""
    csvs = lay_csv(files, folder / "csvs")
    runs = {
        OURS: into_store(files, store),
        OURS_OF_CSV: into_store(csvs, folder / "of-csv", "csv"),
        _PROVEN: _into(lambda where: peers.program("chunk_sketch", where, "--prove", *files), folder / "proven.db"),
        _SKETCH: _into(lambda where: peers.program("chunk_sketch", where, *files), folder / "sketch.db"),
        _NAIVE: _Run(spent=cost(peers.program("with_xml", *files), folder)),
    }
    if peers.has("duckdb"):
        duckdb = _into(lambda place: peers.program("duckdb_snapshots", place, *csvs), folder / "duckdb.db")
        runs[_DUCKDB] = replace(duckdb, given="CSV")
    if peers.has("git-history"):
        runs[_GIT_HISTORY] = _git_history(files, csvs, folder, peers, patience)
        runs[_GIT_HISTORY_XML] = _git_history_xml(files, folder, peers, patience)
    targets = [
        *(_of_git_history(runs, each, ours) for each, ours in ((_GIT_HISTORY_XML, OURS), (_GIT_HISTORY, OURS_OF_CSV))),
        *(_of_sketch(runs, each) for each in (_SKETCH, _PROVEN)),
    ]
    remarks = "\n".join(f"- {name}: {run.remark}" for name, run in runs.items() if run.remark)
    return Part(
        text=(
            f"{len(files)} releases, {dates(files)}, as XML and as CSVs made of it beforehand, outside of all times. "
            f"git-history is given the commits of a repository.\n\n{table(_HEAD, _lines(runs))}\n\n{remarks}"
        ),
        targets=targets,
    )


def _of_git_history(runs: dict[str, _Run], which: str, ours: str) -> Target:
    return Target(
        what=f"Import: CPU of {which}, beside `watcher import` of the same",
        measured=_ratio(runs[which], runs[ours]) if which in runs else None,
        limit=25,
        least=True,
    )


def _of_sketch(runs: dict[str, _Run], which: str) -> Target:
    return Target(
        what=f"Import: CPU of `watcher import`, beside {which}", measured=_ratio(runs[OURS], runs[which]), limit=2
    )


def into_store(files: Sequence[Path], store: Path, format: str = "xml") -> _Run:  # noqa: A002 - the config's word
    """Import releases as one process into a folder with a configuration and a history of its own."""
    store.mkdir()
    (store / "config.toml").write_text(CONFIG.format(format=format))
    spent = cost([*WATCHER, "import", "ports", *map(str, files)], store)
    return _Run(spent=spent, given=format.upper(), size=_size(store / "history.db"))


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
        command = peers.command("git-history", "file", into, "ports.csv", "--repo", where, "--silent", *_ids(KEY))
        return cost([*command, *options], folder, patience=patience, strict=False)

    plain = run(one, folder / "plain.db", "--csv")
    repeats = run(one, folder / "repeats.db", "--dialect", "excel")
    spent = run(every, place, "--dialect", "excel", "--ignore-duplicate-ids")
    if spent.failed:
        return _Run(spent=spent, given="CSV", remark=f"failed: {spent.failed[:160]}")
    said = [
        f"with the CSV dialect that it finds itself it fails: {plain.failed[:120]};" if plain.failed else "",
        "where a key stands twice it stops, unless told to keep one of the rows;" if repeats.failed else "",
        _lost(files, place),
    ]
    return _Run(spent=spent, given="CSV", size=_size(place), remark=" ".join(filter(None, said)))


def _git_history_xml(files: Sequence[Path], folder: Path, peers: Environment, patience: float) -> _Run:
    """Give git-history what we are given: the documents."""
    every = repository(files, "ports.xml", folder / "xml-repository")
    place = folder / "git-history-xml.db"
    command = peers.command("git-history", "file", place, "ports.xml", "--repo", every, "--silent")
    rows = ("--import", "xml.etree.ElementTree", "--convert", _CONVERT, "--ignore-duplicate-ids")
    spent = cost([*command, *rows, *_ids(("name", "number", "protocol"))], folder, patience=patience, strict=False)
    return _Run(spent=spent, size=_size(place), remark=f"failed: {spent.failed[:160]}" if spent.failed else "")


def _ids(key: Sequence[str]) -> list[str]:
    return [word for name in key for word in ("--id", name)]


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
            run.given,
            run.spent.cpu if not run.spent.failed else None,
            run.spent.wall if not run.spent.failed else None,
            megabytes(run.spent.memory),
            f"{run.size:.1f}" if run.size else None,
            _ratio(run, runs[OURS if run.given == "XML" else OURS_OF_CSV]),
        ]
        for name, run in runs.items()
    ]


def _ratio(run: _Run, other: _Run) -> float | None:
    return None if run.spent.failed or other.spent.failed else run.spent.cpu / other.spent.cpu


def _size(place: Path) -> float:
    return sum(path.stat().st_size for path in place.parent.glob(f"{place.name}*")) / 1e6
