"""No output ends a command with a traceback: a full disk, a closed pipe, another encoding, an error of our own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.process_killer import ProcessKiller
from watcher.__main__ import main
from watcher.cli import COMMANDS
from watcher.cli.demo_servers import list_sample_releases
from watcher.render import text

# `run` prints nothing to the standard output.
CALLS = {
    "": ["--help"],
    "demo": ["demo", "--keep", "."],
    "check": ["check"],
    "status": ["status"],
    "releases": ["releases", "ports", "--format", "md"],
    "diff": ["diff", "ports", "2024-11-19", "2025-04-22", "--all"],
    "history": ["history"],
    "show": ["show", "ports", "3063"],
    "export": ["export", "ports", "--to", "json"],
    "cat": ["cat", "ports"],
    "deadlines": ["deadlines"],
    "sources": ["sources"],
    "events": ["events", "--format", "csv"],
    "evidence": ["evidence", "ports", "3070", "--out", "evidence.zip"],
    "audit": ["audit", "my-ports", "--all"],
    "init": ["--config", "new/config.toml", "init", "--yes"],
    "import": ["import", "ports", "releases"],
    "held": ["held", "--all"],
    "accept": ["accept", "ports", "f"],
    "reject": ["reject", "ports", "f"],
    "ack": ["ack", "ffffffffffff", "--note", "x"],
    "subscriptions": ["subscriptions", "list"],
    "outbox": ["outbox", "--format", "csv"],
    "resend": ["resend", "--since", "2020-01-01", "--dry-run"],
    "verify": ["verify"],
    "backup": ["backup", "kept"],
    "rebuild": ["rebuild"],
    "config": ["config", "schema"],
    "doctor": ["doctor", "--format", "json"],
    "systemd": ["systemd", "show"],
    "channel": ["channel", "list"],
    "plot": ["plot", "ports", "--out", "-"],
    "archive": ["archive", "copy", "snapshots", "copy"],
    "migrate-store": ["migrate-store", "history.db", "copy.db"],
    "site": ["site", "pages"],
    "follow": ["follow", "pages/ports/deltas", "--into", "copy.jsonl"],
}
# Each call is a process of its own, whose output goes to the same place; without a path it is a pipe that nobody reads.
SCRIPT = """
import io, json, os, sys
import watcher.__main__
calls, encoding, errors, output = json.loads(sys.argv[1])
if output:
    os.dup2(os.open(output, os.O_CREAT | os.O_WRONLY), 1)
else:
    reader, writer = os.pipe()
    os.close(reader)
    os.dup2(writer, 1)
for name, arguments in calls.items():
    if (child := os.fork()) == 0:
        os.dup2(os.open(f"{errors}/{name or 'help'}.err", os.O_CREAT | os.O_WRONLY), 2)
        sys.stdout = sys.__stdout__ = io.TextIOWrapper(open(1, "wb", closefd=False), encoding=encoding)
        sys.stderr = sys.__stderr__ = io.TextIOWrapper(open(2, "wb", closefd=False), encoding=encoding)
        sys.argv = ["watcher", *arguments]
        try:
            watcher.__main__.main()
        except SystemExit as end:
            os._exit(end.code)
        except BaseException:
            import traceback
            traceback.print_exc()
        os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    with open(f"{errors}/{name or 'help'}.code", "w") as file:
        file.write(str(code))
