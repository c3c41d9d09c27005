"""The real releases that README.md shows give what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.support.real_data import iana_document, ports_release
from tests.support.run_cli import run_command
from tests.test_tutorial import find_missing

ROOT = Path(__file__).resolve().parents[2]
TLS = "tls-extensiontype-values"


def test_the_commands_of_the_readme_print_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for day in ("2019-01-08", "2019-01-09"):
        (tmp_path / f"{day}.xml").write_bytes(ports_release(day))
    for name, day in (("2020-12", "2020-12-29"), ("2021-07", "2021-07-07")):
        (tmp_path / f"{TLS}-{name}.xml").write_bytes(iana_document(TLS, day))
    (tmp_path / "config.toml").write_text('[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n')
    (tmp_path / "config.toml").chmod(0o600)
    config = Path("config.toml")
    assert run_command(config, "import", "ports", "2019-01-08.xml", "2019-01-09.xml").returncode == 0
    block = re.search(r"```\n(\$ watcher .*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    assert block
    shown = re.split(r"^\$ watcher (.*)\n", block[1], flags=re.MULTILINE)[1:]
    assert len(shown) == 4
    for command, printed in zip(shown[::2], shown[1::2], strict=True):
        result = run_command(config, *shlex.split(command))
        lines = tuple(line.strip() for line in printed.strip().splitlines())
        assert find_missing(lines, result.stdout) == [], result.stdout
