"""Compare two files of other kinds than port releases: registry groups, tables with a declared key, JSON."""

from __future__ import annotations

import csv
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.environment import PROGRAMS, Environment
from bench.measuring import WATCHER, Part, Target, in_turns, megabytes, table

_WORDS = ("alpha", "bravo", "carrier", "delta", "echo", "forum", "gateway", "harbour", "island", "junction")
_GROUP = """<?xml version='1.0' encoding='UTF-8'?>
<registry xmlns="http://www.iana.org/assignments" id="toy-parameters">
  <title>Toy Parameters</title><updated>{date}</updated>
  <registry id="toy-1"><title>Toy Values</title>
{records}  </registry>
</registry>
"""
_RECORD = """    <record date="2020-01-01">
      <value>{number}</value>
      <description>{text}</description>
      <xref type="rfc" data="rfc{rfc}"/>
    </record>
"""
Pair = Sequence[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """Two files to compare, and a program that does the least that a comparison needs."""

    name: str
    files: Pair
    options: Sequence[str]
    peer: str
    command: Sequence[str]
    limit: float


def measure(folder: Path, peers: Environment, times: int, *, scale: float = 1.0) -> Part:
    """Compare files of each kind in turns with a peer. `scale` makes the generated files smaller."""
    folder.mkdir()
    tasks = [*_list_tasks(folder, peers, scale)]
    lines: list[list[object]] = []
    targets = []
    for task in tasks:
        ours = [*WATCHER, "diff", *map(str, task.files), *task.options]
        spent = in_turns({"ours": ours, "peer": task.command}, folder, times)
        ratio = spent["ours"].cpu / spent["peer"].cpu
        size = task.files[0].stat().st_size / 1e6
        for name, cost in ((f"`watcher diff`: {task.name}, {size:.2f} MB", spent["ours"]), (task.peer, spent["peer"])):
            lines.append([name, cost.wall, cost.cpu, megabytes(cost.memory), cost.cpu / spent["peer"].cpu])
        targets.append(
            Target(
                what=f"`watcher diff` of {task.name}: CPU, relative to {task.peer}", measured=ratio, limit=task.limit
            )
        )
    missing = "" if peers.has("csv-diff") else " The tables were not compared: csv-diff is not installed."
    return Part(
        text="Generated files. Each of our lines is followed by a program that does the least that the task needs, "
        "run in turns."
        f"{missing}\n\n" + table(["", "wall s", "CPU s", "peak MB", "CPU, the other = 1"], lines),
        targets=targets,
    )


def _list_tasks(folder: Path, peers: Environment, scale: float) -> Iterator[_Task]:
    group = _write_group(folder)
    yield _Task(
        name="two registry groups",
        files=group,
        options=(),
        peer="a script: argparse and lxml",
        command=[sys.executable, str(PROGRAMS / "group_script.py"), *map(str, group)],
        limit=2.2,
    )
    for rows, changed in ((39_000, 30), (1_000_000, 1000)):
        if peers.has("csv-diff"):
            number = max(int(rows * scale), 100)
            pair = _write_tables(folder / f"{rows}", number, min(changed, number // 10))
            yield _Task(
                name=f"a table of {number:,} rows with a declared key",
                files=pair,
                options=("--key", "code"),
                peer="csv-diff",
                command=peers.command("csv-diff", *pair, "--key", "code", "--format", "csv"),
                limit=3,
            )
    lists = _write_lists(folder, max(int(120_000 * scale), 100))
    yield _Task(
        name="two lists of objects in JSON",
        files=lists,
        options=("--key", "id"),
        peer="a script: json and two dictionaries",
        command=[sys.executable, str(PROGRAMS / "json_dicts.py"), *map(str, lists)],
        limit=5,
    )


def _write_group(folder: Path) -> Pair:
    chance = random.Random(19)  # noqa: S311 - no secret
    records = [{"number": number, "text": _text(chance, 4), "rfc": 3000 + number} for number in range(110)]
    paths = []
    for date in ("2020-01-01", "2020-02-01"):
        paths.append(folder / f"toy-{date}.xml")
        paths[-1].write_text(_GROUP.format(date=date, records="".join(_RECORD.format(**record) for record in records)))
        records[7]["text"] = _text(chance, 4)
        records.append({"number": len(records), "text": _text(chance, 4), "rfc": 9999})
    return paths


def _write_tables(folder: Path, number: int, changed: int) -> Pair:
    chance = random.Random(number)  # noqa: S311 - no secret
    rows = [["MA-L", f"{code:06X}", _text(chance, 3).title(), _text(chance, 8)] for code in range(number)]

    def write(path: Path) -> Path:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([["Registry", "code", "Organization Name", "Address"], *rows])
        return path

    return _write_pair(folder, "csv", rows, write, lambda row: row.__setitem__(3, _text(chance, 7)), changed)


def _write_lists(folder: Path, number: int) -> Pair:
    chance = random.Random(100)  # noqa: S311 - no secret
    rows = [
        {"id": f"k{place}", "name": _text(chance, 2), "score": chance.random(), "text": _text(chance, 90)}
        for place in range(number)
    ]

    def write(path: Path) -> Path:
        path.write_text(json.dumps({"catalog": "toy", "items": rows}), encoding="utf-8")
        return path

    return _write_pair(folder / "lists", "json", rows, write, lambda row: row.update(text=_text(chance, 20)), 100)


def _write_pair(
    folder: Path,
    suffix: str,
    rows: list[Any],
    write: Callable[[Path], Path],
    change: Callable[[Any], object],
    changed: int,
) -> Pair:
    """Write the rows, change and remove some, and write them again."""
    chance = random.Random(changed)  # noqa: S311 - no secret
    folder.mkdir()
    old = write(folder / f"old.{suffix}")
    for row in chance.sample(rows, min(changed, len(rows))):
        change(row)
    del rows[3:5]
    return old, write(folder / f"new.{suffix}")


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))
