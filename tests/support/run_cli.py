"""Runs the command line in this process, which saves a second per run."""

from __future__ import annotations

import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from watcher.__main__ import main


def run_command(config: Path, *arguments: str) -> CompletedProcess[str]:
    """Type a command; return its exit code and what it printed. A traceback is no answer."""
    out, err = io.StringIO(), io.StringIO()
    command = ["watcher", "--config", str(config), *arguments]
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            main()
    assert isinstance(ended.value.code, int)
    return CompletedProcess(command, ended.value.code, out.getvalue(), err.getvalue())