"""


class EveryCommand:
    """A folder for commands, and the process that runs them."""

    def __init__(self, folder: Path, forks: ProcessKiller) -> None:
        self.folder = folder
        self._forks = forks

    def run(self, output: Path | None, encoding: str = "utf-8") -> dict[str, tuple[int, str]]:
        """Run every command with an output (None: a closed pipe); return the exit code and the errors of each."""
        errors = self.folder / "errors"
        errors.mkdir()
        order = json.dumps([CALLS, encoding, str(errors), str(output) if output else None])
        done = self._forks.run_script(SCRIPT, order, folder=self.folder)
        assert done.returncode == 0, done.stderr
        return {
            name: (
                int((errors / f"{name or 'help'}.code").read_text()),
                (errors / f"{name or 'help'}.err").read_text(encoding),
            )
            for name in CALLS
        }


@pytest.fixture
def every_command(folder: Path, killing: ProcessKiller) -> EveryCommand:
    return EveryCommand(folder, killing)


@pytest.fixture
def folder(demo_folder: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    shutil.copytree(demo_folder, folder)
    (folder / "releases").mkdir()
    (folder / "my-ports").write_text("3070/tcp\n")
    (folder / "config.toml").write_text(
        f'[fetch]\nallow_files = true\n[[source]]\nname = "ports"\nurl = "{list_sample_releases()[0].as_uri()}"\n'
    )
    return folder


def test_the_calls_have_every_command() -> None:
    assert {*CALLS} == {*COMMANDS, ""} - {"run", "serve", "worker"}


@pytest.mark.fault(72)
def test_a_full_disk_is_one_line_after_the_work_of_every_command(every_command: EveryCommand) -> None:
    for name, (code, errors) in every_command.run(Path("/dev/full")).items():
        assert code == 2 or (name == "doctor" and code in (1, 2)), (name, errors)
        assert "Traceback" not in errors, name
        if "watcher: error: standard output cannot be written: No space left on device; " not in errors:
            # The call failed before it printed anything.
            assert name in ("demo", "accept", "reject", "import", "ack"), (name, errors)
    assert (every_command.folder / "kept" / "backup.json").is_file()


def test_a_closed_pipe_ends_no_command_and_is_no_error(every_command: EveryCommand) -> None:
    for name, (code, errors) in every_command.run(None).items():
        assert "Traceback" not in errors, name
        assert "standard output" not in errors, name
        assert code in (0, 1, 2), name
        assert "ipe" not in errors, (name, errors)
    assert (every_command.folder / "kept" / "backup.json").is_file()


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_character_that_an_encoding_does_not_have_is_spelled(every_command: EveryCommand, encoding: str) -> None:
    output = every_command.folder / "output"
    results = every_command.run(output, encoding)
    for name, (code, errors) in results.items():
        assert code in (0, 1, 2), (name, errors)
        assert "Traceback" not in errors, name
    printed = output.read_bytes().decode(encoding)
    assert "-> " in printed
    assert "?" not in printed.partition("Usage")[0]
    if encoding == "ascii":
        assert output.read_bytes().isascii()


def test_json_in_another_encoding_is_the_same_document(folder: Path) -> None:
    call = [sys.executable, "-m", "watcher", "diff", "ports", "2024-11-19", "2025-04-22", "--format", "json"]
    documents = [
        json.loads(subprocess.run(call, cwd=folder, capture_output=True, check=True, env=env).stdout)
        for env in ({"PYTHONIOENCODING": "utf-8"}, {"PYTHONIOENCODING": "latin-1"})
    ]
    assert documents[0] == documents[1]


def test_an_error_of_the_program_itself_exits_with_70_and_says_where_to_report_it(
    run_in_demo: RunCli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*arguments: object, **options: object) -> str:
        raise LookupError("no such colour")

    monkeypatch.setattr(text, "render_comparison", fail)
    result = run_in_demo("diff", "ports", "2024-11-19", "2025-04-22", "--exit-code")
    assert (result.code, result.out) == (70, "")
    assert result.err.startswith(
        "watcher: error: unforeseen error: LookupError: no such colour (watcher/cli/output.py:"
    )
    assert result.err.endswith(
        "; please report it to the issues of registry-watcher, with the traceback that `watcher -v` prints\n"
    )
    assert result.err.count("\n") == 1
    monkeypatch.setattr(sys, "argv", ["watcher", "-v", *sys.argv[1:]])
    with pytest.raises(SystemExit, match="70"):
        main()
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_an_argument_that_is_no_text_is_an_error_of_the_call(run_in_demo: RunCli) -> None:
    for arguments in (["history", "--search", "\udcff"], ["show", "ports", "\udcff"], ["releases", "\udcff"]):
        result = run_in_demo(*arguments)
        assert result.code in (0, 2), result.err
