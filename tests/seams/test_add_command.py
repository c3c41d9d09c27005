"""To add a command with a report: reports/NAME.py, cli/NAME.py and one line in COMMANDS. Everything else follows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.extended_package import ExtendedPackage
from tests.support.port_releases import release, tcp

REPORT = '''"""Count the entries of the newest release of every source."""

from __future__ import annotations

from dataclasses import dataclass


from watcher.store.history_reader import HistoryReader


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryCount:
    source: str
    entries: int


def count_entries(history: HistoryReader) -> list[EntryCount]:
    latest = ((source, history.find_latest(source)) for source in history.list_sources())
    return [EntryCount(source=source, entries=stored.release.entries) for source, stored in latest if stored]
'''
COMMAND = '''"""`watcher toy`"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from watcher.cli.context import open_history
from watcher.cli.output import format_option, print_json, print_rows
from watcher.reports.toy import count_entries


@click.command("toy")
@format_option("json", "csv")
@click.pass_obj
def command(config: Path, format: str) -> None:
    """Count entries."""
    with open_history(config) as (history, _):
        counts = [asdict(count) for count in count_entries(history)]
    if format == "json":
        print_json({"counts": counts})
    else:
        print_rows(counts, {"source": "SOURCE", "entries": "ENTRIES"}, format)
'''
CONFIG = '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtendedPackage]:
    with ExtendedPackage(tmp_path_factory.mktemp("extended")) as package:
        package.add_module("reports/toy.py", REPORT)
        package.add_module("cli/toy.py", COMMAND)
        package.add_line("cli/__init__.py", '"toy": ("watcher.cli.toy", "Count entries."),', before='"channel": (')
        yield package


@pytest.fixture
def home(package: ExtendedPackage, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text(CONFIG)
    (folder / "ports.xml").write_bytes(release([tcp("a", "1"), tcp("b", "2")]))
    imported = package.run("import", "ports", "ports.xml", folder=folder)
    assert imported.returncode == 0, imported.stderr
    return folder


def test_the_new_command_prints_its_report(package: ExtendedPackage, home: Path) -> None:
    text = package.run("toy", folder=home)
    assert (text.returncode, text.stderr) == (0, "")
    assert text.stdout == "SOURCE  ENTRIES\nports   2\n"
    assert package.run("toy", "--format", "csv", folder=home).stdout == "source,entries\nports,2\n"
    assert '"schema": 1' in package.run("toy", "--format", "json", folder=home).stdout


def test_the_new_command_is_listed_and_has_a_help_text(package: ExtendedPackage, home: Path) -> None:
    assert re.search("^  toy +Count entries.$", package.run("--help", folder=home).stdout, re.MULTILINE)
    assert "toy [OPTIONS]\n\n  Count entries.\n" in package.run("toy", "--help", folder=home).stdout
