"""To add an export format: one module in render/exports/, one line in the table. Help and command follow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.extended_package import ExtendedPackage
from tests.support.port_releases import release, reserved, tcp

MODULE = """
from watcher.render.exports.base import Omission, RenderedExport, make_comment


def render(state, options):
    named = [entry for entry in state.entries if entry.name]
    omissions = tuple(Omission(entry=entry, reason="without a name") for entry in state.entries if not entry.name)
    comment = make_comment(state, options, omissions)
    lines = [f"; {line}".rstrip() for line in comment] + [f"{entry.name} is {entry.value}" for entry in named]
    return RenderedExport(files={"": "\\n".join([*lines, ""])}, written=len(named), omissions=omissions)
"""
LINE = '"toy": ExportFormat("watcher.render.exports.toy", "a sentence for each entry"),'
CONFIG = '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ExtendedPackage]:
    with ExtendedPackage(tmp_path_factory.mktemp("extended")) as package:
        package.add_module("render/exports/toy.py", MODULE)
        package.add_line("render/exports/__init__.py", LINE, before='"csv": ExportFormat')
        yield package


@pytest.fixture
def home(package: ExtendedPackage, tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    (folder / "config.toml").write_text(CONFIG)
    (folder / "ports.xml").write_bytes(release([tcp("b", "2"), tcp("a", "1"), reserved("3", "tcp")]))
    imported = package.run("import", "ports", "ports.xml", folder=folder)
    assert imported.returncode == 0, imported.stderr
    return folder


def test_the_new_format_is_written_with_its_comment_and_what_it_leaves_out(
    package: ExtendedPackage, home: Path
) -> None:
    exported = package.run("export", "ports", "--to", "toy", "--omitted", folder=home)
    assert exported.returncode == 0, exported.stderr
    assert exported.stderr == "watcher: toy: 2 entries written, 1 left out: 1 without a name\n"
    head, *lines = exported.stdout.splitlines()
    assert head == "; Service Name and Transport Protocol Port Number Registry"
    assert lines[2:] == [";", "; Left out: 1", "; 3 tcp: without a name", "a is 1", "b is 2"]


def test_the_new_format_is_listed_in_the_help(package: ExtendedPackage, home: Path) -> None:
    assert "  toy           a sentence for each entry\n" in package.run("export", "--help", folder=home).stdout
