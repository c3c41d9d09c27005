"""Import years of releases with `watcher import`, with programs that store less, and with git-history."""

from __future__ import annotations

import csv
import sqlite3
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.answers import compare_rows
from bench.environment import Environment
from bench.layouts import KEY, write_csv
from bench.measuring import WATCHER, Cost, Part, Target, cost, megabytes, table
from bench.series import format_dates, make_repository

PATIENCE = 1800.0
CONFIG = """[[source]]
name = "ports"
format = "{format}"
url = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.{format}"
"""
OURS = "`watcher import`: archive, exact history, contacts, events, full text"
OURS_OF_CSV = "`watcher import` of the CSVs: the same without contacts, which a CSV does not have"
_SKETCH = "a chunk sketch without that check: changed records as versions in SQLite, nothing else"
_PROVEN = "a chunk sketch that refuses XML that is not well-formed, such as a truncated file"
_NAIVE = "a script: ElementTree, compares by key, stores nothing"
_DUCKDB = "DuckDB: every row of every release"
_GIT_HISTORY = "git-history, of the CSVs"
_GIT_HISTORY_XML = "git-history, of the XML, with a conversion to rows"
# Its option --convert: the columns of IANA's CSV that a record has in the XML.
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
_HEAD = ("", "given", "CPU s", "wall s", "peak MB", "database MB", "CPU, `watcher import` = 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """The cost of an import, the size of its result in MB, and a remark."""

    spent: Cost
    given: str = "XML"
    ours: float = 0.0  # CPU seconds of our import of the same files, measured before and after
    size: float = 0.0
    remark: str = ""


def measure(files: Sequence[Path], store: Path, folder: Path, peers: Environment, patience: float = PATIENCE) -> Part:
    """Import all files into `store`, which stays, and with the other programs; git-history may take `patience` s."""
    csvs = write_csv(files, folder / "csvs")
    ours = _Ours(files, csvs, store, folder)
    ours.run()
    small: dict[str, Callable[[], _Run]] = {
        _PROVEN: lambda: _into(
            lambda where: peers.program("chunk_sketch", where, "--prove", *files), folder / "proven"
        ),
        _SKETCH: lambda: _into(lambda where: peers.program("chunk_sketch", where, *files), folder / "sketch"),
        _NAIVE: lambda: _Run(spent=cost(peers.program("with_xml", *files), folder)),
    }
    if peers.has("duckdb"):
        small[_DUCKDB] = lambda: replace(
            _into(lambda place: peers.program("duckdb_snapshots", place, *csvs), folder / "duckdb"), given="CSV"
        )
    runs = ours.beside(small)
    if peers.has("git-history"):
        runs |= ours.beside({_GIT_HISTORY: lambda: _git_history(csvs, folder, peers, patience)})
        runs |= ours.beside({_GIT_HISTORY_XML: lambda: _git_history_xml(files, folder, peers, patience)})
    targets = [
        Target(
            what=f"Import: CPU of {_GIT_HISTORY}, relative to `watcher import` of the same files",
            measured=_ratio(runs[_GIT_HISTORY]) if _GIT_HISTORY in runs else None,
            limit=25,
            least=True,
        ),
        Target(
            what=f"Import: CPU of `watcher import`, relative to {_PROVEN}",
            measured=1 / ratio if (ratio := _ratio(runs[_PROVEN])) else None,
            limit=2,
        ),
    ]
    remarks = "\n".join(f"- {name}: {run.remark}" for name, run in runs.items() if run.remark)
    return Part(
        text=(
            f"{len(files)} releases, {format_dates(files)}, as XML, and as CSVs that were written from it before. "
            "git-history reads the commits of a repository. A machine is not equally fast at all times, so our import "
            "runs before and after each long program, and the ratio is to the mean of the two. Our figures are "
            f"medians of {len(ours.spent['XML'])} runs.\n\n{table(_HEAD, _lines(ours.shown() | runs))}\n\n{remarks}"
        ),
        targets=targets,
    )


class _Ours:
    """Our imports of the same releases, run between those of the others. The first store stays."""

    def __init__(self, files: Sequence[Path], csvs: Sequence[Path], store: Path, folder: Path) -> None:
        self.spent: dict[str, list[_Run]] = {"XML": [], "CSV": []}
        self._files = {"XML": files, "CSV": csvs}
        self._store = store
        self._folder = folder

    def run(self) -> None:
        for given, files in self._files.items():
            number = len(self.spent[given])
            place = self._store if given == "XML" and not number else self._folder / f"ours-{given}-{number}"
            self.spent[given].append(into_store(files, place, given))

    def beside(self, others: Mapping[str, Callable[[], _Run]]) -> dict[str, _Run]:
        """Run some others, then ours again; the results have the mean CPU of ours before and after."""
        runs = {name: run() for name, run in others.items()}
        self.run()
        return {
            name: replace(run, ours=statistics.mean(own.spent.cpu for own in self.spent[run.given][-2:]))
            for name, run in runs.items()
        }

    def shown(self) -> dict[str, _Run]:
        return {name: self._median(given) for name, given in ((OURS, "XML"), (OURS_OF_CSV, "CSV"))}

    def _median(self, given: str) -> _Run:
        runs = self.spent[given]
        cpu, wall = (statistics.median(getattr(run.spent, name) for run in runs) for name in ("cpu", "wall"))
        return replace(runs[0], spent=replace(runs[0].spent, cpu=cpu, wall=wall), ours=cpu)


def into_store(files: Sequence[Path], store: Path, given: str = "XML") -> _Run:
    """Import releases in one process into a new folder with its configuration and history."""
    store.mkdir()
    (store / "config.toml").write_text(CONFIG.format(format=given.lower()))
    spent = cost([*WATCHER, "import", "ports", *map(str, files)], store)
    return _Run(spent=spent, given=given, size=_size(store / "history.db"))


def _into(command: Callable[[Path], Sequence[str]], place: Path) -> _Run:
    spent = cost(command(place), place.parent, strict=False)
    return _Run(spent=spent, size=_size(place), remark=f"failed: {spent.failed}" if spent.failed else "")


def _git_history(csvs: Sequence[Path], folder: Path, peers: Environment, patience: float) -> _Run:
    """Run git-history on a repository of CSVs, with the two options without which it fails."""
    every = make_repository(csvs, "ports.csv", folder / "csv-repository")
    one = make_repository(csvs[:1], "ports.csv", folder / "one-csv-repository")
    place = folder / "git-history.db"

    def run(where: Path, into: Path, *options: str) -> Cost:
        command = peers.command("git-history", "file", into, "ports.csv", "--repo", where, "--silent", *_ids(KEY))
        return cost([*command, *options], folder, patience=patience, strict=False)

    plain = run(one, folder / "plain.db", "--csv")
    repeats = run(one, folder / "repeats.db", "--dialect", "excel")
    spent = run(every, place, "--dialect", "excel", "--ignore-duplicate-ids")
    if spent.failed:
        return _Run(spent=spent, given="CSV", remark=f"failed: {spent.failed[:160]}")
    remarks = [
        f"with the CSV dialect that it detects it fails: {plain.failed[:120]};" if plain.failed else "",
        "it stops at a duplicate key, unless an option lets it keep one of the rows;" if repeats.failed else "",
        _lost(csvs, place),
    ]
    return _Run(spent=spent, given="CSV", size=_size(place), remark=" ".join(filter(None, remarks)))


def _git_history_xml(files: Sequence[Path], folder: Path, peers: Environment, patience: float) -> _Run:
    """Run git-history on a repository of the XML documents."""
    every = make_repository(files, "ports.xml", folder / "xml-repository")
    place = folder / "git-history-xml.db"
    command = peers.command("git-history", "file", place, "ports.xml", "--repo", every, "--silent")
    rows = ("--import", "xml.etree.ElementTree", "--convert", _CONVERT, "--ignore-duplicate-ids")
    spent = cost([*command, *rows, *_ids(("name", "number", "protocol"))], folder, patience=patience, strict=False)
    return _Run(spent=spent, size=_size(place), remark=f"failed: {spent.failed[:160]}" if spent.failed else "")


def _ids(key: Sequence[str]) -> list[str]:
    return [word for name in key for word in ("--id", name)]


def _lost(csvs: Sequence[Path], place: Path) -> str:
    """Return a sentence about the changes that the history of git-history does not have."""
    changed = removed = 0
    old: list[list[str]] = []
    keys: list[set[tuple[str, ...]]] = []
    for number, path in enumerate(csvs):
        with path.open(newline="", encoding="utf-8") as file:
            new = list(csv.reader(file))[1:]
        if number:
            counts = compare_rows(old, new)
            changed, removed = changed + sum(counts), removed + counts.removed
        keys.append({tuple(row[: len(KEY)]) for row in new})
        old = new
    missing = len(old) - len(keys[-1])
    ended = len(set().union(*keys) - keys[-1])
    with sqlite3.connect(place) as database:
        items = database.execute("SELECT count(*) FROM item").fetchone()[0]
        versions = database.execute("SELECT count(*) FROM item_version").fetchone()[0]
    return (
        f"of {changed} rows that were added, removed or changed, {versions - len(keys[0])} became a version; "
        f"{removed} were removed: {ended} of its {items} items are not in the newest release and look as if they were. "
        f"It has one row for each key, {missing} fewer than the release has"
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
            _ratio(run),
        ]
        for name, run in runs.items()
    ]


def _ratio(run: _Run) -> float | None:
    """Return the CPU of a run relative to ours of the same files."""
    return None if run.spent.failed else run.spent.cpu / run.ours


def _size(place: Path) -> float:
    return sum(path.stat().st_size for path in place.parent.glob(f"{place.name}*")) / 1e6
