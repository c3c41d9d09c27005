"""What each command imports: commands that only read the history load nothing that fetches, checks or sends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.port_releases import release, tcp
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

# Packages that take long to import.
HEAVY = (
    "pydantic",
    "sqlite_utils",
    "requests",
    "jinja2",
    "lxml",
    "deepdiff",
    "apscheduler",
    "structlog",
    "backports.zstd",
)
# Modules of the standard library and of this program that a check needs and a report does not.
LOADED_BY_CHECKS = ("urllib3", "ssl", "watcher.fetch.rsync", "watcher.registries.ports.rules", "watcher.inventory.base")
CONFIG = """[[source]]
name = "ports"
url = "https://www.iana.org/assignments/service-names-port-numbers/service-names-port-numbers.xml"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.toml").write_text(CONFIG)
    (tmp_path / "config.toml").chmod(0o600)
    days = ("2024-01-01", "2024-02-01", "2024-03-01")
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )
        for number, day in enumerate(days):
            ingest.ingest(Candidate(data=release([tcp("one", "10"), tcp("two", str(20 + number))], day), origin=day))
    return tmp_path


def run_command(folder: Path, *arguments: str, also: tuple[str, ...] = ()) -> tuple[int, str, set[str]]:
    """Run a command. Returns its exit code, its output and the heavy packages, or those of `also`, it imported."""
    script = f"""
import sys
from watcher.__main__ import main
sys.argv = ["watcher", *{list(arguments)!r}]
try:
    main()
except SystemExit as end:
    code = end.code
print("LOADED", *(name for name in {(*HEAVY, *also)!r} if name in sys.modules))
sys.exit(code)
"""
    process = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    output, _, loaded = process.stdout.rpartition("LOADED")
    return process.returncode, output + process.stderr, {*loaded.split()}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--help"], "watcher history --port 8010"),
        (["history", "--port", "21"], "two moved from 20/tcp to 21/tcp"),
        (["show", "ports", "--port", "10"], "10/tcp  one"),
        (["releases", "ports"], "2024-03-01"),
        (["status"], "ports"),
        (["held"], "no held releases"),
        (["outbox"], ""),
        (["diff", "ports", "2024-01-01", "2024-02-01"], "two moved from 20/tcp to 21/tcp"),
        (["diff", "ports", "2024-01-01", "2024-03-01"], "two moved from 20/tcp to 22/tcp"),
        (["diff", "ports", "--format", "json"], "two moved from 21/tcp to 22/tcp"),
    ],
    ids=" ".join,
)
def test_commands_that_read_load_no_heavy_package(folder: Path, arguments: list[str], says: str) -> None:
    code, output, loaded = run_command(folder, *arguments)
    assert (code, says in output, loaded) == (0, True, set()), output


def test_config_check_loads_pydantic(folder: Path) -> None:
    code, _, loaded = run_command(folder, "config", "check")
    assert (code, "pydantic" in loaded) == (0, True)


def test_the_status_of_a_collection_loads_no_rules_and_nothing_that_fetches(folder: Path) -> None:
    collection = '[[source]]\nname = "iana"\ntype = "collection"\ngroups = ["tls-parameters"]\n'
    (folder / "config.toml").write_text(CONFIG + collection)
    code, output, loaded = run_command(folder, "status", "--all", also=LOADED_BY_CHECKS)
    assert (code, "iana.tls-parameters" in output, loaded) == (0, True, {"pydantic"}), output


def test_import_loads_nothing_that_fetches_or_sends(folder: Path) -> None:
    (folder / "config.toml").write_text('[store]\nsnapshots = "kept"\n' + CONFIG)
    (folder / "new.xml").write_bytes(release([tcp("three", "30")], "2024-04-01"))
    code, output, loaded = run_command(folder, "import", "ports", "new.xml")
    assert (code, "1 appended" in output) == (0, True), output
    assert loaded == {"pydantic", "lxml", "backports.zstd"}


def test_the_history_can_be_read_with_a_mistake_in_a_channel(folder: Path) -> None:
    (folder / "config.toml").write_text(CONFIG + '[[channel]]\nname = "web"\ntype = "webhock"\n')
    assert "two moved" in run_command(folder, "history", "--port", "21")[1]
    code, output, _ = run_command(folder, "config", "check")
    assert (code, "channel[0]" in output) == (2, True)


@pytest.mark.parametrize(
    "mistake",
    [
        '[[source]]\nname = "x"\nevery = "soon"\n',
        "[severity]\nport-assigned = 7\n",
        "store = 1\n",
        "[[source]]\nurl = 1\n",
    ],
)
def test_a_mistake_in_the_settings_that_reading_needs_is_an_error(folder: Path, mistake: str) -> None:
    (folder / "config.toml").write_text(mistake if mistake.startswith("store") else CONFIG + mistake)
    code, output, _ = run_command(folder, "history")
    assert (code, "config.toml: " in output, "`watcher config check` says what is wrong" in output) == (
        2,
        True,
        True,
    ), output


def test_the_daemon_does_not_load_what_only_verify_needs() -> None:
    script = "import sys, watcher.daemon; print('deepdiff' in sys.modules)"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout == "False\n"
