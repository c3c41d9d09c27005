"""Files without an end, and files that must not be replaced, in place of those that a command is to read or write."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.run_cli import run_command
from tests.support.table_source import TableSource, table
from watcher.core import operator_files

pytestmark = pytest.mark.fault(84)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableSource:
    monkeypatch.setattr(operator_files, "MOST_OF_DOCUMENT", 2**20)
    source = TableSource(folder=tmp_path)
    source.check(table("Code,Name", "1,a", "2,b"))
    return source


@pytest.mark.parametrize(
    "command", ["diff {0} {1}", "diff {1} {0}", "import t {0}", "audit {0}", "audit {0} --source t"]
)
def test_a_file_without_an_end_is_refused(source: TableSource, command: str) -> None:
    result = run_command(source.config, *command.format("/dev/zero", source.served).split())
    assert result.returncode in (1, 2)
    assert result.stderr.count("\n") <= 3


@pytest.mark.parametrize("limit", [2**20, 3])
def test_a_pipe_is_read_to_its_end_up_to_the_limit(
    source: TableSource, tmp_path: Path, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operator_files, "MOST_OF_DOCUMENT", limit)
    with subprocess.Popen(["cat", source.served], stdout=subprocess.PIPE) as cat:
        assert cat.stdout is not None
        result = run_command(
            source.config, "diff", str(source.served), f"/proc/self/fd/{cat.stdout.fileno()}", "--as", "csv"
        )
    assert ("nothing changed" in result.stdout) == (limit > 3)
    assert ("is larger than 0 MiB" in result.stderr) == (limit == 3)


def test_the_memory_for_a_document_is_not_reserved_before_it_is_read(source: TableSource) -> None:
    script = """
import resource, sys
from watcher.__main__ import main
resource.setrlimit(resource.RLIMIT_AS, (2**29, 2**29))
main()
"""
    command = [sys.executable, "-c", script, "diff", str(source.served), str(source.served), "--as", "csv"]
    assert "nothing changed" in subprocess.run(command, capture_output=True, text=True, check=True).stdout


def link_to_itself(folder: Path) -> Path:
    (folder / "loop").symlink_to(folder / "loop")
    return folder / "loop"


@pytest.mark.parametrize(
    ("choose", "why"),
    [
        (lambda folder: folder / "history.db", "is an SQLite database, which is not replaced"),
        (lambda folder: folder / "config.toml", "is the configuration, which is not replaced"),
        (link_to_itself, "is a symbolic link to itself"),
        (lambda folder: folder / ("a" * 300), "cannot be written: File name too long"),
        (lambda folder: folder / "none" / "x", "cannot be written: No such file or directory"),
        (lambda _: Path("/dev/full"), "is not a file"),
    ],
)
@pytest.mark.parametrize("command", ["export t --to csv", "cat t"])
def test_an_output_replaces_no_history_and_no_device(
    source: TableSource, tmp_path: Path, choose: Callable[[Path], Path], why: str, command: str
) -> None:
    before = (tmp_path / "history.db").read_bytes()
    result = run_command(source.config, *command.split(), "--out", str(choose(tmp_path)))
    assert (result.returncode, result.stdout) == (2, "")
    assert why in result.stderr
    assert result.stderr.count("\n") == 1
    assert (tmp_path / "history.db").read_bytes() == before
