"""Fixtures that run the command line in this process, with pytest's capture of what it prints."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.process_killer import ProcessKiller
from watcher.__main__ import main
from watcher.cli import config_discovery


class CliResult(NamedTuple):
    """The exit code of a command and its output."""

    code: int
    out: str
    err: str


RunCli = Callable[..., CliResult]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[RunCli]:
    """Give a function that runs a command in an empty folder. A traceback fails the test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    monkeypatch.setattr(config_discovery, "SYSTEM", tmp_path / "etc" / "config.toml")

    def run_command(*arguments: str) -> CliResult:
        monkeypatch.setattr(sys, "argv", ["watcher", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(ended.value.code, int)
        return CliResult(ended.value.code, out, err)

    yield run_command
    # `run` and `worker` log to the standard error of this test; what comes after must not.
    root = logging.getLogger()
    for handler in [other for other in root.handlers if type(other) is logging.StreamHandler]:
        root.removeHandler(handler)
        root.setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def killing() -> Iterator[ProcessKiller]:
    """Return the process that forks commands and scripts, one for all tests of this process."""
    with ProcessKiller() as killer:
        yield killer


@pytest.fixture(scope="session")
def demo_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of `watcher demo --keep`: configuration, six releases; `output` is what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    process = subprocess.run(
        [sys.executable, "-m", "watcher", "demo", "--keep", str(folder)],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONWARNINGS": "error"}, check=False,
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    (folder / "output").write_text(process.stdout)
    return folder


@pytest.fixture
def run_in_demo(run: RunCli, demo_folder: Path) -> RunCli:
    """Return a function that runs a command on the history of the demo."""
    return lambda *arguments: run("--config", str(demo_folder / "config.toml"), *arguments)
