"""The command line. Each command is a module that parses, calls and prints; it is loaded when it runs."""

from __future__ import annotations

from pathlib import Path

import click

from watcher import __version__
from watcher.cli.config_discovery import use_configuration
from watcher.cli.repeated_options import require_single_values
from watcher.core.lazy import import_listed

# name → (module, one line of help): `watcher --help` imports none of them.
COMMANDS = {
    "serve": ("watcher.cli.serve", "Serve the history as pages for a browser."),
    "site": ("watcher.cli.site", "Write the history as files that any web server can serve."),
    "follow": ("watcher.cli.follow", "Keep a local copy of a source that a site publishes."),
    "demo": ("watcher.cli.demo", "Run the whole process on sample releases: no network, no configuration."),
    "init": ("watcher.cli.init", "Write a working configuration."),
    "run": ("watcher.cli.run", "Run the daemon: check every source on its schedule and send alerts."),
    "worker": ("watcher.cli.worker", "Run one of several workers that share a history in PostgreSQL."),
    "check": ("watcher.cli.check", "Check sources now."),
    "status": ("watcher.cli.status", "Show sources, their last and next check, and pending deliveries."),
    "sources": ("watcher.cli.sources", "List the sources: their URL, registry and last release."),
    "events": ("watcher.cli.events", "List the event ids: severity, meaning, and how many there are."),
    "releases": ("watcher.cli.releases", "List every release of a source."),
    "diff": ("watcher.cli.diff", "Show what changed between two releases or two files."),
    "history": ("watcher.cli.history", "List events: of a port, of a service, since a date, …"),
    "show": ("watcher.cli.show", "Show one entry with its history, or as of a date."),
    "export": ("watcher.cli.export", "Export a release: csv, json, services, nmap-services, wireshark, …"),
    "plot": ("watcher.cli.plot", "Draw a source as an SVG: changes, assignments, the port space, the port map."),
    "cat": ("watcher.cli.cat", "Write the bytes of a release as they were served."),
    "ack": ("watcher.cli.ack", "Acknowledge events with a note."),
    "evidence": ("watcher.cli.evidence", "Write a file that proves what a registry said on a day."),
    "audit": ("watcher.cli.audit", "Audit a list of yours: /etc/services, a firewall's rules, constants, …"),
    "deadlines": ("watcher.cli.deadlines", "List early allocations and when they expire; as a calendar, too."),
    "import": ("watcher.cli.import_", "Import old releases from files, folders or a git repository."),
    "held": ("watcher.cli.held", "List held releases and why."),
    "accept": ("watcher.cli.accept", "Accept a held release."),
    "reject": ("watcher.cli.reject", "Reject a held release."),
    "outbox": ("watcher.cli.outbox", "List messages: pending, sent, failed."),
    "resend": ("watcher.cli.resend", "Resend messages, by id or by period."),
    "verify": ("watcher.cli.verify", "Verify every snapshot against its SHA-256."),
    "backup": ("watcher.cli.backup", "Back up history and snapshots; verify or restore a backup."),
    "rebuild": ("watcher.cli.rebuild", "Rebuild the history from the snapshots."),
    "archive": ("watcher.cli.archive", "Copy the snapshots to or from object storage."),
    "migrate-store": ("watcher.cli.migrate_store", "Copy the history to another database: SQLite or PostgreSQL."),
    "config": ("watcher.cli.config", "Check the configuration; say which is used; print its schema or an example."),
    "doctor": ("watcher.cli.doctor", "Diagnose this installation: versions, permissions, disk, clock, history, …"),
    "systemd": ("watcher.cli.systemd", "Run as a systemd service: print the units, or install them."),
    "subscriptions": ("watcher.cli.subscriptions", "List subscriptions; test what each would have received."),
    "channel": ("watcher.cli.channel", "Show the state of channels; test one, enable a disabled one."),
}


class LazyGroup(click.Group):
    """The commands of `COMMANDS`, each imported when it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's shape
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's shape
        if cmd_name not in COMMANDS:
            return None
        command = import_listed(COMMANDS[cmd_name][0]).command
        return command if isinstance(command, click.Command) else None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        require_single_values(ctx, args)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            require_single_values(click.Context(command, ctx, info_name=name), rest)
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    "config",
    type=click.Path(path_type=Path),
    help="The configuration file [default: $WATCHER_CONFIG, or the first that is there: ./config.toml, "
    "~/.config/registry-watcher/config.toml, /etc/registry-watcher/config.toml].",
)
@click.option(
    "-v", "--verbose", is_flag=True, expose_value=False, help="Print the traceback of an error of watcher itself."
)
@click.version_option(__version__, prog_name="watcher")
@click.pass_context
def watcher(ctx: click.Context, config: Path | None) -> None:
    """Archive every release of IANA's registries, explain what changed, and notify subscribers.

    \b
    Examples:
      watcher demo
      watcher init
      watcher check
      watcher diff ports 2019-01-08 2019-01-09
      watcher history --port 8010
      watcher diff OLD.xml NEW.xml
    """
    use_configuration(ctx, config)
