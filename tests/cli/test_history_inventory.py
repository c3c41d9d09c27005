"""`watcher history --inventory`: the events that are about a list."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.port_releases import Row, release

CONFIG = (
    '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n[[inventory]]\nname = "mine"\nfile = "mine"\n'
)
SSH = Row(name="ssh", port="22", protocol="tcp", date="2000-01-01", contact="A")
OLD = Row(name="old-web", port="8443", protocol="tcp", description="Web", date="2001-01-01", contact="B")
NEW = Row(name="new-web", port="8443", protocol="tcp", description="Web", date="2001-01-01", contact="B")
OTHER = Row(name="other", port="9000", protocol="tcp", contact="C")


@pytest.fixture
def run_ports(run: RunCli, tmp_path: Path) -> RunCli:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "mine").write_text("new-web\n")
    for day, rows in (("2020-01-01", (SSH, OLD)), ("2021-01-01", (SSH, NEW)), ("2022-01-01", (SSH, NEW, OTHER))):
        (tmp_path / f"{day}.xml").write_bytes(release(rows, updated=day))
        assert run("import", "ports", f"{day}.xml").code == 0
    return run


def events(run: RunCli, *arguments: str) -> list[str]:
    code, out, err = run("history", "--format", "json", *arguments)
    assert (code, err) == (0, "")
    return [event["summary"] for event in json.loads(out)["events"]]


RENAMED = "old-web renamed to new-web (8443/tcp)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("8443/tcp\n", [RENAMED]),
        ("OLD_WEB\n", [RENAMED]),
        ("9000\n", ["9000/tcp assigned to other (was absent)"]),
        ("22/tcp\n8443/udp\n", []),
    ],
)
def test_events_are_of_the_list_by_port_and_by_former_name(
    run_ports: RunCli, tmp_path: Path, text: str, expected: list[str]
) -> None:
    (tmp_path / "list").write_text(text)
    assert events(run_ports, "--inventory", "list") == expected


def test_a_list_comes_from_the_configuration_or_from_standard_input(
    run_ports: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert events(run_ports, "--inventory", "mine") == [RENAMED]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"9000/tcp\n8443/tcp\n")))
    assert len(events(run_ports, "--inventory", "-")) == 2
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"9000/tcp\n8443/tcp\n")))
    assert events(run_ports, "--inventory", "-", "--limit", "1", "--until", "2021-12-31") == [RENAMED]


def test_a_list_that_is_not_there_or_not_readable_is_an_error_of_usage(run_ports: RunCli, tmp_path: Path) -> None:
    code, _, err = run_ports("history", "--inventory", "mien")
    assert (code, err) == (2, "watcher: error: mien: no such file or inventory; did you mean 'mine'?\n")
    (tmp_path / "list").write_text("22/tcp\n70000\n")
    code, _, err = run_ports("history", "--inventory", "list")
    assert (code, err) == (2, "watcher: error: list: line 2: '70000' is not a port or a range of ports\n")
    code, _, err = run_ports("history", "--inventory", "mine", "--rfc", "1")
    assert (code, err) == (2, "watcher: error: give --inventory or a document, not both\n")
