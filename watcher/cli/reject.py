"""`watcher reject`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.output import format_option, print_json
from watcher.monitor.deliver import deliver_all
from watcher.render import document


@click.command("reject")
@click.argument("source")
@click.argument("release", metavar="ID")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, release: str, format: str) -> None:
    """Reject a held release, however often it is served again. Its snapshot stays in the archive.

    ID is the id that `watcher held` shows, or the beginning of a snapshot's SHA-256. `watcher accept` undoes it. Exit
    code 2: there is no such release.

    \b
    Examples:
      watcher reject ports 3f2a90c1d7be
    """
    with open_monitor(config, create=False) as monitor:
        hold = monitor.ingest(monitor.source(source)).reject(release)
        deliver_all(monitor)
    if format == "json":
        print_json({"source": source, **document.hold_document(hold)})
    else:
        click.echo(f"{source}: {hold.id} is rejected")
