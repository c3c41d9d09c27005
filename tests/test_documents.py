"""The documents say what the code does."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from datetime import timedelta
from pathlib import Path

import click
import pytest

from watcher import render
from watcher.alerts import delivery
from watcher.alerts.channels import smtp_errors, smtp_session, webhook, webhook_message
from watcher.cli import COMMANDS, watcher
from watcher.cli.demo_servers import list_sample_releases
from watcher.config import load
from watcher.config.daemon_settings import DaemonSettings
from watcher.config.hold_settings import HoldSettings
from watcher.config.settings import FetchSettings
from watcher.core.model import Severity
from watcher.core.operations import NOTICES
from watcher.core.read_settings import ReadSettings
from watcher.daemon import daemon, daemon_jobs
from watcher.fetch.rsync import Rsync
from watcher.formats import text as formats_text
from watcher.monitor.plausibility import STALE
from watcher.registries.catalog import REGISTRIES, event_ids
from watcher.render.exports import EXPORTS
from watcher.store import database, lock_holders
from watcher.web import server

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
        default = next(registry.events[name].severity for registry in REGISTRIES.values() if name in registry.events)
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
        if isinstance(command, click.Group):
            command = command.commands[arguments[0]]
        options = {option for parameter in command.params for option in parameter.opts}
        assert {option for option in arguments if option.startswith("--")} - {"--config"} <= options, line


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_command_line_in_a_document_is_accepted(path: Path) -> None:
    """Each is parsed and not run. What stands in a document for any word is a word here."""
    text = path.read_text("utf-8")
    lines = re.findall(r"^(?:\$ )?(watcher [a-z][^\n]*)", text, re.MULTILINE) + re.findall(
        r"`(watcher [a-z][^`]*)`", text
    )
    for line in lines:
        typed = re.split(r" {2,}| #", line)[0]  # what follows explains it
        arguments = shlex.split(re.sub(r"\[[^]]*\]|…", "x", typed))[1:]
        context = click.Context(watcher, info_name="watcher")
        command, place = watcher, context
        while isinstance(command, click.Group) and arguments:
            name, inner, _ = command.resolve_command(place, arguments)
            assert inner is not None, line
            assert name is not None
            arguments = arguments[1:]
            place, command = click.Context(inner, place, info_name=name), inner
        known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
        assert {option.split("=")[0] for option in arguments if option.startswith("-")} <= known | {"--help"}, line


def test_every_export_format_has_a_section_and_a_row() -> None:
    text = (ROOT / "docs" / "exports.md").read_text("utf-8")
    headings = ", ".join(re.findall(r"^## (.*)", text, re.MULTILINE)).split(", ")
    rows = ", ".join(re.findall(r"^\| (`.*?`) \|", text, re.MULTILINE)).replace("`", "").split(", ")
    assert {*EXPORTS} == {*headings} == {*rows} - {"format"}


def test_no_document_has_the_marks_of_a_merge() -> None:
    for path in DOCUMENTS:
        assert re.findall(r"^(?:<{7}|={7}|>{7})(?: |$)", path.read_text("utf-8"), re.MULTILINE) == [], path.name


def test_documents_have_the_numbers_of_the_code() -> None:
    """Of each page the sentences whose numbers are constants: one that changes alone is found here."""
    rsync = Rsync(url="rsync://localhost/x/")
    expected = {
        "formats.md": (
            f"XML, CSV and TSV are read up to {formats_text.MAX_ROWS:,} rows, the other formats up to 500,000",
            f"default {FetchSettings().max_bytes // 2**20} MiB",
        ),
        "decisions.md": (f"limited to {formats_text.MAX_ROWS_AT_ONCE:,} rows",),
        "delivery.md": (
            f"it reads at most {webhook._REPLY_BYTES // 1024} KiB",
            f"it reads at most {smtp_session._REPLY_BYTES // 1024} KiB",
            f"up to {daemon_jobs._CHANNELS} at a time",
            f"at most {smtp_errors.LONGEST_ERROR} characters",
            f"over some {sum(delivery.RETRY_WAITS, timedelta()) / timedelta(hours=1):.0f} hours",
        ),
        "collections.md": (
            f"no file over {rsync.most_file_bytes // 2**20} MiB, {rsync.most_bytes // 2**30} GiB in all",
            f"({FetchSettings().min_interval:g})",
        ),
        "json.md": (f"at most {webhook_message.MAX_BYTES:,} bytes", f"over {webhook_message._TEXT_LENGTH} characters"),
        "storage.md": (
            f"{database.BUSY_SECONDS:.0f} seconds for a process that does nothing",
            f"{lock_holders.LONGEST_WAIT / 60:.0f} minutes for one that works",
        ),
        "health.md": (f"to {server._CONNECTIONS} clients at a time, ten seconds each",),
        "held.md": (f"After `confirm_after` checks in a row ({HoldSettings().confirm_after})",),
        "operation.md": (
            f"have {DaemonSettings().grace.seconds} seconds to finish",
            f"`[daemon] hung_after` ({DaemonSettings().hung_after.seconds // 60} minutes)",
            f"`[daemon] jitter` ({DaemonSettings().jitter.seconds} seconds)",
            "a tenth of its `every`",
        ),
    }
    assert (server._DEADLINE, daemon._SPREAD) == (10.0, 0.1)
    for name, sentences in expected.items():
        text = (ROOT / "docs" / name).read_text("utf-8")
        assert [sentence for sentence in sentences if sentence not in text] == [], name


def test_the_settings_that_decide_how_a_release_is_read_are_all_named() -> None:
    for name, sentence in (
        ("operation.md", r".*decide how a release is read"),
        ("glossary.md", r"\| read settings \|.*"),
    ):
        (line,) = re.findall(sentence, (ROOT / "docs" / name).read_text("utf-8"))
        assert set(ReadSettings.__struct_fields__) <= set(re.findall(r"`([a-z]+)`", line)), name


def test_what_no_rebuild_derives_is_said_alike() -> None:
    said = "the record of checks, held releases, alarms, passed deadlines, acknowledgements and the outbox"
    for name in ("storage.md", "database.md"):
        assert said in (ROOT / "docs" / name).read_text("utf-8"), name


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
