"""`watcher import --archive-only`, and `watcher rebuild` after it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.cli_fixtures import RunCli
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import release, tcp


def write_config(folder: Path) -> str:
    sources = '[[source]]\nname = "ports"\nurl = "https://registry.example/ports.xml"\n'
    sources += '[[source]]\nname = "iana"\ntype = "collection"\ngroups = ["toy"]\ninclude = ["toy"]\n'
    (folder / "config.toml").write_text(sources)
    (folder / "config.toml").chmod(0o600)
    return str(folder / "config.toml")


def test_files_that_come_one_by_one_are_archived_and_become_a_history_later(run: RunCli, tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for number in (2, 1, 3):
        (path := tmp_path / f"{number}.xml").write_bytes(release([tcp("a", str(number))], f"2020-01-0{number}"))
        done = run("--config", config, "import", "ports", str(path), "--archive-only")
        assert done.out == "ports: 1 archived\nports: run `watcher rebuild` to make releases of what is archived\n"
    assert run("--config", config, "history").out == "no matching events (no releases yet)\n"
    again = run("--config", config, "import", "ports", str(tmp_path / "1.xml"), "--archive-only", "--format", "json")
    assert json.loads(again.out)["taken"] == {"unchanged": 1}
    assert run("--config", config, "rebuild").out == "ports: 3 releases\n"
    releases = run("--config", config, "releases", "ports", "--format", "json").out
    assert [line["published"] for line in json.loads(releases)["releases"]] == [
        "2020-01-01",
        "2020-01-02",
        "2020-01-03",
    ]
    assert run("--config", config, "verify", "--history").code == 0


def test_groups_of_a_collection_are_archived(run: RunCli, tmp_path: Path) -> None:
    config = write_config(tmp_path)
    for number in (1, 2):
        folder = tmp_path / f"2020-01-0{number}"
        folder.mkdir()
        records = [record(value=str(value), description=f"v{value}") for value in range(number)]
        (folder / "toy.xml").write_bytes(group(registry("x", *records), name="toy", updated=folder.name))
    done = run("--config", config, "import", "iana", str(tmp_path), "--archive-only")
    assert done.out.startswith("iana: 2 archived\n"), done.err
    assert "iana.toy: 2 releases" in run("--config", config, "rebuild").out
