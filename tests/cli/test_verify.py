"""`watcher verify`: snapshots against their hashes, the history against its snapshots."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli


def test_verify_lists_damaged_snapshots(run: RunCli, demo_folder: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text((demo_folder / "config.toml").read_text().replace('"snapshots"', '"copies"'))
    (tmp_path / "webhook-secret").write_text((demo_folder / "webhook-secret").read_text())
    (tmp_path / "webhook-secret").chmod(0o600)
    (tmp_path / "copies" / "ports").mkdir(parents=True)
    for path in (demo_folder / "snapshots" / "ports").iterdir():
        (tmp_path / "copies" / "ports" / path.name).write_bytes(path.read_bytes())
    damaged = max((tmp_path / "copies" / "ports").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-7])
    result = run("verify")
    assert result.code == 1
    assert str(damaged) in result.err
    assert run("verify", "nothing").code == 2


@pytest.fixture
def copied_history(demo_folder: Path, tmp_path: Path) -> Path:
    """The history once more, for who spoils it."""
    shutil.copytree(demo_folder, tmp_path, dirs_exist_ok=True)
    return tmp_path / "history.db"


def test_verify_compares_the_history_with_the_snapshots(run: RunCli, copied_history: Path) -> None:
    result = run("verify", "--history")
    assert (result.code, "the history of the newest 10 releases matches their snapshots" in result.out) == (0, True)
    assert json.loads(run("verify", "--history", "--format", "json").out)["misfits"] == []


@pytest.mark.parametrize(
    ("spoiled", "result"),
    [
        (
            "UPDATE versions SET fields = replace(fields, 'a', 'b') WHERE id = 1",
            "entries of .* differ from its snapshot",
        ),
        ("DELETE FROM changes WHERE after_id IS NULL", "changes of .* differ from those between its snapshots"),
        ("UPDATE changes SET fields = '[]' WHERE fields <> '[]'", "the history of .* has other changed fields"),
        ("UPDATE releases SET content = content || 'x' WHERE id = 2", "has another content than the history"),
    ],
)
def test_verify_lists_what_differs_in_the_history(run: RunCli, copied_history: Path, spoiled: str, result: str) -> None:
    with closing(sqlite3.connect(copied_history, isolation_level=None)) as database:
        assert database.execute(spoiled).rowcount > 0
    verified = run("verify", "ports", "--history")
    assert verified.code == 1
    assert re.search(result, verified.err)
    assert "watcher rebuild" in verified.out
