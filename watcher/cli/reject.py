"""`watcher reject`"""

from __future__ import annotations

import click

from watcher.cli.output import App, format_option, pass_app, print_json
from watcher.cli.wired import service
from watcher.render import document


@click.command("reject")
@click.argument("source")
@click.argument("release", metavar="ID")
@format_option("json")
@pass_app
def command(app: App, source: str, release: str, format: str) -> None:
    """Never believe a held release, however often it is served; its snapshot stays in the archive.

    ID is what `watcher held` shows, or the beginning of a snapshot's SHA-256. `watcher accept` takes it back. Exit
    code 2: there is no such release.

    \b
    Examples:
      watcher reject ports 3f2a90c1d7be
    """
    with service(app, create=False) as parts:
        hold = parts.reject(parts.source(source), release)
        parts.deliver()
    if format == "json":
        print_json({"source": source, **document.hold_document(hold)})
    else:
        click.echo(f"{source}: {hold.id} is rejected")
