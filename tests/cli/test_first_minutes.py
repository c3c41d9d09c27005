"""The first five minutes: a configuration is written and found, and a check or an import can be tried."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.fetch.test_rsync import daemon, needs_rsync
from tests.support.cli_fixtures import RunCli
from tests.support.environment import Environment, open_environment
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import release, tcp
from watcher.cli import config_discovery
from watcher.config.value_types import split_webhook_secrets

PORTS = '[[source]]\nname = "ports"\nurl = "https://example.org/ports.xml"\n'


def read_files(folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of every file below a folder, and the names of the folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b"folder" for path in folder.rglob("*")
    }


# -- init -----------------------------------------------------------------------------------------------------------


def test_init_writes_a_configuration_that_passes_the_check_and_a_first_check_works(run: RunCli, tmp_path: Path) -> None:
    result = run("init", "--yes")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("wrote config.toml\n")
    assert run("config", "check").out == "config.toml: valid; 1 source, 1 channel\n"
    served = tmp_path / "served.xml"
    served.write_bytes(release([tcp("a", "1")], "2021-01-01"))
    config = tmp_path / "config.toml"
    url = tomllib.loads(config.read_text())["source"][0]["url"]
    config.write_text("[fetch]\nallow_files = true\n" + config.read_text().replace(url, served.as_uri()))
    assert run("check").out.startswith("ports: baseline recorded: release of 2021-01-01, 1 entries")
    served.write_bytes(release([tcp("a", "1"), tcp("b", "2")], "2021-01-02"))
    assert "deliveries: 1 sent" in run("check").out
    (alert,) = (tmp_path / "alerts.jsonl").read_text().splitlines()
    assert "port-assigned" in alert


def test_init_asks_three_questions(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("noc@example.org\ntls-parameters, dns-parameters\nops@example.org\n"))
    result = run("init")
    assert (result.code, result.err) == (0, "")
    assert all(
        word in result.out for word in ("so that the registry can reach you", "What to watch", "Where alerts go")
    )
    written = tomllib.loads((tmp_path / "config.toml").read_text())
    assert written["fetch"] == {"contact": "noc@example.org"}
    assert written["source"] == [
        {"name": "iana", "type": "collection", "groups": ["tls-parameters", "dns-parameters"], "every": "24h"}
    ]
    assert written["channel"] == [{"name": "alerts", "type": "email", "to": ["ops@example.org"], "operator": True}]
    assert run("config", "check").code == 0


def test_an_empty_answer_is_the_default(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n\n\n"))
    assert run("init").code == 0
    asked = (tmp_path / "config.toml").read_bytes()
    (tmp_path / "config.toml").unlink()
    assert run("init", "--yes").code == 0
    assert (tmp_path / "config.toml").read_bytes() == asked


@pytest.mark.parametrize(
    ("options", "sources", "channels"),
    [
        (["--watch", "iana", "--alerts", "none"], ["collection"], []),
        (["--watch", "ports", "--alerts", "https://example.org/hook"], [None], ["webhook"]),
        (["--alerts", 'a"b\\c\u007f.jsonl'], [None], ["file"]),
        (["--contact", "https://example.org/about"], [None], ["file"]),
    ],
)
def test_options_answer_the_questions(
    run: RunCli, tmp_path: Path, options: list[str], sources: list[object], channels: list[object]
) -> None:
    assert run("init", "--yes", *options).code == 0
    written = tomllib.loads((tmp_path / "config.toml").read_text())
    assert [table.get("type") for table in written["source"]] == sources
    assert [table["type"] for table in written.get("channel", ())] == channels
    assert run("config", "check").code == 0
    secret = tmp_path / "webhook-secret"
    assert secret.exists() is ("webhook" in channels)
    if secret.exists():
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
        assert len(split_webhook_secrets(secret.read_text())) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--contact", "nobody\nat all"], "fetch.contact"),
        (["--watch", "no group,../x"], "source[0].groups"),
        (["--alerts", "@"], "channel[0].to"),
        (["--alerts", "ftp://example.org/"], "channel[0].url"),
    ],
)
def test_an_answer_that_is_not_valid_writes_nothing(
    run: RunCli, tmp_path: Path, options: list[str], message: str
) -> None:
    result = run("init", "--yes", *options)
    assert (result.code, result.out) == (2, "")
    assert message in result.err
    assert "config.toml: not written; give other answers" in result.err
    assert [*tmp_path.iterdir()] == []


def test_init_never_overwrites(run: RunCli, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.symlink_to(tmp_path / "absent")
    result = run("init", "--yes")
    assert (result.code, result.out) == (2, "")
    assert "config.toml: is there already; edit it, or move it away first" in result.err
    assert config.readlink() == tmp_path / "absent"
    config.unlink()
    (tmp_path / "webhook-secret").write_text("mine")
    (tmp_path / "webhook-secret").chmod(0o600)
    assert run("init", "--yes", "--alerts", "https://example.org/").code == 2
    assert read_files(tmp_path) == {"webhook-secret": b"mine"}


def test_init_writes_the_file_that_is_named_and_creates_its_folder(run: RunCli, tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "watcher.toml"
    result = run("--config", str(path), "init", "--yes")
    assert (result.code, f"watcher --config {path} check" in result.out) == (0, True)
    assert run("--config", str(path), "config", "check").code == 0


def test_a_prompt_without_an_answer_is_one_line(run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    result = run("init")
    assert result.code != 0
    assert result.err.endswith("watcher: interrupted\n")
    assert [*tmp_path.iterdir()] == []


# -- which configuration is used ------------------------------------------------------------------------------------


def test_the_first_place_with_a_configuration_is_used(
    run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "this machine": config_discovery.SYSTEM,
        "the user's configuration": tmp_path / "xdg" / "registry-watcher" / "config.toml",
        "the current folder": tmp_path / "config.toml",
        "$WATCHER_CONFIG": tmp_path / "variable.toml",
        "--config": tmp_path / "option.toml",
    }
    assert run("config", "where").code == 2
    assert "config.toml: no such file; `watcher init` writes one" in run("status").err
    for number, (name, path) in enumerate(files.items(), 1):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{PORTS}\n[store]\npath = "history-{number}.db"\n')
        if name.startswith("$"):
            monkeypatch.setenv("WATCHER_CONFIG", str(path))
        options = ["--config", str(path)] if name.startswith("--") else []
        used = json.loads(run(*options, "config", "where", "--format", "json").out)
        assert (used["place"], (tmp_path / used["file"]).resolve(), used["exists"]) == (name, path, True)
        states = {place["place"]: place["state"] for place in used["places"]}
        assert [*states] == [*reversed(files)]
        assert states[name] == "used"
        assert [*states.values()].count("not used: an earlier place has one") == number - 1
        assert f"valid (found by: {name})" in run(*options, "doctor").out
        assert f"history-{number}.db" in run(*options, "history").err
    text = run("config", "where").out
    assert f"{files['$WATCHER_CONFIG']}" in text
    assert "not used: an earlier place has one" in text


def test_a_file_that_is_named_and_missing_is_an_error_although_others_are_there(
    run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(PORTS)
    monkeypatch.setenv("WATCHER_CONFIG", str(tmp_path / "absent.toml"))
    result = run("sources")
    assert (result.code, "absent.toml: no such file" in result.err) == (2, True)
    assert run("config", "where").code == 2
    monkeypatch.setenv("WATCHER_CONFIG", "")
    assert run("sources").code == 0


def test_the_users_configuration_is_in_the_home_folder_by_default(
    run: RunCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for base in ("", "relative/folder"):
        monkeypatch.setenv("XDG_CONFIG_HOME", base)
        places = json.loads(run("config", "where", "--format", "json").out)["places"]
        assert places[3]["file"] == str(tmp_path / "home" / ".config" / "registry-watcher" / "config.toml")


# -- dry runs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def changed(tmp_path: Path) -> Iterator[Environment]:
    """Yield an environment that has two releases and serves a third."""
    (tmp_path / "world").mkdir()
    with open_environment(tmp_path / "world") as env:
        env.check(release([tcp("a", "1")], "2021-01-01"))
        env.check(release([tcp("a", "1"), tcp("b", "2")], "2021-01-02"))
        env.publish(release([tcp("a", "1"), tcp("b", "2"), tcp("c", "3")], "2021-01-03"))
        yield env


def test_a_dry_check_says_what_would_be_recorded_and_sent_and_changes_nothing(
    run: RunCli, changed: Environment
) -> None:
    folder = changed.servers.folder
    before = read_files(folder)
    config = ("--config", str(changed.servers.config))
    result = run(*config, "check", "--dry-run")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("dry run: nothing is recorded or sent\n")
    assert "3/tcp assigned to c" in result.out
    assert "would send: a message about ports to hook\n" in result.out
    assert "would send: a message about ports to mail (" in result.out
    document = json.loads(run(*config, "check", "--dry-run", "--format", "json").out)
    assert (document["dry_run"], document["deliveries"], len(document["would_send"])) == (True, None, 2)
    assert document["checks"][0]["outcome"] == "changed"
    assert read_files(folder) == before
    assert "deliveries: 2 sent" in run(*config, "check").out
    assert read_files(folder) != before
    assert run(*config, "check", "--dry-run").out.endswith("ports: unchanged\nwould send nothing\n")


def test_a_dry_check_before_the_first_one_creates_nothing(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "served.xml").write_bytes(release([tcp("a", "1")], "2021-01-01"))
    (tmp_path / "config.toml").write_text(
        f'[fetch]\nallow_files = true\n[[source]]\nname = "ports"\nurl = "{(tmp_path / "served.xml").as_uri()}"\n'
    )
    before = read_files(tmp_path)
    assert "ports: baseline recorded" in run("check", "--dry-run").out
    (tmp_path / "served.xml").unlink()
    del before["served.xml"]  # type: ignore[attr-defined]
    assert run("check", "--dry-run").code == 1
    assert read_files(tmp_path) == before


def test_a_dry_run_leaves_a_history_in_wal_mode_alone(run: RunCli, changed: Environment) -> None:
    folder = changed.servers.folder
    connection = sqlite3.connect(folder / "history.db")
    assert connection.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    connection.close()
    before = read_files(folder)
    assert "history.db-wal" not in before
    assert "would send: " in run("--config", str(changed.servers.config), "check", "--dry-run").out
    assert read_files(folder) == before


def test_a_dry_import_says_what_would_be_appended_inserted_and_refused(
    run: RunCli, changed: Environment, tmp_path: Path
) -> None:
    folder = changed.servers.folder
    old = tmp_path / "old"
    old.mkdir()
    for day in ("2020-01-01", "2021-01-02", "2022-01-01"):
        (old / f"{day}.xml").write_bytes(release([tcp("a", "1"), tcp("b", "2")], day))
    (old / "broken.xml").write_text("<registry")
    before = read_files(folder)
    command = ("--config", str(changed.servers.config), "import", "ports", str(old))
    dry = run(*command, "--dry-run")
    assert dry.code == 1
    assert dry.out.startswith("ports: dry run, nothing is changed: ")
    assert "1 inserted in date order" in dry.out
    assert "1 appended" in dry.out
    assert "1 already present" in dry.out
    assert f"refused {old / 'broken.xml'}" in dry.err
    document = json.loads(run(*command, "--dry-run", "--format", "json").out)
    assert (document["dry_run"], document["taken"]["inserted"], len(document["refused"])) == (True, 1, 1)
    assert read_files(folder) == before
    real = run(*command)
    assert (real.code, real.out) == (1, dry.out.replace("dry run, nothing is changed: ", ""))
    assert read_files(folder) != before


# -- the recipe of docs/backfill.md ---------------------------------------------------------------------------------


def test_the_recipe_for_years_of_history_works_with_a_git_repository(run: RunCli, tmp_path: Path) -> None:
    """The mirror of the recipe is a repository with one commit for each release."""
    mirror = tmp_path / "MIRROR"
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    environment |= {
        f"GIT_{who}_{what}": "mirror@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }

    def git(*arguments: str, day: str = "2020-01-01") -> None:
        dates = {"GIT_AUTHOR_DATE": f"{day}T12:00:00Z", "GIT_COMMITTER_DATE": f"{day}T12:00:00Z"}
        subprocess.run(["git", *arguments], cwd=mirror, check=True, capture_output=True, env={**environment, **dates})

    mirror.mkdir()
    git("init", "--quiet")
    days = [str((datetime(2017, 1, 1, tzinfo=UTC) + timedelta(days=90 * number)).date()) for number in range(8)]
    for number, day in enumerate(days):
        file = mirror / "service-names-port-numbers.xml"
        file.write_bytes(release([tcp(f"s{port}", str(port)) for port in range(1, number + 2)], day))
        git("add", "--all")
        git("commit", "--quiet", "--message", "mirror", day=day)
    assert run("init", "--yes").code == 0
    text = (Path(__file__).parents[2] / "docs" / "backfill.md").read_text("utf-8")
    block = text.split("```\n")[1]
    lines = [line for line in block.splitlines() if line]
    assert len(lines) == 2
    clone, load = lines
    assert clone.startswith("git clone --bare ")
    subprocess.run(
        clone.replace("https://MIRROR", str(mirror)).split(), cwd=tmp_path, check=True, capture_output=True,
        env=environment,
    )  # fmt: skip
    assert run(*load.split()[1:]).out == "ports: 1 recorded as baseline; 7 appended\n"
    releases = json.loads(run("releases", "ports", "--format", "json").out)["releases"]
    assert [row["published"] for row in releases] == days
    assert "5/tcp assigned to s5" in run("history", "--port", "5").out


def read_mirror(folder: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Return all that a copy that is linked to the files could change: inode, permissions, time and bytes."""
    return {
        path.name: (about.st_ino, about.st_mode, about.st_mtime_ns, path.read_bytes())
        for path in sorted(folder.rglob("*.xml"))
        for about in (path.stat(),)
    }


