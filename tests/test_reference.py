"""The reference covers the code: every code of an error, every key, option, event, table and column is explained."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from tools import reference_pages
from watcher.cli import COMMANDS, watcher
from watcher.config import load
from watcher.core.operations import NOTICES
from watcher.fetch import http, responses
from watcher.formats.catalog import FORMATS
from watcher.monitor import failures
from watcher.registries.catalog import event_ids

ROOT = Path(__file__).resolve().parents[1]
RAISED = {"FetchError", "ParseError", "Problem", "Reason"}


def list_codes_in_the_source() -> set[str]:
    """Return every literal code that an error, a problem or a reason to hold is made with."""
    codes: set[str] = set()
    for path in (ROOT / "watcher").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RAISED:
                given = node.args[:1] + [
                    keyword.value for keyword in node.keywords if keyword.arg in ("code", "reason")
                ]
                codes |= {value.value for value in given if isinstance(value, ast.Constant)}
    return codes


def test_every_code_of_an_error_has_its_row() -> None:
    codes = list_codes_in_the_source()
    codes |= {reason for reason, _, _ in responses._EXPLANATIONS} | {*http._REASONS.values(), "http_status"}
    codes |= {*failures.OWN_FAULTS, "settings"}
    assert len(codes) >= 50
    explained = set()
    for name in ("errors.md", "held.md"):
        explained |= set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / name).read_text("utf-8")))
    assert sorted(codes - explained) == []


def test_every_code_with_a_row_exists() -> None:
    rows = re.findall(r"^\| (`[a-z_`, ]+) \|", (ROOT / "docs" / "errors.md").read_text("utf-8"), re.MULTILINE)
    source = "".join(path.read_text("utf-8") for path in (ROOT / "watcher").rglob("*.py"))
    codes = [code for row in rows for code in re.findall(r"`([a-z_]+)`", row)]
    assert len(codes) >= 40
    assert [code for code in codes if f'"{code}"' not in source] == []


def test_every_key_of_the_configuration_is_described() -> None:
    schema = load.json_schema(FORMATS)
    page = reference_pages.configuration_page(schema)
    for name, table in schema["$defs"].items():
        for key, value in table.get("properties", {}).items():
            assert f"\n| `{key}` | " in page, f"{name}.{key}"
            is_named = "const" in value or reference_pages._referenced(value)  # in its heading, or by its own table
            assert is_named or value.get("description"), f"{name}.{key} has no description"
    assert [name for name in schema["properties"] if f"[{name}]" not in page] == []


def list_commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from list_commands(inner, f"{path} {name}")


def test_every_command_and_option_has_its_help() -> None:
    page = reference_pages.commands_page()
    paths = [*list_commands(watcher, "watcher")]
    assert len(paths) > len(COMMANDS)
    for path, command in paths:
        assert command.help, path
        assert f"`{path}`" in page or path == "watcher", path
        for parameter in command.params:
            if isinstance(parameter, click.Option) and not parameter.hidden:
                assert parameter.help, f"{path} {parameter.opts[0]}"


def test_every_event_and_notice_is_listed() -> None:
    page = reference_pages.events_page()
    assert [name for name in (*event_ids(), *NOTICES) if f"| `{name}` |" not in page] == []


def test_every_table_of_the_database_is_listed_with_its_columns() -> None:
    page = reference_pages.database_page()
    for table, column in (("releases", "place"), ("versions", "key"), ("outbox", "body_of"), ("events", "fingerprint")):
        part = page.split(f"## `{table}`")[1].split("## ")[0]
        assert f"| `{column}` |" in part
    assert "a release fits" not in page
    assert "| `place` | INTEGER | not null |" in page
    assert "SHA-256 of the canonical content: the release's identity" in page


def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    pytest.importorskip("furo", reason="the group `docs` of pyproject.toml is not installed")
    command: list[Any] = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ROOT / "docs"]
    built = subprocess.run([*command, tmp_path / "site"], capture_output=True, text=True, check=False)
    assert (built.returncode, built.stderr) == (0, "")
    pages = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.html")}
    assert {"index.html", "tutorial.html", "search.html", "reference/configuration.html"} <= pages
    for page in sorted(pages):
        text = (tmp_path / "site" / page).read_text("utf-8")
        for link in re.findall(r'<a [^>]*href="([^"#:]+\.html)', text):
            target = ((tmp_path / "site" / page).parent / link).resolve()
            assert target.exists(), f"{page} links to {link}"
