"""Run programs, measure what they cost, and write tables. Knows nothing about the programs."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WATCHER = (sys.executable, "-m", "watcher")
PATIENCE = 600.0  # seconds for one process
_SLOW = 10.0  # seconds; a process that takes longer runs once


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """The cost of one process: wall and CPU seconds, its peak memory in MB (0 if unknown), and its output.

    `failed` is the last line of error output of a process that failed, else "". `runs`: the median of so many runs.
    """

    wall: float
    cpu: float
    memory: float
    output: str
    failed: str = ""
    runs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A promised limit (a minimum if `least`) and the measured value; None if it could not be measured."""

    what: str
    measured: float | None
    limit: float
    unit: str = "times"
    least: bool = False

    @property
    def met(self) -> bool:
        if self.measured is None:
            return False
        return self.measured >= self.limit if self.least else self.measured <= self.limit

    @property
    def line(self) -> tuple[str, str, str, str]:
        """The cells of its row: what, the limit, the measured value, and whether it is met."""
        bound = "at least" if self.least else "at most"
        promised = f"{bound} {self.limit:g} {self.unit}"
        if self.measured is None:
            return self.what, promised, "not measured", "**unknown**"
        return self.what, promised, f"{self.measured:.2f} {self.unit}", "met" if self.met else "**not met**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One part of the page, with its targets."""

    text: str
    targets: Sequence[Target] = field(default_factory=tuple)


def cost(command: Sequence[str], folder: Path, *, patience: float = PATIENCE, strict: bool = True) -> Cost:
    """Run a process to its end. If it fails, `strict` raises CalledProcessError; else the result has the error."""
    timed = ["/usr/bin/env", "time", "-f", "%M", *command] if shutil.which("time") else list(command)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    try:
        done = _run(timed, folder, patience)
    except subprocess.TimeoutExpired:
        if strict:
            raise
        return Cost(wall=patience, cpu=0.0, memory=0.0, output="", failed=f"gave up after {patience:.0f} s")
    if done.returncode and strict:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = done.stderr.strip().splitlines()
    memory = int(lines.pop()) / 1024 if lines and lines[-1].isdecimal() else 0.0
    errors = [line for line in lines if not line.startswith("Command exited with")]
    return Cost(
        wall=wall,
        cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        memory=memory,
        output=done.stdout,
        failed=(errors[-1] if errors else f"exit code {done.returncode}") if done.returncode else "",
    )


def _run(command: Sequence[str], folder: Path, patience: float) -> subprocess.CompletedProcess[str]:
    """Run a process. If it takes too long, kill it with its children, which would disturb the next measurement."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=patience)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def in_turns(
    commands: Mapping[str, Sequence[str]], folder: Path, times: int, *, strict: bool = True, once: bool = True
) -> dict[str, Cost]:
    """Run commands alternately and return the median of each.

    With `once`, a command that failed or took more than ten seconds runs only once.
    """
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            if once and costs[name] and (costs[name][0].failed or costs[name][0].wall > _SLOW):
                continue
            costs[name].append(cost(command, folder, strict=strict))
    return {name: median(runs) for name, runs in costs.items()}


def median(runs: Sequence[Cost]) -> Cost:
    """Return the medians of several runs of one command, with the largest memory."""
    return Cost(
        wall=statistics.median(run.wall for run in runs),
        cpu=statistics.median(run.cpu for run in runs),
        memory=max(run.memory for run in runs),
        output=runs[0].output,
        failed=next((run.failed for run in runs if run.failed), ""),
        runs=len(runs),
    )


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds that a function takes in this process, and in programs that it starts and ends."""

    def spent() -> float:
        others = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.process_time() + others.ru_utime + others.ru_stime

    started = spent()
    work()
    return spent() - started


def run_module(module: str, *arguments: object, patience: float = PATIENCE) -> dict[str, Any] | str:
    """Run a module of the bench in a separate process; return the JSON that it prints, or its error as text."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    spent = cost(command, ROOT, patience=patience, strict=False)
    if spent.failed:
        return spent.failed
    result: dict[str, Any] = json.loads(spent.output)
    return result


def memory_of(process: int | str = "self") -> tuple[float, float]:
    """Return the resident memory of a process in MB, now and at its peak."""
    status = Path(f"/proc/{process}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; a float has two digits, None is a hyphen."""

    def cell(value: object) -> str:
        text = "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
        return text.replace("\n", " ").replace("|", "\\|")

    def row(cells: Sequence[object]) -> str:
        return "| " + " | ".join(map(cell, cells)) + " |"

    return "\n".join([row(headings), "|" + "---|" * len(headings), *map(row, lines)])


def megabytes(memory: float) -> str | None:
    """Return memory as a cell of a table, None if it is unknown."""
    return f"{memory:.0f}" if memory else None


def _environment() -> dict[str, str]:
    """Return our environment, in which programs do not colour or page their output."""
    return {**os.environ, "NO_COLOR": "1", "PAGER": "cat", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
