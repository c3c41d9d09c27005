"""Commands as they are typed: what they print, and their exit codes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_fixtures import CliResult, RunCli
from tests.support.environment import open_environment
from tests.support.group_releases import group, record, registry
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from tests.support.table_source import TableSource, table
from watcher import __version__
from watcher.cli import COMMANDS, output
from watcher.cli.context import load_settings
from watcher.cli.demo_servers import list_sample_releases
from watcher.cli.run import reload_settings
from watcher.core.errors import ConfigError
from watcher.monitor.result import Outcome
from watcher.render.json import dumps
from watcher.store import event_reader

OLD, NEW = map(str, list_sample_releases()[:2])
FIRST, LAST = "2024-11-19", "2025-04-22"


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_has_a_help_text_with_examples(run: RunCli, command: str) -> None:
    result = run(*command.split(), "--help")
    assert result.code == 0
    assert "Usage: watcher" in result.out
    if command not in ("run", "verify", "rebuild", "config", "systemd", "channel"):
        assert "Examples:" in result.out


def test_the_version_is_printed(run: RunCli) -> None:
    assert run("--version") == CliResult(0, f"watcher, version {__version__}\n", "")


def test_a_held_release_is_listed_rejected_and_accepted(run: RunCli, tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release([tcp("a", "1")], "2021-01-18"))
        assert env.check(release([tcp("b", "1")], "2020-01-18")).outcome is Outcome.HELD
        run_here = partial(run, "--config", str(env.servers.config))
        result = run_here("held")
        assert (result.code, result.err) == (0, "")
        identifier = next(word for word in result.out.split() if len(word) == 12 and word.isalnum())
        assert "its date is 2020-01-18" in " ".join(result.out.split())
        (hold,) = json.loads(run_here("held", "ports", "--format", "json").out)["held"]
        assert (hold["release"], hold["reasons"][0]["code"]) == (identifier, "goes_back")
        assert json.loads(run_here("status", "--format", "json").out)["sources"][0]["held"] == 1
        unknown = run_here("held", "prots")
        assert (unknown.code, unknown.out) == (2, "")
        assert "did you mean 'ports'?" in unknown.err
        rejected = run_here("reject", "ports", identifier, "--format", "json")
        assert json.loads(rejected.out)["state"] == "rejected"
        assert run_here("held").out == "no held releases\n"
        assert "rejected" in run_here("held", "--all").out
        assert run_here("check").out.startswith(f"ports: {identifier} of 2020-01-18 is served again and stays rejected")
        assert json.loads(run_here("check", "--format", "json").out)["checks"][0]["held"]["state"] == "rejected"
        accepted = run_here("accept", "ports", identifier)
        assert accepted.code == 0
        assert "service-renamed" in accepted.out or "port-reassigned" in accepted.out
        assert accepted.out.endswith(f"ports: {identifier} is accepted (changed)\n")
        assert sorted(row["channel"] for row in env.rows("outbox")["outbox"]) == ["hook", "mail"]
        for word in ("accept", "reject"):
            again = run_here(word, "ports", identifier)
            assert (again.code, again.out) == (2, "")
            assert "it is part of the history" in again.err
            assert "no held release 'ffff'" in run_here(word, "ports", "ffff").err


def test_a_long_history_is_printed_in_parts(run_in_demo: RunCli, monkeypatch: pytest.MonkeyPatch) -> None:
    formats = ("text", "json", "csv", "md")
    wanted = [run_in_demo("history", "--format", name).out for name in formats]
    # JSON as it is written at once, and a table that is as wide as all of its rows need.
    document = json.loads(wanted[1])
    assert dumps(document, indent=2) + "\n" == wanted[1]
    headings, *lines = wanted[0].splitlines()
    assert {line[headings.index("WHAT") - 2 :][:2] for line in lines} == {"  "}
    monkeypatch.setattr(output, "_PRINTED_TOGETHER", 1)
    monkeypatch.setattr(event_reader, "_READ_TOGETHER", 1)
    assert [run_in_demo("history", "--format", name).out for name in formats] == wanted
    nothing = run_in_demo("history", "--port", "1", "--format", "json").out
    assert dumps(json.loads(nothing), indent=2) + "\n" == nothing
    assert json.loads(nothing)["events"] == []


def test_releases_history_and_show(run_in_demo: RunCli) -> None:
    releases = json.loads(run_in_demo("releases", "ports", "--format", "json").out)["releases"]
    assert [row["published"] for row in releases] == [
        "2024-11-19", "2024-12-03", "2025-01-14", "2025-02-11", "2025-03-04", "2025-04-22",
    ]  # fmt: skip
    assert run_in_demo("releases", "ports").out.count("\n") == 9
    events = json.loads(run_in_demo("history", "--port", "3070", "--format", "json").out)["events"]
    assert [row["id"] for row in events] == ["port-assigned", "service-renamed"]
    assert events[1]["between"] == ["2025-01-14", "2025-02-11"]
    assert run_in_demo("history", "--service", "tidepool", "--kind", "deprecated").out.count("\n") == 2
    assert run_in_demo("history", "--port", "1").out == f"no matching events (6 releases, {FIRST} to {LAST})\n"
    assert "lamplight" in run_in_demo("history", "--search", "unauthorized lamplight").out
    assert "harbor-sync" in run_in_demo("show", "ports", "--port", "3070", "--at", "2025-01-20").out
    assert "3063  reserved since 2025-04-22" in run_in_demo("show", "ports", "3063").out
    assert json.loads(run_in_demo("show", "ports", "tidepool", "--format", "json").out)["schema"] == 1


def test_every_command_understands_months_days_ago_and_the_latest_release(run_in_demo: RunCli) -> None:
    months = run_in_demo("history", "--since", "2025-01", "--until", "2025-02", "--format", "csv").out
    assert {line.split(",")[1] for line in months.splitlines()[1:]} == {"2025-01-14", "2025-02-11"}
    latest = run_in_demo("history", "--since", "latest", "--until", "latest", "--format", "csv").out
    assert {line.split(",")[1] for line in latest.splitlines()[1:]} == {LAST}
    assert run_in_demo("diff", "ports", "2025-02", "2025-03").out == run_in_demo("diff", "ports", "2025-03-04").out
    assert run_in_demo("diff", "ports", "latest").out == run_in_demo("diff", "ports", "today").out
    assert "(release of 2025-01-14)" in run_in_demo("show", "ports", "3070", "--at", "2025-01").out
    assert run_in_demo("diff", "ports", "2024-02-30").code == 2
    assert run_in_demo("outbox", "--since", "latest").code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["history", "--event", "port-asigned"], "unknown event 'port-asigned'; did you mean 'port-assigned'?"),
        (["history", "--protocol", "tpc"], "unknown protocol 'tpc'; did you mean 'tcp'?"),
        (["show", "ports", "3070/tpc"], "unknown protocol 'tpc'; did you mean 'tcp'?"),
        (["outbox", "--channel", "demmo"], "unknown channel 'demmo'; "),
        (["resend", "--channel", "demmo", "--dry-run"], "no channel named 'demmo' is configured"),
        (["check", "port"], "; did you mean 'ports'?"),
    ],
)
def test_an_unknown_event_protocol_channel_or_source_is_an_error_with_a_suggestion(
    run_in_demo: RunCli, arguments: list[str], message: str
) -> None:
    result = run_in_demo(*arguments)
    assert (result.code, result.out) == (2, "")
    assert message in result.err


def test_a_protocol_may_be_written_in_capitals(run_in_demo: RunCli) -> None:
    lower, upper = (run_in_demo("show", "ports", f"3070/{name}").out for name in ("tcp", "TCP"))
    assert lower.lower() == upper.lower() != ""
    events = [run_in_demo("history", "--protocol", name).out for name in ("tcp", "TCP")]
    assert events[0] == events[1] != ""


def test_status_verify_rebuild_and_import(run_in_demo: RunCli, demo_folder: Path, tmp_path: Path) -> None:
    (source,) = json.loads(run_in_demo("status", "--format", "json").out)["sources"]
    assert (source["source"], source["releases"], source["failures"]) == ("ports", 6, 0)
    assert "6 snapshots, 0 damaged" in run_in_demo("verify").out
    before = run_in_demo("history", "--format", "json").out
    assert "6 releases" in run_in_demo("rebuild").out
    assert run_in_demo("history", "--format", "json").out == before
    assert run_in_demo("import", "ports", *map(str, list_sample_releases())).out == "ports: 6 already present\n"
    old = tmp_path / "garbage.xml"
    old.write_text("garbage")
    result = run_in_demo("import", "ports", str(old))
    assert (result.code, f"refused {old}" in result.err) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["diff", "no-such-file.xml", "other.xml"], "config.toml"),
        (["status"], "config.toml"),
        (["--config", "/no/such/config.toml", "check"], "/no/such/config.toml"),
        (["history", "--port", "99999"], "'99999' is not a port"),
        (["history", "--since", "last year"], "'last year' is not a date; write YYYY-MM-DD"),
        (["history", "--until", "2024-02-30"], "'2024-02-30' is not a date: there is no such day"),
        (["show", "ports", "1", "--at", "2024-13-01"], "'2024-13-01' is not a date"),
        (["outbox", "--since", "2024-00"], "'2024-00' is not a date"),
        (["resend", "--since", "2024-02-31"], "'2024-02-31' is not a date"),
        (["history", "--event"], "requires an argument"),
        (["nothing"], "No such command"),
        (["diff"], "Missing argument"),
        (["diff", "a", "b", "c", "d"], "give a source and two releases"),
    ],
)
def test_a_usage_error_is_one_clear_line(run: RunCli, arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert message in result.err
    assert result.out == ""


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
def test_an_unknown_name_is_one_clear_line(run_in_demo: RunCli, arguments: list[str], message: str) -> None:
    result = run_in_demo(*arguments)
    assert result.code == 2
    assert result.err.startswith("watcher: error: ")
    assert message in result.err
    assert result.err.count("\n") == 1


def test_a_failed_check_exits_with_1(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        f'[fetch]\nallow_files = true\n[[source]]\nname = "ports"\nurl = "file://{tmp_path}/absent.xml"\n'
    )
    result = run("check")
    assert result.code == 1
    assert "ports: check failed" in result.err
    (tmp_path / "absent.xml").write_bytes(Path(OLD).read_bytes())
    result = run("check", "--format", "json")
    assert result.code == 0
    assert json.loads(result.out)["checks"][0]["outcome"] == "baseline"
    assert run("check").out == "ports: unchanged\n"
    (tmp_path / "absent.xml").write_bytes(Path(NEW).read_bytes())
    assert "assigned to tidepool" in run("check").out


def test_the_configuration_is_checked_and_shown(run: RunCli, tmp_path: Path) -> None:
    example = run("config", "example")
    (tmp_path / "config.toml").write_text(example.out)
    assert run("config", "check").out == "config.toml: valid; 1 source, 0 channels\n"
    assert json.loads(run("config", "schema").out)["type"] == "object"
    (tmp_path / "config.toml").write_text('sauce = 1\n[[source]]\nname = "A b"\nurl = "gopher://x"\n')
    result = run("config", "check")
    assert result.code == 2
    assert result.err.count("watcher: error:") >= 3


def test_pipes_work(demo_folder: Path) -> None:
    command = f"{sys.executable} -m watcher --config {demo_folder / 'config.toml'} history | head -n 1"
    process = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True, timeout=60)
    assert process.stdout.startswith("RELEASE")
    assert process.stderr == ""
    with Path(OLD).open("rb") as file:
        process = subprocess.run(
            [sys.executable, "-m", "watcher", "diff", "-", NEW], stdin=file, capture_output=True, text=True, check=True,
            timeout=60,
        )  # fmt: skip
    assert "assigned to tidepool" in process.stdout


def test_an_entry_of_any_registry_is_shown_with_its_history(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[source]]\nname = "toys"\nurl = "https://example.org/toys.xml"\nregistry = "iana"\n'
    )
    rows = [record("rfc1", value=f"0x0{number}", description=f"n{number}", flag="Y") for number in range(3)]
    for day, held in (("2020-01-01", rows[:2]), ("2020-02-01", rows)):
        (tmp_path / f"{day}.xml").write_bytes(group(registry("r", *held), updated=day))
        assert run("import", "toys", str(tmp_path / f"{day}.xml")).code == 0
    for what in ("n2", "0x02", "2"):
        result = run("show", "toys", what)
        assert "r  0x02  n2" in result.out, what
        assert "flag: Y" in result.out
        assert "entry-added" in result.out
    assert "n2" not in run("show", "toys", "n1").out


def test_a_closed_pipe_is_not_an_error(demo_folder: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "watcher",
        "--config",
        str(demo_folder / "config.toml"),
        "history",
        "--format",
        "json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


@pytest.mark.fault(61)
@pytest.mark.parametrize("table", ['[store]\npath = "other.db"\n', '[metrics]\nlisten = "127.0.0.1:9999"\n'])
def test_a_reload_refuses_changes_that_a_running_daemon_cannot_make(tmp_path: Path, table: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[log]\nlevel = "info"\n')
    running = load_settings(config)
    config.write_text('[log]\nlevel = "debug"\n')
    assert reload_settings(config, running).log.level == "debug"
    config.write_text(table)
    with pytest.raises(ConfigError, match="cannot change while the daemon runs"):
        reload_settings(config, running)


def test_a_reload_never_opens_the_pages_to_other_machines(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[web]\nlisten = "192.0.2.1:8080"\ntoken = "env:TOKEN"\n')
    running = load_settings(config)
    config.write_text('[web]\nlisten = "127.0.0.1:8080"\n')
    with pytest.raises(ConfigError, match=r"web\.token: other machines reach 192\.0\.2\.1:8080 until"):
        reload_settings(config, running)
    config.write_text('[web]\nlisten = "127.0.0.1:8080"\ntoken = "env:TOKEN"\n')
    assert reload_settings(config, running).web.token == "env:TOKEN"


def test_a_document_is_a_view_over_all_sources(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        "".join(
            f'[[source]]\nname = "{name}"\nurl = "https://example.org/{name}.xml"\nregistry = "iana"\n'
            for name in ("toys", "games")
        )
    )
    plain, dice = record("rfc1", value="1", description="ball"), record("rfc1", value="2", description="dice")
    early = record("draft-ietf-toy-03", value="3", description="kite")
    published = record("rfc9350", value="3", description="kite")
    moved = record("rfc1 rfc9350", value="2", description="dice")
    note = record("rfc1", value="4", description="RFC 9350 is only mentioned")
    for name, day, rows in (
        ("toys", "2020-01-01", [plain, dice]),
        ("games", "2020-01-01", [plain, dice]),
        ("toys", "2020-02-01", [plain, dice, early, note]),
        ("toys", "2020-03-01", [plain, dice, published, note]),
        ("games", "2020-03-01", [plain, moved, published]),
        ("games", "2020-04-01", [plain, moved]),
    ):
        file = tmp_path / f"{name}-{day}.xml"
        file.write_bytes(group(registry("r", *rows), registry("s", record("rfc1", value="9")), updated=day))
        assert run("import", name, str(file)).code == 0
    for form in ("9350", "RFC9350", "rfc9350"):
        assert run("history", "--rfc", form).out.startswith("RFC 9350 was published: 2 registries in 2 groups\n"), form
    result = json.loads(run("history", "--rfc", "9350", "--format", "json").out)
    assert result["registries"] == [{"source": name, "registry": "r"} for name in ("games", "toys")]
    assert {(row["source"], row["values"][0]) for row in result["created"]} == {("games", "3")}
    assert {(row["source"], row["values"][0]) for row in result["changed"]} == {("games", "2"), ("toys", "3")}
    assert [(row["source"], row["published"]) for row in result["later"]] == [("games", "2020-04-01")]
    for draft in ("draft-ietf-toy", "draft-ietf-toy-03", "draft-ietf-toy-00"):
        shown = json.loads(run("history", "--draft", draft, "--format", "json").out)
        assert [(row["source"], row["published"]) for row in shown["created"]] == [("toys", "2020-02-01")]
        assert [row["published"] for row in shown["later"]] == ["2020-03-01"]
    text = run("history", "--rfc", "9350", "games").out
    assert text.startswith("RFC 9350 was published: 1 registry in 1 group\n")
    assert "\ncreated\n  games\n    2020-03-01  " in text
    assert run("history", "--rfc", "1234").out == "no event brought a reference to RFC 1234\n"
    assert run("history", "--rfc", "x").code == 2


def test_an_entry_is_followed_over_renames_with_since_when_its_status_holds(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[[source]]\nname = "toys"\nurl = "https://example.org/toys.xml"\nregistry = "iana"\n'
    )
    other = [record("rfc1", value=f"0x0{number}", description=f"n{number}", owner="-") for number in range(3)]
    person = '<person id="Ann_Toy"><name>Ann Toy</name><org>Toys</org><uri>mailto:ann&amp;example.org</uri></person>'
    for day, name, references, retired in (
        ("2020-02-01", "KITE_256", "draft-ietf-kite-01", ""),
        ("2020-03-01", "KITE_512", "draft-ietf-kite-01", ""),
        ("2020-04-01", "KITE_512", "rfc1", ""),
        ("2020-05-01", "KITE_512", "rfc1", " (deprecated)"),
    ):
        kite = record(references, value="0x09", description=name + retired, owner="[Ann_Toy]", date="2019-12-24")
        for when, rows in (("2020-01-01", other), (day, [*other, kite])):
            (tmp_path / f"{when}.xml").write_bytes(group(registry("r", *rows), updated=when, people=person))
            assert run("import", "toys", str(tmp_path / f"{when}.xml")).code == 0

    def show(*arguments: str) -> tuple[str, dict[str, Any]]:
        return run("show", "toys", *arguments).out, json.loads(run("show", "toys", *arguments, "--format", "json").out)

    for what in ("KITE_512", "KITE_256", "0x09"):
        text, result = show(what, "--at", "2020-04")
        assert "assigned since 2020-02-01 (registered 2019-12-24), text last changed 2020-04-01" in text, what
        assert "[Ann_Toy] Ann Toy, Toys, ann@example.org" in text
        assert result["events"][0]["id"] == "entry-added"
        assert result["contacts"]["Ann_Toy"]["org"] == "Toys"
    text, result = show("KITE_512")
    assert "deprecated since 2020-05-01 (registered 2019-12-24)  (" in text
    assert [version["fields"]["description"][:8] for version in result["versions"]] == ["KITE_256", *["KITE_512"] * 3]
    assert len(result["lives"]) == 1
    assert "assigned since 2020-01-01 or before  (" in show("n1")[0]
    assert "contact, last changed 2020-01-01" in show("Ann_Toy")[0]
    assert show("Ann_Toy")[1]["current"][0]["standing"] is None


def test_an_alert_that_cannot_be_sent_now_is_no_failed_check(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    source.config.write_text(source.config.read_text() + "[smtp]\nport = 9\n")
    source.check(table("Value,Name", "1,a"))
    source.served.write_bytes(table("Value,Name", "1,a", "2,b"))
    done = run_command(source.config, "check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("deliveries: 0 sent, 1 queued for retry, 0 failed\n")


def test_after_a_rejection_the_hints_say_how_to_undo_it(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    source.check(table("Value,Name", *(f"{number},n{number}" for number in range(30))))
    source.check(table("Value,Name", "1,n1"))
    (held,) = json.loads(run_command(source.config, "held", "--format", "json").stdout)["held"]
    accept = f"`watcher accept t {held['release']}`"
    assert accept in run_command(source.config, "reject", "t", held["release"]).stdout
    done = run_command(source.config, "check", "--no-deliver")
    assert "is served again and stays rejected" in done.stdout
    assert f"{accept} accepts it" in done.stdout
    assert "watcher reject" not in done.stdout
    newest = source.check(table("Value,Name", *(f"{number},n{number}" for number in range(31)))).release
    assert newest is not None
    hint = f"`watcher accept t {newest.release.id}` takes it back"
    assert hint in run_command(source.config, "reject", "t", newest.release.id, "--from-history").stdout
    assert run_command(source.config, "accept", "t", newest.release.id).returncode == 0


def test_a_delivery_that_fails_is_counted_and_is_no_failed_check(tmp_path: Path) -> None:
    source = TableSource(folder=tmp_path)
    source.config.write_text(f"[smtp]\nport = 1\n{source.config.read_text()}")
    source.check(table("Value,Name", "1,n1"))
    source.served.write_bytes(table("Value,Name", "1,n1", "2,n2"))
    done = run_command(source.config, "check", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["deliveries"]) == (0, {"sent": 0, "retried": 1, "failed": 0})
    assert (
        json.loads(run_command(source.config, "check", "--no-deliver", "--format", "json").stdout)["deliveries"] is None
    )


def test_an_sqlite_that_is_too_old_is_one_line_at_the_start_and_a_problem_of_doctor(
    run_in_demo: RunCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    monkeypatch.setattr(sqlite3, "sqlite_version", "3.34.1")
    needs = "SQLite 3.34.1 is too old: the history needs 3.38 or newer; upgrade libsqlite3, or use"
    for command in ("check", "status", "history", "verify --history"):
        result = run_in_demo(*command.split())
        assert result.code == 2
        assert needs in result.err
        assert sum(line.startswith("watcher: error: ") for line in result.err.splitlines()) <= 1
    examined = run_in_demo("doctor")
    assert examined.code == 2
    assert f"problem  sqlite       {needs}" in examined.out


def test_every_command_answers_before_the_first_release(run: RunCli, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Code,Name\n1,a\n")
    (tmp_path / "config.toml").write_text(
        f'[fetch]\nallow_files = true\n[[source]]\nname = "t"\nurl = "{(tmp_path / "t.csv").as_uri()}"\n'
        'registry = "iana"\nformat = "csv"\n[source.hold]\nmin_entries = 5\n'
    )
    (tmp_path / "config.toml").chmod(0o600)
    answers = {
        "check": "is held: it has 1 entries",
        "releases t": "no releases yet",
        "history t": "no matching events (no releases yet)",
        "show t a": "t has no release yet; run `watcher check t`, import one, or see `watcher held`",
        "audit t.csv --source t": "t has no release yet; run `watcher check t`",
        "audit t.csv": "no source with a history has the registry of the list",
        "diff t 2020 2021": "t has no release yet",
        "deadlines t": "no early allocations (no releases yet)",
        "verify --history": "1 snapshots, 0 damaged",
        "rebuild": "t: 0 releases",
        "rebuild --events": "t: 0 releases",
    }
    for command, answer in answers.items():
        result = run(*command.split())
        assert answer in result.out + result.err, command


def test_a_path_that_cannot_be_used_is_one_line_whatever_is_done_with_it(run_in_demo: RunCli) -> None:
    # For root, who may read everything, too.
    long = f"/{'x' * 300}"
    for path in (long, "/dev/null/x", "/proc/none/x"):
        for command in ("backup {}", "backup {} --verify", "demo --keep {}", "import ports {}"):
            result = run_in_demo(*command.format(path).split())
            assert (result.code, result.out) == (2, ""), command
            assert result.err.startswith("watcher: error: /"), command
            assert result.err.count("\n") == 1, command
