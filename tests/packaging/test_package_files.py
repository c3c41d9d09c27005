"""The files of the package: manual pages, completions, the container file."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tools import package_files
from watcher.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
PACKAGING = ROOT / "packaging"
FILES = package_files.list_files()


def test_manual_pages_and_completions_are_those_of_the_commands() -> None:
    """`tools/package_files.py` writes them again."""
    written = {
        path.relative_to(PACKAGING).as_posix(): path.read_text("utf-8")
        for folder in ("man", "completions")
        for path in (PACKAGING / folder).iterdir()
    }
    assert written.keys() == FILES.keys()
    assert [name for name, text in FILES.items() if written[name] != text] == []
    assert {f"man/watcher-{name}.1" for name in COMMANDS} < FILES.keys()


def test_a_manual_page_has_the_examples_and_options_of_its_command() -> None:
    page = FILES["man/watcher-history.1"]
    assert "watcher history \\-\\-port 8010" in page or "watcher history --port 8010" in page
    assert page.startswith('.TH "WATCHER HISTORY" "1" ""')


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
@pytest.mark.parametrize("name", ["watcher.1", "watcher-config-check.1"])
def test_man_shows_a_page_without_a_warning(name: str) -> None:
    command = ["man", "--warnings", "--local-file", PACKAGING / "man" / name]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "MANPAGER": "cat"})
    assert shown.stderr == ""
    assert "NAME" in shown.stdout


COMPLETE = {
    "bash": """
        source {file}
        COMP_WORDS=(watcher his) COMP_CWORD=1
        _watcher_completion watcher
        echo "${{COMPREPLY[*]}}"
        """,
    "zsh": """
        autoload -U compinit && compinit -u
        compadd() {{ print -r -- "$@" }}
        _describe() {{ print -r -- "${{(@P)3}}${{(@P)5}}" }}
        words=(watcher his) CURRENT=2
        source {file}
        _watcher_completion watcher
        """,
    "fish": """
        source {file}
        complete --do-complete 'watcher his'
        """,
}
NAMES = {"bash": "watcher.bash", "zsh": "_watcher", "fish": "watcher.fish"}


@pytest.mark.parametrize("shell", COMPLETE)
def test_a_shell_completes_a_command(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = PACKAGING / "completions" / NAMES[shell]
    environment = {"PATH": f"{ROOT / '.venv' / 'bin'}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    script = COMPLETE[shell].format(file=file)
    completed = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False, env=environment)
    assert "history" in completed.stdout, completed.stderr
    assert "show" not in re.split(r"\W+", completed.stdout.replace("history", ""))


def test_the_container_file_names_files_and_commands_that_exist() -> None:
    text = (PACKAGING / "Containerfile").read_text("utf-8")
    assert 'ENTRYPOINT ["watcher"]' in text
    assert re.findall(r'CMD \["(\w+)"\]', text) == ["run"]
    assert "status" in COMMANDS
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
