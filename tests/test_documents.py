"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from watcher import render
from watcher.cli import COMMANDS, watcher
from watcher.cli.demo_servers import list_sample_releases
from watcher.config import load
from watcher.core.model import Severity
from watcher.core.operations import NOTICES
from watcher.monitor.plausibility import STALE
from watcher.registries.catalog import REGISTRIES, event_ids

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", path.read_text("utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_every_event_has_its_row_with_its_severity() -> None:
    text = (ROOT / "docs" / "semantics.md").read_text("utf-8")
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            rows.update(dict.fromkeys(re.findall(r"`([a-z-]+)`", cells[0]), cells[2]))
    assert set(rows) == event_ids()
    for name, said in rows.items():
        default = next(each.events[name].severity for each in REGISTRIES.values() if name in each.events)
        assert Severity(said.split(";")[0]) is default, name


def test_every_reason_to_hold_and_every_notice_has_its_place() -> None:
    held = (ROOT / "docs" / "held.md").read_text("utf-8")
    sources = "".join(
        (ROOT / "watcher" / name).read_text("utf-8") for name in ("monitor/plausibility.py", "monitor/second_format.py")
    )
    codes = {*re.findall(r'Reason\(\s*code="([a-z_]+)"', sources), STALE}
    assert len(codes) >= 8
    assert [code for code in sorted(codes) if f"`{code}`" not in held] == []
    contract = (ROOT / "docs" / "json.md").read_text("utf-8")
    assert [name for name in NOTICES if f"`{name}`" not in contract] == []


def test_every_command_in_the_readme_exists() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    typed = set(re.findall(r"(?:^|`|\$ )watcher ([a-z]+)", text, re.MULTILINE))
    assert {"diff", "history", "show", "check", "run", "import", "verify"} <= typed
    assert typed <= set(COMMANDS)
    for line in re.findall(r"`watcher ([^`]+)`", text):
        name, *arguments = shlex.split(line.replace("PATH…", "PATH"))
        command = watcher.get_command(click.Context(watcher), name)
        assert command is not None, name
        options = {option for parameter in command.params for option in parameter.opts}
        assert {each for each in arguments if each.startswith("--")} - {"--config"} <= options, line


def test_the_readme_begins_with_the_two_commands() -> None:
    screen = (ROOT / "README.md").read_text("utf-8").splitlines()[:24]
    assert any(line.startswith("make demo") for line in screen)
    assert any(line.startswith("make test") for line in screen)
    assert "make test" in (ROOT / ".ci" / "run").read_text()


def test_the_default_configuration_watches_the_ports_every_six_hours() -> None:
    assert (ROOT / "config.toml").read_text() == load.example()
    (source,) = tomllib.loads(load.example())["source"]
    assert source["url"].endswith("/service-names-port-numbers.xml")
    assert (source["name"], source["registry"], source["every"]) == ("ports", "ports", "6h")


def test_the_schema_names_every_severity_and_the_contract_its_documents() -> None:
    schema = json.loads((Path(render.__file__).parent / "schema" / "comparison.schema.json").read_text())
    assert schema["$defs"]["event"]["properties"]["severity"]["enum"] == list(Severity)
    assert "comparison.schema.json" in (ROOT / "docs" / "json.md").read_text()


def test_the_sample_says_which_releases_are_simulated() -> None:
    first, *later = list_sample_releases()
    assert "SIMULATED" not in first.read_text()
    assert len(later) == 5
    assert all("SIMULATED" in path.read_text() for path in later)


def test_no_document_ends_in_the_middle() -> None:
    assert len(DOCUMENTS) >= 9
    assert all(path.read_text("utf-8").endswith("\n") and path.stat().st_size > 300 for path in DOCUMENTS)
