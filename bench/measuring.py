"""Run programs and say what they cost. Knows processes, clocks and tables, and nothing of what is measured."""

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
_SLOW = 10.0  # seconds: what takes longer is not run again and again


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """One process: seconds on the clock and of CPU, its largest memory in MB (0 where unknown), what it printed.

    `failed` is the last thing a process said that ended in an error, "" for one that did not. `runs` is how many this
    is the median of.
    """

    wall: float
    cpu: float
    memory: float
    said: str
    failed: str = ""
    runs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Something promised: at most (or at least) so much, and what was measured; None where it could not be."""

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
        """What, the limit, what was measured, and whether it is met."""
        bound = "at least" if self.least else "at most"
        promised = f"{bound} {self.limit:g} {self.unit}"
        if self.measured is None:
            return self.what, promised, "not measured", "**not known**"
        return self.what, promised, f"{self.measured:.2f} {self.unit}", "met" if self.met else "**not met**"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A part of the page, with the targets that it decides."""

    text: str
    targets: Sequence[Target] = field(default_factory=tuple)


def cost(command: Sequence[str], folder: Path, *, patience: float = PATIENCE, strict: bool = True) -> Cost:
    """Run a process to its end. Raises CalledProcessError when it fails, unless not `strict`: then it is told."""
    timed = ["/usr/bin/env", "time", "-f", "%M", *command] if shutil.which("time") else list(command)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    try:
        done = _run(timed, folder, patience)
    except subprocess.TimeoutExpired:
        if strict:
            raise
        return Cost(wall=patience, cpu=0.0, memory=0.0, said="", failed=f"gave up after {patience:.0f} s")
    if done.returncode and strict:
        sys.stderr.write(done.stderr)
        done.check_returncode()
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    lines = done.stderr.strip().splitlines()
    memory = int(lines.pop()) / 1024 if lines and lines[-1].isdecimal() else 0.0
    said = [line for line in lines if not line.startswith("Command exited with")]
    return Cost(
        wall=wall,
        cpu=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        memory=memory,
        said=done.stdout,
        failed=(said[-1] if said else f"exit code {done.returncode}") if done.returncode else "",
    )


def _run(command: Sequence[str], folder: Path, patience: float) -> subprocess.CompletedProcess[str]:
    """Run a process; where it takes too long, end it with all that it started: what runs on would be measured too."""
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
            said, complained = process.communicate(timeout=patience)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(command, process.returncode, said, complained)


def in_turns(
    commands: Mapping[str, Sequence[str]], folder: Path, times: int, *, strict: bool = True, once: bool = True
) -> dict[str, Cost]:
    """Run commands alternately and return the median of each.

    With `once`, what failed or took more than ten seconds is not run again.
    """
    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(times):
        for name, command in commands.items():
            if once and found[name] and (found[name][0].failed or found[name][0].wall > _SLOW):
                continue
            found[name].append(cost(command, folder, strict=strict))
    return {name: median(runs) for name, runs in found.items()}


def median(runs: Sequence[Cost]) -> Cost:
    """The median of several runs of one command, and the largest memory of any."""
    return Cost(
        wall=statistics.median(each.wall for each in runs),
        cpu=statistics.median(each.cpu for each in runs),
        memory=max(each.memory for each in runs),
        said=runs[0].said,
        failed=next((each.failed for each in runs if each.failed), ""),
        runs=len(runs),
    )


def cpu_of(work: Callable[[], object]) -> float:
    """Seconds of CPU of something done in this process."""
    started = time.process_time()
    work()
    return time.process_time() - started


def alone(module: str, *arguments: object, patience: float = PATIENCE) -> dict[str, Any] | str:
    """Run `main` of a module of ours in a process of its own; return the JSON it prints, or why there is none."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    spent = cost(command, ROOT, patience=patience, strict=False)
    if spent.failed:
        return spent.failed
    found: dict[str, Any] = json.loads(spent.said)
    return found


def memory_of(process: int | str = "self") -> tuple[float, float]:
    """Return the resident memory of a process in MB, now and at its largest."""
    status = Path(f"/proc/{process}/status").read_text()
    found = dict(line.split(":", 1) for line in status.splitlines())
    return int(found["VmRSS"].split()[0]) / 1024, int(found["VmHWM"].split()[0]) / 1024


def table(headings: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """A Markdown table; a float has two digits, None is a hyphen."""

    def cell(value: object) -> str:
        text = "-" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
        return text.replace("\n", " ").replace("|", "\\|")

    def row(cells: Sequence[object]) -> str:
        return "| " + " | ".join(map(cell, cells)) + " |"

    return "\n".join([row(headings), "|" + "---|" * len(headings), *map(row, lines)])


def megabytes(memory: float) -> str | None:
    """How memory stands in a table."""
    return f"{memory:.0f}" if memory else None


def _environment() -> dict[str, str]:
    """Ours, and nothing in it that makes a program colour, page or wrap what it prints."""
    return {**os.environ, "NO_COLOR": "1", "PAGER": "cat", "TERM": "dumb", "PYTHONPATH": str(ROOT)}
