"""Whole processes: what a person waits for at the command line, beside polars on the same two releases."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import pairs
from bench.answers import Pair, telling
from bench.environment import Environment
from bench.measuring import WATCHER, Cost, Part, Target, alone, in_turns, megabytes, table
from watcher.render import text
from watcher.reports.diff import compare_releases
from watcher.store.store import Store

_HELP = "`watcher --help`"
_NEAR = "`watcher diff ports OLD NEW`, consecutive"
_FAR = "`watcher diff ports OLD NEW`, first and last"
_ASKED = {
    "`watcher history --port 443`": ["history", "--port", "443"],
    "`watcher show ports --port 443`": ["show", "ports", "--port", "443"],
    "`watcher status`": ["status"],
}


def measure(
    files: Sequence[Path], store: Path, folder: Path, peers: Environment, times: int
) -> tuple[Part, dict[str, float], dict[str, str]]:
    """Return the part; and by name, for a plot, seconds on the clock and what is to say of an answer.

    `store` has a history of all files.
    """
    pair = telling(list(files))
    compared, spent, remarks = pairs.compare(pair, store, folder, peers, times)
    asked = _asked(files, pair, store, folder, peers, times)
    polars = asked.get(pairs.POLARS)
    printing = _printing(store, files, times)
    names = [_NEAR, *_ASKED]
    targets = [
        Target(
            what=f"{name}: wall time, beside polars",
            measured=asked[name].wall / polars.wall if polars and not polars.failed else None,
            limit=1,
        )
        for name in names
    ]
    targets += [
        Target(
            what=f"{_HELP}: wall time, beside polars",
            measured=asked[_HELP].wall / polars.wall if polars and not polars.failed else None,
            limit=0.5,
        ),
        Target(
            what="`watcher diff` of the first and the last release, less its printing: wall time, beside a near pair",
            measured=(asked[_FAR].wall - printing) / asked[_NEAR].wall,
            limit=2,
        ),
    ]
    # The pair from the store stands in both tables; polars was run for both.
    walls = {name: each.wall for name, each in {**asked, **spent}.items() if not each.failed and name != pairs.OURS}
    head = ["", "wall s", "CPU s", "peak MB", "wall, polars = 1"]
    lines = [
        [name, each.wall, each.cpu, megabytes(each.memory), each.wall / polars.wall if polars else None]
        for name, each in asked.items()
    ]
    return (
        Part(
            text=(
                "### From the store\n\nRun in turns with polars, which is given the CSVs of the consecutive pair "
                "ready-made and prints three numbers. Printing the first and the last takes "
                f"{printing * 1000:.0f} ms of CPU, measured in a process of its own, in which the difference was "
                "computed before: the median of as many runs.\n\n"
                f"{table(head, lines)}\n\n### The same two releases, by everything else\n\n{compared}"
            ),
            targets=targets,
        ),
        walls,
        remarks,
    )


def _asked(
    files: Sequence[Path], pair: Pair, store: Path, folder: Path, peers: Environment, times: int
) -> dict[str, Cost]:
    watcher = [*WATCHER, "--config", str(store / "config.toml")]
    commands: dict[str, Sequence[str]] = {
        _HELP: [*WATCHER, "--help"],
        _NEAR: [*watcher, "diff", "ports", pair.old.stem, pair.new.stem],
        _FAR: [*watcher, "diff", "ports", files[0].stem, files[-1].stem],
        **{name: [*watcher, *words] for name, words in _ASKED.items()},
    }
    if peers.has("polars"):
        csvs = [folder / "pair" / "csv" / f"{path.stem}.csv" for path in (pair.old, pair.new)]
        commands[pairs.POLARS] = peers.program("with_polars", *csvs)
    return in_turns(commands, folder, times)


def _printing(store: Path, files: Sequence[Path], times: int) -> float:
    """Seconds of CPU that printing the far pair takes: in new processes, so that nothing is warm."""
    found = [alone("bench.processes", store / "history.db", files[0].stem, files[-1].stem) for _ in range(times)]
    return statistics.median(float(each["print"]) for each in found if isinstance(each, dict))


def main(store: str, old: str, new: str) -> None:
    """Compare two releases of a store, print them into the void, and say what the second took."""
    with Store(Path(store), create=False) as opened:
        comparison = compare_releases(opened.history, {}, "ports", old, new)
        started = time.process_time()
        text.render_comparison(comparison, all=False, width=None, colour=False)
        print(json.dumps({"print": time.process_time() - started}))


if __name__ == "__main__":
    main(*sys.argv[1:])
