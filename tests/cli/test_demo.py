"""`watcher demo`: the whole process on sample releases."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli

FIRST, LAST = "2024-11-19", "2025-04-22"


def test_the_demo_shows_the_whole_process(demo_folder: Path) -> None:
    result = (demo_folder / "output").read_text()
    assert "6 releases, 4 webhooks with a valid signature, 0 with an invalid one, 4 e-mails" in result
    for event in ("port-assigned", "port-deassigned", "service-renamed", "contact-changed", "marked-historic",
                  "unauthorized-use-reported"):  # fmt: skip
        assert event in result
    assert "(was unassigned)" in result
    assert f"watcher diff ports {FIRST} {LAST}" in result


def test_the_demo_removes_its_files(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    result = run("demo")
    assert result.code == 0
    assert "All files were removed" in result.out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_does_not_write_into_a_folder_with_files(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    result = run("demo", "--keep", "full")
    assert result.code == 2
    assert "not empty" in result.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]
