"""`watcher rebuild`"""

from __future__ import annotations

import sys

import click

from watcher.cli.output import App, pass_app
from watcher.cli.wired import service
from watcher.core.errors import UsageError


@click.command("rebuild")
@click.argument("sources", metavar="[SOURCE]...", nargs=-1)
@pass_app
def command(app: App, sources: tuple[str, ...]) -> None:
    """Derive the history from the snapshots again, under today's rules.

    The archive is the truth: this gives the same history, or a better one after the rules were improved. Each
    source is replaced whole or not at all. The record of checks and deliveries stays. Nobody is alerted, but of what a
    check that was killed had kept and not told.
    """
    with service(app) as parts:
        kept = parts.archive.list_sources()
        configured = tuple(source.name for source in parts.settings.source)
        collections = tuple(f"{source.name}." for source in parts.settings.collections)
        ours = [name for name in kept if name in configured or name.startswith(collections)]
        chosen = [parts.source(name, new=True) for name in sources or ours]
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
