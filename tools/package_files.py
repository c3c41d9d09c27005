#!/usr/bin/env python3
"""Write the manual pages and the shell completions of the package: `package_files.py [FOLDER]`, default packaging/.

They are part of the repository, so that a package is built without running the program; tests/tools holds them to it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from click.shell_completion import FishComplete, ShellComplete, ZshComplete
from click_man.core import generate_man_page

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from watcher import __version__  # noqa: E402 - the path first
from watcher.cli import watcher  # noqa: E402

_NAME, _VARIABLE = "watcher", "_WATCHER_COMPLETE"


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "packaging"
    for name, text in list_files().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for path in (folder / "man").glob("*.1"):
        if f"man/{path.name}" not in list_files():
            path.unlink()


def list_files() -> Mapping[str, str]:
    """Return the text of every file by its path below packaging/."""
    pages = dict(_manual_pages(click.Context(watcher, info_name=_NAME)))
    return {
        **{f"man/{name.replace(' ', '-')}.1": text for name, text in pages.items()},
        "completions/watcher.bash": _completion(_Bash),
        "completions/_watcher": _completion(ZshComplete),
        "completions/watcher.fish": _completion(FishComplete),
    }


def _manual_pages(context: click.Context) -> Iterator[tuple[str, str]]:
    """Yield the path of each command, such as "watcher config check", and its manual page."""
    command = context.command
    names = command.list_commands(context) if isinstance(command, click.Group) else []
    inner = [click.Context(_subcommand(context, name), info_name=name, parent=context) for name in names]
    for described in (context, *inner):  # click-man would cut it at 45 characters
        described.command.short_help = described.command.short_help or described.command.get_short_help_str(200)
    page = generate_man_page(context, version=__version__, date="").partition("\n.SH COMMANDS")[0]  # ours names pages
    if inner:
        lines = [f".TP\n\\fB{sub.command_path.replace(' ', '-')}\\fP(1)\n{sub.command.short_help}" for sub in inner]
        page = "\n".join([page, ".SH COMMANDS", *lines])
    yield context.command_path, _without_date(page) + "\n"
    for subcontext in inner:
        yield from _manual_pages(subcontext)


def _subcommand(context: click.Context, name: str) -> click.Command:
    assert isinstance(context.command, click.Group)
    command = context.command.get_command(context, name)
    assert command is not None, name
    return command


def _without_date(page: str) -> str:
    """Return a page without the day on which it was made, so that the same program gives the same page."""
    return re.sub(r'^(\.TH "[^"]*" "1") "[^"]*"', r'\1 ""', page.rstrip(), flags=re.MULTILINE)


class _Bash(ShellComplete):
    """The completion of bash, whose version click would ask the bash of this machine for."""

    name = "bash"
    source_template = click.shell_completion.BashComplete.source_template


def _completion(shell: type[ShellComplete]) -> str:
    text = shell(watcher, {}, _NAME, _VARIABLE).source()
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


if __name__ == "__main__":
    main()
