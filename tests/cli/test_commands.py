"""The command line as it is typed: what it prints, and the code it ends with."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jsonschema
import lxml.html
import pytest

from tests.support.environment import open_environment
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import release, tcp
from watcher import __version__, render
from watcher.__main__ import main
from watcher.cli import COMMANDS
from watcher.cli.context import load_settings
from watcher.cli.demo_servers import list_sample_releases
from watcher.cli.run import reload_settings
from watcher.core.errors import ConfigError
from watcher.monitor.result import Outcome

SCHEMA = json.loads((Path(render.__file__).parent / "schema" / "comparison.schema.json").read_text())
OLD, NEW = map(str, list_sample_releases()[:2])
FIRST, LAST = "2024-11-19", "2025-04-22"


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Type a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WATCHER_CONFIG", raising=False)

    def run_command(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["watcher", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(ended.value.code, int)
        return Said(ended.value.code, out, err)

    return run_command


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `watcher demo --keep` leaves: a configuration and a history of six releases."""
    folder = tmp_path_factory.mktemp("demo") / "kept"
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-m", "watcher", "demo", "--keep", str(folder)],
        capture_output=True, text=True, timeout=120, env=environment, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (folder / "said").write_text(done.stdout)
    return folder


@pytest.fixture
def ask(run: Run, kept: Path) -> Run:
    """Type a command that reads the demo's history."""
    return lambda *arguments: run("--config", str(kept / "config.toml"), *arguments)


def test_the_demo_shows_the_whole_job(kept: Path) -> None:
    said = (kept / "said").read_text()
    assert "6 releases, 4 webhooks with a valid signature, 0 with an invalid one, 4 e-mails" in said
    for event in ("port-assigned", "port-deassigned", "service-renamed", "contact-changed", "marked-historic",
                  "unauthorized-use-reported"):  # fmt: skip
        assert event in said
    assert "(was unassigned)" in said
    assert f"watcher diff ports {FIRST} {LAST}" in said


