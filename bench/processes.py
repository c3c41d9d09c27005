"""Measure whole commands: how long a person waits, compared with polars on the same two releases."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import pairs
from bench.answers import Pair, choose_pair
from bench.environment import Environment
from bench.measuring import WATCHER, Cost, Part, Target, in_turns, megabytes, run_module, table
from watcher.render import text
from watcher.reports.release_diff import compare_releases
from watcher.store.store import Store

_HELP = "`watcher --help`"
_NEAR = "`watcher diff ports OLD NEW`, consecutive"
_FAR = "`watcher diff ports OLD NEW`, first and last"
_QUERIES = {
    "`watcher history --port 443`": ["history", "--port", "443"],
    "`watcher show ports --port 443`": ["show", "ports", "--port", "443"],
    "`watcher status`": ["status"],
}


def measure(
    files: Sequence[Path], store: Path, folder: Path, peers: Environment, times: int
) -> tuple[Part, dict[str, float], dict[str, str]]:
    """Return the part, and for a plot the wall times and the remarks on answers, both by name.

    `store` has a history of all files.
    """
    pair = choose_pair(list(files))
    compared, spent, remarks = pairs.compare(pair, store, folder, peers, times)
    costs = _measure(files, pair, store, folder, peers, times)
    polars = costs.get(pairs.POLARS)
    printing = _printing(store, files, times)
    targets = _list_targets(costs, spent, printing)
    # The diff from the store is in both tables, and polars was run for both.
    walls = {name: cost.wall for name, cost in {**costs, **spent}.items() if not cost.failed and name != pairs.OURS}
    head = ["", "wall s", "CPU s", "peak MB", "wall, polars = 1"]
    lines = [
        [name, cost.wall, cost.cpu, megabytes(cost.memory), cost.wall / polars.wall if polars else None]
        for name, cost in costs.items()
    ]
    return (
        Part(
            text=(
                "### From the store\n\nRun in turns with polars, which gets the CSVs of the consecutive pair and "
                "prints three numbers. Printing the difference of the first and the last release takes "
                f"{printing * 1000:.0f} ms of CPU: the median of separate processes that computed the difference "
                "before.\n\n"
                f"{table(head, lines)}\n\n### The same two releases, compared by other programs\n\n{compared}"
            ),
            targets=targets,
        ),
        walls,
        remarks,
    )


def _list_targets(costs: Mapping[str, Cost], spent: Mapping[str, Cost], printing: float) -> list[Target]:
    """Return the promises; `costs` are those from the store, `spent` those of two files, `printing` CPU seconds."""
    polars = costs.get(pairs.POLARS)
    names = [_NEAR, *_QUERIES]
    targets = [
        Target(
            what=f"{name}: wall time, relative to polars",
            measured=costs[name].wall / polars.wall if polars and not polars.failed else None,
            limit=1,
        )
        for name in names
    ]
    targets += [
        Target(
            what=f"{_HELP}: wall time, relative to polars",
            measured=costs[_HELP].wall / polars.wall if polars and not polars.failed else None,
            limit=0.5,
        ),
        Target(
            what="`watcher diff` of the first and the last release without printing: wall time, relative "
            "to a consecutive pair",
            measured=(costs[_FAR].wall - printing) / costs[_NEAR].wall,
            limit=2,
        ),
    ]
    targets += [
        Target(
            what=f"{ours}: CPU, relative to {peer}",
            measured=spent[ours].cpu / spent[peer].cpu if peer in spent and not spent[peer].failed else None,
            limit=limit,
        )
        for ours, peer, limit in pairs.FILE_TARGETS
    ]
    return targets


def _measure(
    files: Sequence[Path], pair: Pair, store: Path, folder: Path, peers: Environment, times: int
) -> dict[str, Cost]:
    watcher = [*WATCHER, "--config", str(store / "config.toml")]
    commands: dict[str, Sequence[str]] = {
        _HELP: [*WATCHER, "--help"],
        _NEAR: [*watcher, "diff", "ports", pair.old.stem, pair.new.stem],
        _FAR: [*watcher, "diff", "ports", files[0].stem, files[-1].stem],
        **{name: [*watcher, *words] for name, words in _QUERIES.items()},
    }
    if peers.has("polars"):
        csvs = [folder / "pair" / "csv" / f"{path.stem}.csv" for path in (pair.old, pair.new)]
        commands[pairs.POLARS] = peers.program("with_polars", *csvs)
    return in_turns(commands, folder, times)


def _printing(store: Path, files: Sequence[Path], times: int) -> float:
    """Return the CPU seconds that printing the distant pair takes, in new processes, so that nothing is cached."""
    runs = [run_module("bench.processes", store / "history.db", files[0].stem, files[-1].stem) for _ in range(times)]
    return statistics.median(float(run["print"]) for run in runs if isinstance(run, dict))


def main(store: str, old: str, new: str) -> None:
    """Compare two releases of a store and render the result; print the CPU seconds of rendering."""
    with Store(Path(store), create=False) as opened:
        comparison = compare_releases(opened.history, {}, "ports", old, new)
        started = time.process_time()
        text.render_comparison(comparison, all=False, width=None, colour=False)
        print(json.dumps({"print": time.process_time() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
