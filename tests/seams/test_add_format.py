"""To add a file format: one module in formats/, one line in its catalog. Everything that names formats follows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.extended_package import ExtendedPackage

# A line for each entry: `name=http; use=web`.
MODULE = """
from watcher.core.errors import ParseError
from watcher.formats.base import Document, Row


def read(data, columns, cache=None):
    pairs = [[part.partition("=") for part in line.split(";")] for line in data.decode().splitlines()]
    if not all(equals for line in pairs for _, equals, _ in line):
        raise ParseError("not_expected_format", "a line is not made of pairs")
    rows = tuple(Row(registry="", fields={name.strip(): text for name, _, text in line}) for line in pairs)
    return Document(id=None, published=None, headers={"": {"id": ""}}, rows=rows, contacts=())
"""
LINE = 'Format("pairs", ("pairs",), _lazy("watcher.formats.pairs"), frozenset({"key"})),'
CONFIG = """
[fetch]
allow_files = true

[[source]]
name = "services"
registry = "iana"
url = "file://{folder}/new.pairs"
format = "pairs"
key = ["name"]
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtendedPackage]:
    with ExtendedPackage(tmp_path_factory.mktemp("extended")) as package:
        package.add_module("formats/pairs.py", MODULE)
        package.add_line("formats/catalog.py", LINE, before='Format("index"')
        yield package


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "old.pairs").write_text("name=http; use=web\nname=smtp; use=mail\n")
    (folder / "new.pairs").write_text("name=http; use=web\nname=smtp; use=post\n")
    (folder / "config.toml").write_text(CONFIG.format(folder=folder))
    (folder / "config.toml").chmod(0o600)
    return folder


def test_a_source_in_the_new_format_is_checked_and_its_changes_are_found(package: ExtendedPackage, home: Path) -> None:
    current = (home / "new.pairs").read_text()
    (home / "new.pairs").write_text((home / "old.pairs").read_text())
    first = package.run("check", folder=home)
    assert first.returncode == 0, first.stderr
    (home / "new.pairs").write_text(current)
    second = package.run("check", folder=home)
    assert second.returncode == 0, second.stderr
    history = package.run("history", "--search", "smtp", folder=home)
    assert "mail" in history.stdout, history.stdout + history.stderr
    assert "post" in history.stdout


def test_files_of_the_new_format_are_compared_by_their_suffix(package: ExtendedPackage, home: Path) -> None:
    compared = package.run("diff", "old.pairs", "new.pairs", "--key", "name", folder=home)
    assert (compared.returncode, "post" in compared.stdout) == (0, True), compared.stdout + compared.stderr


def test_the_configuration_knows_the_new_format_and_its_options(package: ExtendedPackage, home: Path) -> None:
    schema = json.loads(package.run("config", "schema", folder=home).stdout)
    assert "pairs" in schema["$defs"]["SourceSettings"]["properties"]["format"]["enum"]
    assert package.run("config", "check", folder=home).returncode == 0
    with (home / "config.toml").open("a") as config:
        config.write('path = "items"\n')
    refused = package.run("config", "check", folder=home)
    assert refused.returncode == 2
    assert "source[0].path: not an option of the format pairs, only of: json" in refused.stderr
