"""What commands say on a terminal while they work. Elsewhere they say nothing of it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.run_cli import run_command
from tests.support.table_source import TableSource, table


def run_on_terminal(*arguments: str) -> tuple[int, str]:
    """Run a command whose standard error is a terminal; return its exit code and what the terminal shows."""
    controller, terminal = os.openpty()
    try:
        command = [sys.executable, "-m", "watcher", *arguments]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=terminal, check=False)
        os.set_blocking(controller, False)
        shown = os.read(controller, 65536).decode()
    except BlockingIOError:
        shown = ""
    finally:
        os.close(terminal)
        os.close(controller)
    return done.returncode, shown.replace("\r\n", "\n")


@pytest.fixture
def source(tmp_path: Path) -> TableSource:
    """A source that holds a release which lost most of its entries."""
    source = TableSource(folder=tmp_path)
    source.config.write_text(f"[smtp]\nport = 9\n{source.config.read_text()}")
    source.check(table("Value,Name", *(f"{number},n{number}" for number in range(30))))
    source.check(table("Value,Name", "1,n1"))
    return source


def test_accept_says_on_a_terminal_what_it_accepts(source: TableSource) -> None:
    with source.monitor() as monitor:
        (hold,) = monitor.store.holds.list_holds("t")
    assert run_on_terminal("--config", str(source.config), "accept", "t", hold.id) == (0, f"t: accepting {hold.id} …\n")
    assert run_command(source.config, "accept", "t", hold.id).stderr.startswith("watcher: error: t: ")


def test_check_says_on_a_terminal_what_it_checks(source: TableSource) -> None:
    url = source.served.as_uri()
    assert run_on_terminal("--config", str(source.config), "check") == (0, f"t: checking {url} …\n")
    assert run_command(source.config, "check").stderr == ""
