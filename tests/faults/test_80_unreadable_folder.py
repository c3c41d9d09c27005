"""A folder of snapshots that cannot be read is not one without snapshots."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.run_cli import run_command
from tests.support.table_source import TableSource, table

pytestmark = pytest.mark.fault(80)


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TableSource:
    """A source whose snapshots cannot be listed. The tests may run as root, who can list every folder."""
    source = TableSource(folder=tmp_path)
    source.check(table("Value,Name", "1,a", "2,b"))
    closed = str(tmp_path / "snapshots" / "t")
    for name in ("listdir", "scandir"):
        original = getattr(os, name)

        def refuse(path: str | os.PathLike[str] = ".", original: object = original) -> object:
            if os.fspath(path) == closed:
                raise PermissionError(13, "Permission denied", closed)
            return original(path)  # type: ignore[operator]

        monkeypatch.setattr(os, name, refuse)
    return source


@pytest.mark.parametrize("command", [["rebuild"], ["rebuild", "t"], ["verify"], ["backup", "copy"]], ids=str)
def test_a_command_that_needs_them_says_so(
    source: TableSource, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(source.folder)
    before = source.history()
    done = run_command(source.config, *command)
    assert done.returncode == 2
    assert done.stderr.endswith(f"{source.folder}/snapshots/t: cannot be read: Permission denied\n")
    assert source.history() == before


def test_doctor_names_it_and_examines_the_rest(source: TableSource) -> None:
    done = run_command(source.config, "doctor")
    problem = f"{source.folder}/snapshots/t: cannot be read: Permission denied"
    assert any(line.startswith("problem") and line.endswith(problem) for line in done.stdout.splitlines())
    assert "channels" in done.stdout


def test_a_check_that_needs_them_fails_and_the_next_one_takes_the_release(
    source: TableSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = source.check(table("Value,Name", "1,a", "2,b", "3,c"))
    assert (result.outcome, result.reason) == ("failed", "store")
    monkeypatch.undo()
    assert source.check().outcome == "changed"