def test_the_demo_leaves_nothing_behind(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    said = run("demo")
    assert said.code == 0
    assert "All files were removed" in said.out
    assert list(tmp_path.iterdir()) == []


def test_the_demo_does_not_write_where_something_is(run: Run, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").touch()
    said = run("demo", "--keep", "full")
    assert said.code == 2
    assert "not empty" in said.err
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["mine"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_is_there_with_examples(run: Run, command: str) -> None:
    said = run(*command.split(), "--help")
    assert said.code == 0
    assert "Usage: watcher" in said.out
    if command not in ("run", "verify", "rebuild", "config", "systemd", "channel"):
        assert "Examples:" in said.out


def test_the_version(run: Run) -> None:
    assert run("--version") == Said(0, f"watcher, version {__version__}\n", "")


def test_a_held_release_is_shown_accepted_and_rejected_by_hand(run: Run, tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release([tcp("a", "1")], "2021-01-18"))
        assert env.check(release([tcp("b", "1")], "2020-01-18")).outcome is Outcome.HELD
        ask = partial(run, "--config", str(env.servers.config))
        said = ask("held")
        assert (said.code, said.err) == (0, "")
        identifier = next(word for word in said.out.split() if len(word) == 12 and word.isalnum())
        assert "its date is 2020-01-18" in " ".join(said.out.split())
        (found,) = json.loads(ask("held", "ports", "--format", "json").out)["held"]
        assert (found["release"], found["reasons"][0]["code"]) == (identifier, "goes_back")
        assert json.loads(ask("status", "--format", "json").out)["sources"][0]["held"] == 1
        unknown = ask("held", "prots")
        assert (unknown.code, unknown.out) == (2, "")
        assert "known: ports" in unknown.err
        rejected = ask("reject", "ports", identifier, "--format", "json")
        assert json.loads(rejected.out)["state"] == "rejected"
        assert ask("held").out == "no held releases\n"
        assert "rejected" in ask("held", "--all").out
        assert ask("check").out.startswith(f"ports: {identifier} of 2020-01-18 is held")
        assert json.loads(ask("check", "--format", "json").out)["checks"][0]["held"]["state"] == "rejected"
        accepted = ask("accept", "ports", identifier)
        assert accepted.code == 0
        assert "service-renamed" in accepted.out or "port-reassigned" in accepted.out
        assert accepted.out.endswith(f"ports: {identifier} is accepted (changed)\n")
        assert sorted(row["channel"] for row in env.rows("outbox")["outbox"]) == ["hook", "mail"]
        for word in ("accept", "reject"):
            again = ask(word, "ports", identifier)
            assert (again.code, again.out) == (2, "")
            assert "it is part of the history" in again.err
            assert "no held release 'ffff'" in ask(word, "ports", "ffff").err


def test_two_files_are_compared_without_configuration(run: Run) -> None:
    said = run("diff", OLD, NEW)
    assert said.code == 0
    assert "3062/tcp,udp assigned to tidepool (was absent)" in said.out
    assert "\x1b" not in said.out, "colours are for terminals"
    assert run("diff", "--exit-code", OLD, NEW).code == 1
    same = run("diff", "--exit-code", OLD, OLD)
    assert (same.code, "nothing changed" in same.out) == (0, True)


def test_json_is_the_contract(run: Run, ask: Run) -> None:
    for said in (
        run("diff", OLD, NEW, "--format", "json"),
        ask("diff", "ports", FIRST, "2024-12-03", "--format", "json"),
    ):
        document = json.loads(said.out)
        jsonschema.validate(document, SCHEMA)
        assert document["counts"]["added"] == 3
        assert {index for event in document["events"] for index in event["changes"]} <= set(
            range(len(document["changes"]))
        )
    fields = document["changes"][-1]["after"] or document["changes"][-1]["before"]
    assert document["old"]["published"] == FIRST
    assert fields is not None


def test_the_schema_refuses_what_is_not_the_contract(run: Run) -> None:
    document = json.loads(run("diff", OLD, NEW, "--format", "json").out)
    for damage in (
        lambda d: d.pop("counts"),
        lambda d: d["events"][0].update(severity="grave"),
        lambda d: d["changes"][0].update(more=1),
        lambda d: d["changes"][0]["key"].update(ordinal=0),
    ):
        damaged = json.loads(json.dumps(document))
        damage(damaged)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(damaged, SCHEMA)


def test_every_rendering_of_a_comparison(ask: Run) -> None:
    rows = list(csv.DictReader(io.StringIO(ask("diff", "ports", FIRST, LAST, "--format", "csv").out)))
    document = json.loads(ask("diff", "ports", FIRST, LAST, "--format", "json").out)
    assert len(rows) >= len(document["changes"])
    page = lxml.html.fromstring(ask("diff", "ports", FIRST, LAST, "--format", "html").out)
    assert "3070/tcp assigned to harbor-link" in page.text_content()
    assert "| notice |" in ask("diff", "ports", FIRST, LAST, "--format", "md").out
    whole = ask("diff", "ports", FIRST, LAST, "--all").out
    assert len(whole) > len(ask("diff", "ports", FIRST, LAST).out)


def test_a_date_names_the_last_release_on_or_before_it(ask: Run) -> None:
    assert ask("diff", "ports", "2024-11-20", "2024-12-31").out == ask("diff", "ports", FIRST, "2024-12-03").out
    release_id = json.loads(ask("releases", "ports", "--format", "json").out)["releases"][1]["release"]
    sha256 = json.loads(ask("releases", "ports", "--format", "json").out)["releases"][0]["sha256"]
    assert ask("diff", "ports", sha256[:10], release_id).out == ask("diff", "ports", FIRST, "2024-12-03").out
    assert ask("diff", "ports", release_id).out == ask("diff", "ports", FIRST, "2024-12-03").out


def test_releases_history_and_show(ask: Run) -> None:
    releases = json.loads(ask("releases", "ports", "--format", "json").out)["releases"]
    assert [each["published"] for each in releases] == [
        "2024-11-19", "2024-12-03", "2025-01-14", "2025-02-11", "2025-03-04", "2025-04-22",
    ]  # fmt: skip
    assert ask("releases", "ports").out.count("\n") == 7
    events = json.loads(ask("history", "--port", "3070", "--format", "json").out)["events"]
    assert [each["id"] for each in events] == ["port-assigned", "service-renamed"]
    assert events[1]["between"] == ["2025-01-14", "2025-02-11"]
    assert ask("history", "--service", "tidepool", "--kind", "deprecated").out.count("\n") == 2
    assert ask("history", "--port", "1").out == f"no matching events (6 releases, {FIRST} to {LAST})\n"
    assert "lamplight" in ask("history", "--search", "unauthorized lamplight").out
    assert "harbor-sync" in ask("show", "ports", "--port", "3070", "--at", "2025-01-20").out
    assert "3063  reserved since 2025-04-22" in ask("show", "ports", "3063").out
    assert json.loads(ask("show", "ports", "tidepool", "--format", "json").out)["schema"] == 1


def test_status_verify_rebuild_and_import(ask: Run, kept: Path, tmp_path: Path) -> None:
    (source,) = json.loads(ask("status", "--format", "json").out)["sources"]
    assert (source["source"], source["releases"], source["failures"]) == ("ports", 6, 0)
    assert "6 snapshots, 0 damaged" in ask("verify").out
    before = ask("history", "--format", "json").out
    assert "6 releases" in ask("rebuild").out
    assert ask("history", "--format", "json").out == before
    assert ask("import", "ports", *map(str, list_sample_releases())).out == "ports: 6 already present\n"
    old = tmp_path / "garbage.xml"
    old.write_text("garbage")
    said = ask("import", "ports", str(old))
    assert (said.code, f"refused {old}" in said.err) == (1, True)


def test_verify_names_what_is_damaged(run: Run, kept: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text((kept / "config.toml").read_text().replace('"snapshots"', '"copies"'))
    (tmp_path / "webhook-secret").write_text((kept / "webhook-secret").read_text())
    (tmp_path / "webhook-secret").chmod(0o600)
    (tmp_path / "copies" / "ports").mkdir(parents=True)
    for path in (kept / "snapshots" / "ports").iterdir():
        (tmp_path / "copies" / "ports" / path.name).write_bytes(path.read_bytes())
    damaged = max((tmp_path / "copies" / "ports").iterdir())
    damaged.write_bytes(damaged.read_bytes()[:-7])
    said = run("verify")
    assert said.code == 1
    assert str(damaged) in said.err
    assert run("verify", "nothing").code == 2


@pytest.fixture
def own(kept: Path, tmp_path: Path) -> Path:
    """The history once more, for who spoils it."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    return tmp_path / "history.db"


def test_verify_holds_the_history_to_the_snapshots(run: Run, own: Path) -> None:
    said = run("verify", "--history")
    assert (said.code, "the history of the newest 10 releases matches their snapshots" in said.out) == (0, True)
    assert json.loads(run("verify", "--history", "--format", "json").out)["misfits"] == []


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        (
            "UPDATE versions SET fields = replace(fields, 'a', 'b') WHERE id = 1",
            "entries of .* differ from its snapshot",
        ),
        ("DELETE FROM changes WHERE after_id IS NULL", "changes of .* differ from those between its snapshots"),
        ("UPDATE changes SET fields = '[]' WHERE fields <> '[]'", "the history of .* has other changed fields"),
        ("UPDATE releases SET content = content || 'x' WHERE id = 2", "has another content than the history"),
    ],
)
def test_verify_names_what_the_history_has_wrong(run: Run, own: Path, spoiled: str, said: str) -> None:
    with closing(sqlite3.connect(own, isolation_level=None)) as database:
        assert database.execute(spoiled).rowcount > 0
    found = run("verify", "ports", "--history")
    assert found.code == 1
    assert re.search(said, found.err)
    assert "watcher rebuild" in found.out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "no-such-file.xml", "other.xml"], "config.toml"),
        (["status"], "config.toml"),
        (["--config", "/no/such/config.toml", "check"], "/no/such/config.toml"),
        (["history", "--port", "99999"], "'99999' is not a port"),
        (["history", "--since", "yesterday"], "not a date"),
        (["history", "--event"], "requires an argument"),
        (["nothing"], "No such command"),
        (["diff"], "Missing argument"),
        (["diff", "a", "b", "c", "d"], "give a source and two releases"),
    ],
)
def test_what_is_typed_wrong_is_one_clear_line(run: Run, arguments: list[str], message: str) -> None:
    said = run(*arguments)
    assert said.code == 2
    assert message in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "ports", "1999-01-01", LAST], "1999-01-01"),
        (["diff", "ports", "ffffffffffff", LAST], "ffffffffffff"),
        (["diff", "nothing", FIRST, LAST], "nothing"),
        (["releases", "nothing"], "nothing"),
        (["check", "nothing"], "no source named 'nothing' is configured"),
        (["channel", "test", "nothing"], "no channel named 'nothing' is configured"),
        (["show", "ports", "no-such-service"], "no-such-service"),
        (["import", "ports", "/no/such/file"], "no such file"),
        (["verify", "nothing"], "nothing"),
    ],
)
def test_what_is_not_there_is_one_clear_line(ask: Run, arguments: list[str], message: str) -> None:
    said = ask(*arguments)
    assert said.code == 2
    assert said.err.startswith("watcher: error: ")
    assert message in said.err
    assert said.err.count("\n") == 1


def test_files_that_are_no_release_are_one_clear_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<html>502</html>")
    (tmp_path / "cut.xml").write_bytes(release([tcp("a", "1")])[:-20])
    for name, reason in (("page.xml", "a web page"), ("cut.xml", "not well-formed")):
        said = run("diff", name, OLD)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert f"{name}: line" in said.err
        assert reason in said.err


def test_a_failed_check_ends_with_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'[fetch]\nallow_files = true\n[[source]]\nname = "ports"\nurl = "file://{tmp_path}/absent.xml"\n'
    )
    said = run("check")
    assert said.code == 1
    assert "ports: check failed" in said.err
    (tmp_path / "absent.xml").write_bytes(Path(OLD).read_bytes())
    said = run("check", "--format", "json")
    assert said.code == 0
    assert json.loads(said.out)["checks"][0]["outcome"] == "baseline"
    assert run("check").out == "ports: unchanged\n"
    (tmp_path / "absent.xml").write_bytes(Path(NEW).read_bytes())
    assert "assigned to tidepool" in run("check").out


def test_the_configuration_is_checked_and_shown(run: Run, tmp_path: Path) -> None:
    example = run("config", "example")
    (tmp_path / "config.toml").write_text(example.out)
    assert run("config", "check").out == "config.toml: valid; 1 sources, 0 channels\n"
    assert json.loads(run("config", "schema").out)["type"] == "object"
    (tmp_path / "config.toml").write_text('sauce = 1\n[[source]]\nname = "A b"\nurl = "gopher://x"\n')
    said = run("config", "check")
    assert said.code == 2
    assert said.err.count("watcher: error:") >= 3


def test_pipes_work(kept: Path) -> None:
    command = f"{sys.executable} -m watcher --config {kept / 'config.toml'} history | head -n 1"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.startswith("RELEASE")
    assert done.stderr == ""
    with Path(OLD).open("rb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "watcher", "diff", "-", NEW], stdin=file, capture_output=True, text=True, check=True,
            timeout=60,
        )  # fmt: skip
    assert "assigned to tidepool" in done.stdout


def test_files_of_any_registry_are_read_by_what_they_say_they_are(run: Run, tmp_path: Path) -> None:
    rows = [record("rfc1", value=str(number), description=f"n{number}") for number in range(3)]
    (tmp_path / "old.xml").write_bytes(group(registry("r", *rows[:2])))
    (tmp_path / "new.xml").write_bytes(group(registry("r", *rows), updated="2020-02-01"))
    found = run("diff", str(tmp_path / "old.xml"), str(tmp_path / "new.xml"))
    assert found.out.startswith("toy-parameters  2020-01-01 → 2020-02-01    1 added")
    assert "entry-added" in found.out
    (tmp_path / "old.csv").write_text("code,name\n1,one\n")
    (tmp_path / "new.csv").write_text("code,name\n1,one\n2,two\n")
    found = run("diff", "--key", "code", str(tmp_path / "old.csv"), str(tmp_path / "new.csv"))
    assert "2 two added" in found.out
    assert run("diff", "--key", "x", str(tmp_path / "old.csv"), str(tmp_path / "new.csv")).code == 2


def test_an_entry_of_any_registry_is_shown_with_its_life(run: Run, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[source]]\nname = "toys"\nurl = "https://example.org/toys.xml"\nregistry = "iana"\n'
    )
    rows = [record("rfc1", value=f"0x0{number}", description=f"n{number}", flag="Y") for number in range(3)]
    for day, held in (("2020-01-01", rows[:2]), ("2020-02-01", rows)):
        (tmp_path / f"{day}.xml").write_bytes(group(registry("r", *held), updated=day))
        assert run("import", "toys", str(tmp_path / f"{day}.xml")).code == 0
    for what in ("n2", "0x02", "2"):
        found = run("show", "toys", what)
        assert "r  0x02  n2" in found.out, what
        assert "flag: Y" in found.out
        assert "entry-added" in found.out
    assert "n2" not in run("show", "toys", "n1").out


def test_a_reader_that_has_gone_is_no_error(kept: Path) -> None:
    command = [sys.executable, "-m", "watcher", "--config", str(kept / "config.toml"), "history", "--format", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.fault(61)
@pytest.mark.parametrize("table", ['[store]\npath = "other.db"\n', '[metrics]\nlisten = "127.0.0.1:9999"\n'])
def test_what_cannot_change_while_the_daemon_runs_is_refused_on_reload(tmp_path: Path, table: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[log]\nlevel = "info"\n')
    running = load_settings(config)
    config.write_text('[log]\nlevel = "debug"\n')
    assert reload_settings(config, running).log.level == "debug"
    config.write_text(table)
    with pytest.raises(ConfigError, match="cannot change while the daemon runs"):
        reload_settings(config, running)
