"""`watcher accept`"""

from __future__ import annotations

import click

from watcher.cli.output import App, colour, format_option, pass_app, print_json, width
from watcher.cli.wired import service
from watcher.render import document, text


@click.command("accept")
@click.argument("source")
@click.argument("release", metavar="ID")
@format_option("json")
@pass_app
def command(app: App, source: str, release: str, format: str) -> None:
    """Believe a held release after all: it becomes part of the history, and subscribers are told of it.

    ID is what `watcher held` shows, or the beginning of a snapshot's SHA-256. One that was rejected or superseded can
    be accepted too. Exit code 2: there is no such release.

    \b
    Examples:
      watcher accept ports 3f2a90c1d7be
    """
    with service(app, create=False) as parts:
        taken = parts.accept(parts.source(source), release)
        parts.deliver()
    label = taken.release.release if taken.release else None
    if format == "json":
        print_json(
            {
                "source": source,
                "outcome": str(taken.outcome),
                "release": document.release_document(label) if label else None,
                "comparison": document.comparison_document(taken.comparison) if taken.comparison else None,
            }
        )
        return
    if taken.comparison is not None:
        click.echo(text.render_comparison(taken.comparison, width=width(), colour=colour()) + "\n")
    if label:
        click.echo(f"{source}: {label.id} is accepted ({taken.outcome})")
