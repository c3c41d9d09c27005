"""`watcher rebuild`"""

from __future__ import annotations

import sys

import click

from watcher.cli.app import App, pass_app
from watcher.cli.wired import service
from watcher.errors import UsageError


@click.command("rebuild")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@pass_app
def command(app: App, sources: tuple[str, ...]) -> None:
    """Derive the history from the snapshots again, under today's rules.

    The archive is the truth: this gives the same history, or a better one after the rules were improved. Each
    source is replaced whole or not at all. The record of checks and deliveries stays; nobody is alerted.
    """
    with service(app) as parts:
        kept = parts.archive.sources()
        chosen = [parts.source(name) for name in sources] or [
            source for source in parts.settings.source if source.name in kept
        ]
        if not chosen:
            raise UsageError("there is no snapshot to rebuild from; run `watcher check` or `watcher import` first")
        for source in chosen:
            with click.progressbar(length=1000, label=source.name, file=sys.stderr) as bar:
                done = 0

                def progress(number: int, total: int) -> None:
                    nonlocal done
                    now = number * 1000 // max(total, 1)
                    bar.update(now - done)
                    done = now

                releases = parts.intake(source).rebuild(progress)
            click.echo(f"{source.name}: {releases} releases")
