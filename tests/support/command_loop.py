"""Processes that run commands again and again until a file tells them to stop; one line of JSON for each command.

    python -m tests.support.command_loop FOLDER

`FOLDER/loops.json` is a list of [PAUSE, [ARGUMENTS OF A COMMAND, ARGUMENTS OF THE NEXT ONE, …]]. A process for each
writes to `FOLDER/loop-NUMBER` until `FOLDER/stop` exists. All are forks of one that has the program imported, and a
process runs many commands: it saves half a second per process and per command.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from itertools import cycle
from pathlib import Path

from watcher.__main__ import main
from watcher.cli import COMMANDS
from watcher.core.lazy import LAZY, import_listed


def run(arguments: Sequence[str]) -> dict[str, object]:
    """Run one command; return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["watcher", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return {"command": arguments, "code": code, "out": out.getvalue(), "err": err.getvalue()}


def _loop(stop: Path, pause: float, commands: Sequence[Sequence[str]]) -> None:
    for arguments in cycle(commands):
        print(json.dumps(run(arguments)), flush=True)
        if stop.exists():
            break
        time.sleep(pause)


def _fork(folder: Path, number: int, pause: float, commands: Sequence[Sequence[str]]) -> int:
    if (child := os.fork()) != 0:
        return child
    code = 1
    try:
        output = os.open(folder / f"loop-{number}", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        _loop(folder / "stop", pause, commands)
        code = 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run_loops(folder: Path) -> int:
    for module in (*LAZY.values(), *(module for module, _ in COMMANDS.values())):
        import_listed(module)
    loops = json.loads((folder / "loops.json").read_text())
    children = [_fork(folder, number, *loop) for number, loop in enumerate(loops)]
    return max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children)


if __name__ == "__main__":
    sys.exit(_run_loops(Path(sys.argv[1])))
