"""What is drawn of what was measured; bench/plots.py draws it, in the environment that has matplotlib."""

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


def by_records(found: Sequence[Mapping[str, Any]]) -> Drawing:
    """How taking a release in grows with its records."""
    formats = sorted({each["format"] for each in found}, reverse=True)
    of = {name: [each for each in found if each["format"] == name] for name in formats}

    def line(name: str, each: str, what: str, scale: Callable[[int], float] = lambda _: 1) -> Drawing:
        sizes = [one["records"] for one in of[each]]
        return {"name": name, "x": sizes, "y": [one[what] * scale(one["records"]) for one in of[each]]}

    steps = [(step, each) for each in formats for step in ("first", "next")]
    return {
        "kind": "lines",
        "panels": [
            {
                "title": "Taking a release in",
                "x": "records",
                "y": "seconds of CPU",
                "lines": [line(f"{each}, {step}", each, step) for step, each in steps],
            },
            {
                "title": "The same, shared out among its records",
                "x": "records",
                "y": "microseconds of CPU a record",
                "lines": [line(f"{each}, {step}", each, step, lambda size: 1e6 / size) for step, each in steps],
            },
            {
                "title": "Memory of taking in both releases",
                "x": "records",
                "y": "largest resident memory, MB",
                "lines": [line(each, each, "peak") for each in formats],
            },
        ],
    }


def by_releases(found: Sequence[Mapping[str, Any]]) -> Drawing:
    """How the next release and a question grow with the history."""

    def line(name: str, of: str) -> Drawing:
        return {"name": name, "x": [each["releases"] for each in found], "y": [each[of] for each in found]}

    return {
        "kind": "lines",
        "panels": [
            {
                "title": "Taking the next release in",
                "x": "releases in the history",
                "y": "milliseconds of CPU",
                "lines": [line("a new process", "cold"), line("the process goes on", "warm")],
            },
            {
                "title": "Asking for a port",
                "x": "releases in the history",
                "y": "milliseconds",
                "lines": [line("its events", "history"), line("its states", "versions")],
            },
        ],
    }


def processes(walls: Mapping[str, float], remarks: Mapping[str, str]) -> Drawing:
    """How long whole processes take."""
    return {
        "kind": "bars",
        "title": "Whole processes: the watcher from its store, others on the same two releases",
        "x": "seconds on the clock",
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
    """Write a drawing and return the Markdown that shows it; words where it cannot be drawn."""
    if not peers.has("matplotlib"):
        return "Not drawn: matplotlib could not be installed."
    text = json.dumps({**drawing, "output": str(output)})
    done = subprocess.run([peers.python, str(_PROGRAM)], input=text, text=True, capture_output=True, check=False)
    if done.returncode:
        print(done.stderr, file=sys.stderr)
        return "Not drawn: matplotlib failed."
    return f"![{output.stem.replace('-', ' ')}]({output.name})"
