"""`watcher accept`"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.output import format_option, print_comparison, print_json
from watcher.monitor.deliver import deliver_all
from watcher.render import document


@click.command("accept")
@click.argument("source")
@click.argument("release", metavar="ID")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, release: str, format: str) -> None:
    """Accept a held release: it becomes part of the history, and subscribers are notified.

    ID is the id that `watcher held` shows, or the beginning of a snapshot's SHA-256. A rejected or superseded release
    can be accepted too. Exit code 2: there is no such release.

    \b
    Examples:
      watcher accept ports 3f2a90c1d7be
    """
    if sys.stderr.isatty():  # the comparison of a million entries takes minutes
        click.echo(f"{source}: accepting {release} …", err=True)
    with open_monitor(config, create=False) as monitor:
        result = monitor.ingest(monitor.source(source)).decisions.accept(release)
        deliver_all(monitor)
    accepted = result.release.release if result.release else None
    if format == "json":
        print_json(
            {
                "source": source,
                "outcome": str(result.outcome),
                "release": document.release_document(accepted) if accepted else None,
                "comparison": document.comparison_document(result.comparison) if result.comparison else None,
            }
        )
        return
    if result.comparison is not None:
        print_comparison(result.comparison)
        click.echo()
    if accepted:
        click.echo(f"{source}: {accepted.id} is accepted ({result.outcome})")
