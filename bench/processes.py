"""Measure whole commands: how long a person waits, compared with polars on the same two releases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench import pairs
from bench.answers import Pair, choose_pair
from bench.environment import Environment
from bench.measuring import WATCHER, Cost, Part, Target, in_turns, megabytes, table

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
    targets = _list_targets(costs, spent)
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
                "prints three numbers.\n\n"
                f"{table(head, lines)}\n\n### The same two releases, compared by other programs\n\n{compared}"
            ),
            targets=targets,
        ),
        walls,
        remarks,
    )


def _list_targets(costs: Mapping[str, Cost], spent: Mapping[str, Cost]) -> list[Target]:
    """Return the promises; `costs` are those from the store, `spent` those of two files."""
    polars = costs.get(pairs.POLARS)
    names = [_NEAR, _FAR, *_QUERIES]
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
