"""What a command loads: who only reads the history waits for nothing that fetches, checks or sends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.port_releases import release, tcp
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

# What takes long to load, and what it is for: the configuration's bounds, tables, fetching, pages, formats, proofs.
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
        intake = ReleaseIngest(
            "ports", registry="ports", format="xml", store=store, archive=SnapshotArchive(tmp_path / "kept")
        )
        for number, day in enumerate(days):
            intake.ingest(Candidate(data=release([tcp("one", "10"), tcp("two", str(20 + number))], day), origin=day))
    return tmp_path


def run_command(folder: Path, *arguments: str) -> tuple[int, str, set[str]]:
    """Run a command; return its exit code, what it printed and which heavy modules it loaded."""
    script = f"""
import sys
from watcher.__main__ import main
sys.argv = ["watcher", *{list(arguments)!r}]
try:
    main()
except SystemExit as end:
    code = end.code
print("LOADED", *(name for name in {HEAVY!r} if name in sys.modules))
sys.exit(code)
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=False)
    said, _, loaded = done.stdout.rpartition("LOADED")
    return done.returncode, said + done.stderr, {*loaded.split()}


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
def test_reading_loads_nothing_heavy(folder: Path, arguments: list[str], says: str) -> None:
    code, said, loaded = run_command(folder, *arguments)
    assert (code, says in said, loaded) == (0, True, set()), said


def test_what_acts_does_load_them(folder: Path) -> None:
    code, _, loaded = run_command(folder, "config", "check")
    assert (code, "pydantic" in loaded) == (0, True)


def test_importing_loads_nothing_that_fetches_or_sends(folder: Path) -> None:
    (folder / "config.toml").write_text('[store]\nsnapshots = "kept"\n' + CONFIG)
    (folder / "new.xml").write_bytes(release([tcp("three", "30")], "2024-04-01"))
    code, said, loaded = run_command(folder, "import", "ports", "new.xml")
    assert (code, "1 appended" in said) == (0, True), said
    assert loaded == {"pydantic", "lxml", "backports.zstd"}


def test_a_mistake_in_a_channel_keeps_nobody_from_the_history(folder: Path) -> None:
    (folder / "config.toml").write_text(CONFIG + '[[channel]]\nname = "web"\ntype = "webhock"\n')
    assert "two moved" in run_command(folder, "history", "--port", "21")[1]
    code, said, _ = run_command(folder, "config", "check")
    assert (code, "channel[0]" in said) == (2, True)


@pytest.mark.parametrize(
    "mistake",
    [
        '[[source]]\nname = "x"\nevery = "soon"\n',
        "[severity]\nport-assigned = 7\n",
        "store = 1\n",
        "[[source]]\nurl = 1\n",
    ],
)
def test_a_mistake_in_what_is_read_is_said(folder: Path, mistake: str) -> None:
    (folder / "config.toml").write_text(mistake if mistake.startswith("store") else CONFIG + mistake)
    code, said, _ = run_command(folder, "history")
    assert (code, "config.toml: " in said, "`watcher config check` says what is wrong" in said) == (2, True, True), said


def test_a_check_does_not_load_what_only_verifying_needs() -> None:
    script = "import sys, watcher.daemon; print('deepdiff' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
