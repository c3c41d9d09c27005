"""List a whole history of many events: how soon the first line comes, and the memory of the process."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from bench.measuring import ROOT, WATCHER, Part, Target, cost, megabytes, run_module, table

RELEASES = 5_000  # of about ten changes each
_RUNS = 5
_PATIENCE = 1800.0
_FORMATS = ("text", "json", "csv", "md")
_CONFIG = '[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n'


def measure(folder: Path, releases: int = RELEASES) -> Part:
    """List all events of a generated registry in each format, to a pipe that is read at once."""
    filled = run_module("bench.growth", "releases", folder, releases, patience=_PATIENCE)
    if isinstance(filled, str):
        return Part(text=f"Failed: {filled[:300]}")
    (folder / "config.toml").write_text(_CONFIG)
    (folder / "config.toml").chmod(0o600)
    lines: list[list[object]] = []
    first: dict[str, float] = {}
    peaks: list[float] = []
    for name in _FORMATS:
        command = [*WATCHER, "history", "--format", name]
        first[name] = statistics.median(_first_byte(command, folder) for _ in range(_RUNS))
        spent = cost(command, folder)
        peaks.append(spent.memory)
        lines.append([name, first[name], spent.cpu, megabytes(spent.memory), f"{spent.output.count(chr(10)):,}"])
    return Part(
        text=f"`watcher history` without a filter, {lines[0][-1]} events; the first byte is the median of {_RUNS} runs."
        "\n\n" + table(["format", "first byte, wall s", "all, CPU s", "peak MB", "lines"], lines),
        targets=[
            Target(
                what="first byte of a whole `watcher history`: wall time", measured=first["text"], limit=0.3, unit="s"
            ),
            Target(what="whole `watcher history`: peak memory", measured=max(peaks) or None, limit=60, unit="MB"),
        ],
    )


def _first_byte(command: Sequence[str], folder: Path) -> float:
    """Return the seconds until a command writes its first byte; the others are read too, so that it ends by itself."""
    started = time.perf_counter()
    with subprocess.Popen(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.read(1)
        first = time.perf_counter() - started
        while process.stdout.read(2**20):
            pass
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return first
