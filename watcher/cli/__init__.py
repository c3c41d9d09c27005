"""The command line: thin commands, each in its own module, loaded only when it is called for."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from watcher import __version__
from watcher.cli.output import App
from watcher.core.lazy import import_listed

# name → (module, one line of help): `watcher --help` imports none of them.
COMMANDS = {
    "demo": ("demo", "The whole job on releases served from this machine: no network, no config."),
    "run": ("run", "The daemon: checks every source on its schedule, delivers what is due."),
    "check": ("check", "Look at sources once, now."),
    "status": ("status", "Sources, last check, next check, pending deliveries."),
    "releases": ("releases", "Every release of a source."),
    "diff": ("diff", "What differs between two releases, or two files, and what it means."),
    "history": ("history", "What happened: to a port, a service, since a date, …"),
    "show": ("show", "One entry with its whole life, or as it stood on a day."),
    "import": ("import_", "Backfill old releases from files, folders or a git repository."),
    "held": ("held", "Releases that were served and are not believed, and why."),
    "accept": ("accept", "Believe a held release after all."),
    "reject": ("reject", "Never believe a held release."),
    "outbox": ("outbox", "Messages: what waits, what was sent, the dead letters."),
    "resend": ("resend", "Send messages again, by id or by period."),
    "verify": ("verify", "Read every snapshot back and check it."),
    "backup": ("backup", "Copy history and snapshots while the daemon runs; check a copy; put it back."),
    "rebuild": ("rebuild", "Derive the history from the snapshots again."),
    "config": ("config", "Check the configuration; print its schema or an example."),
    "doctor": ("doctor", "Look at everything the watcher stands on: versions, permissions, disk, clock, history, …"),
    "systemd": ("systemd", "Run as a service: show the units, or write them for this machine."),
    "channel": ("channel", "How the channels do; test one, enable one that is gone."),
}


class LazyGroup(click.Group):
    """Knows its commands by the table above and imports one when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's shape
        if cmd_name not in COMMANDS:
            return None
        command = import_listed(f"watcher.cli.{COMMANDS[cmd_name][0]}").command
        return command if isinstance(command, click.Command) else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command. A reader of our output that has gone (`watcher history | head`) is no error of ours."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            # What is still buffered goes nowhere, instead of failing once more when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        return result

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="WATCHER_CONFIG",
    default=Path("config.toml"),
    show_default=True,
    help="The configuration file (also: $WATCHER_CONFIG).",
)
@click.version_option(__version__, prog_name="watcher")
@click.pass_context
def watcher(ctx: click.Context, config: Path) -> None:
    """Keep every release of IANA's registries, know exactly what changed and what it means, tell who asked.

    \b
    Examples:
      watcher demo
      watcher check
      watcher diff ports 2019-01-08 2019-01-09
      watcher history --port 8010
      watcher diff OLD.xml NEW.xml
    """
    ctx.obj = App(config)