def read_own(folder: Path) -> Mapping[str, bytes]:
    """Return the files of the watcher, without those of the rsync daemon, which writes a log."""
    return {name: data for name, data in read_files(folder).items() if not name.startswith("world")}


@needs_rsync
def test_a_dry_check_and_a_dry_import_leave_what_rsync_copied_as_it_was(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "world").mkdir()
    with daemon(tmp_path / "world") as served:
        (tmp_path / "config.toml").write_text(
            f'[fetch]\nallow_private = true\n[[source]]\nname = "iana"\ntype = "collection"\nrsync = "{served.url}"\n'
        )

        def serve(name: str, updated: str, *rows: str) -> None:
            (served.path / name).mkdir(exist_ok=True)
            document = served.path / name / f"{name}.xml"
            document.write_bytes(group(registry("codes", *rows), name=name, updated=updated))

        for name in ("changing", "touched", "steady", "removed"):
            serve(name, "2020-01-01", record(value="1", name="alpha"))
        assert run("check").code == 0
        mirror = tmp_path / "snapshots.mirror"
        before = read_mirror(mirror)
        assert [*before] == ["changing.xml", "removed.xml", "steady.xml", "touched.xml"]
        serve("changing", "2021-01-01", record(value="1", name="alpha"), record(value="2", name="beta"))
        (served.path / "touched" / "touched.xml").touch()
        (served.path / "touched" / "touched.xml").chmod(0o600)
        (served.path / "removed" / "removed.xml").unlink()
        files = read_own(tmp_path)
        dry = run("check", "--dry-run")
        assert "Codes: 2 beta added" in dry.out
        assert (read_mirror(mirror), read_own(tmp_path)) == (before, files)
        (tmp_path / "old" / "changing").mkdir(parents=True)
        old = group(registry("codes", record(value="1", name="older")), name="changing", updated="2019-01-01")
        (tmp_path / "old" / "changing" / "changing.xml").write_bytes(old)
        files = read_own(tmp_path)
        dry = run("import", "iana", "old", "--dry-run")
        assert (dry.code, "1 inserted in date order" in dry.out) == (0, True)
        assert (read_mirror(mirror), read_own(tmp_path)) == (before, files)
        assert "Codes: 2 beta added" in run("check").out
        assert [*read_mirror(mirror)] == ["changing.xml", "steady.xml", "touched.xml"]
