"""A process that runs commands again and again until a file tells it to stop; one line of JSON for each command.

    python -m tests.support.command_loop STOP PAUSE -- ARGUMENTS OF A COMMAND -- ARGUMENTS OF THE NEXT ONE …

Importing the program once saves half a second per command.
"""

from __future__ import annotations

import io
import json
import sys
import time
from contextlib import redirect_stderr, redirect_stdout
from itertools import cycle
from pathlib import Path

from watcher.__main__ import main


def run(arguments: list[str]) -> dict[str, object]:
    """Run one command; return its exit code and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    sys.argv = ["watcher", *arguments]
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main()
        except SystemExit as ended:
            code = ended.code
    return {"command": arguments, "code": code, "out": out.getvalue(), "err": err.getvalue()}


if __name__ == "__main__":
    stop, pause, *rest = sys.argv[1:]
    commands: list[list[str]] = []
    for argument in rest:
        if argument == "--":
            commands.append([])
        else:
            commands[-1].append(argument)
    for arguments in cycle(commands):
        print(json.dumps(run(arguments)), flush=True)
        if Path(stop).exists():
            break
        time.sleep(float(pause))
