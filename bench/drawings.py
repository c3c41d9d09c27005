"""Describe the drawings of the figures; bench/plots.py draws them in the environment that has matplotlib."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.environment import Environment

_PROGRAM = Path(__file__).parent / "plots.py"
Drawing = dict[str, Any]


def by_records(measured: Sequence[Mapping[str, Any]]) -> Drawing:
    """Describe how the cost of an ingest grows with the records."""
    formats = sorted({size["format"] for size in measured}, reverse=True)
    by_format = {name: [size for size in measured if size["format"] == name] for name in formats}

    def line(name: str, file_format: str, column: str, scale: Callable[[int], float] = lambda _: 1) -> Drawing:
        sizes = [size["records"] for size in by_format[file_format]]
        return {
            "name": name,
            "x": sizes,
            "y": [size[column] * scale(size["records"]) for size in by_format[file_format]],
        }

    steps = [(step, file_format) for file_format in formats for step in ("first", "next")]
    return {
        "kind": "lines",
        "panels": [
            {
                "title": "Ingest of a release",
                "x": "records",
                "y": "seconds of CPU",
                "lines": [line(f"{file_format}, {step}", file_format, step) for step, file_format in steps],
            },
            {
                "title": "The same per record",
                "x": "records",
                "y": "microseconds of CPU per record",
                "lines": [
                    line(f"{file_format}, {step}", file_format, step, lambda size: 1e6 / size)
                    for step, file_format in steps
                ],
            },
            {
                "title": "Memory of the ingest of both releases",
                "x": "records",
                "y": "peak resident memory, MB",
                "lines": [line(file_format, file_format, "peak") for file_format in formats],
            },
        ],
    }


def by_releases(measured: Sequence[Mapping[str, Any]]) -> Drawing:
    """Describe how an ingest and a query grow with the releases."""

    def line(name: str, column: str) -> Drawing:
        return {"name": name, "x": [size["releases"] for size in measured], "y": [size[column] for size in measured]}

    return {
        "kind": "lines",
        "panels": [
            {
                "title": "Ingest of the next release",
                "x": "releases in the history",
                "y": "milliseconds of CPU",
                "lines": [line("a new process", "cold"), line("the same process", "warm")],
            },
            {
                "title": "Query for a port",
                "x": "releases in the history",
                "y": "milliseconds",
                "lines": [line("its events", "history"), line("its states", "versions")],
            },
        ],
    }


def processes(walls: Mapping[str, float], remarks: Mapping[str, str]) -> Drawing:
    """Describe how long whole processes take."""
    return {
        "kind": "bars",
        "title": "Whole processes: the watcher from its store, others on the same two releases",
        "x": "seconds of wall time",
        "bars": [
            {
                "name": name.replace("`", ""),
                "value": wall,
                "ours": name.startswith("`watcher"),
                "remark": remarks.get(name, ""),
            }
            for name, wall in walls.items()
        ],
    }


def draw(drawing: Drawing, output: Path, peers: Environment) -> str:
    """Write a drawing and return the Markdown that shows it, or a sentence if it cannot be drawn."""
    if not peers.has("matplotlib"):
        return "Not drawn: matplotlib could not be installed."
    text = json.dumps({**drawing, "output": str(output)})
    done = subprocess.run([peers.python, str(_PROGRAM)], input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return "Not drawn: matplotlib failed."
    return f"![{output.stem.replace('-', ' ')}]({output.name})"
