"""`watcher verify`"""

from __future__ import annotations

import sys

import click

from watcher.archive import Archive
from watcher.cli.app import App, format_option, pass_app, print_json
from watcher.cli.configured import settings
from watcher.errors import UsageError
from watcher.render.plain import visible


@click.command("verify")
@click.argument("source", required=False)
@format_option("json")
@pass_app
def command(app: App, source: str | None, format: str) -> None:
    """Read every snapshot back and check it against its SHA-256.

    Exit code 0: all are whole; 1: some are damaged, each named with what to do.
    """
    archive = Archive(settings(app).store.snapshots)
    if source is not None and source not in archive.sources():
        raise UsageError(f"no snapshot of {source!r} is kept (there are: {', '.join(archive.sources()) or 'none'})")
    receipts = list(archive.receipts(source))
    with click.progressbar(length=len(receipts), label=f"verifying {len(receipts)} snapshots", file=sys.stderr) as bar:
        damages = list(archive.verify(source, progress=lambda: bar.update(1)))
    if format == "json":
        print_json(
            {
                "snapshots": len(receipts),
                "damaged": [{"path": str(damage.path), "reason": damage.reason} for damage in damages],
            }
        )
    else:
        for damage in damages:
            click.echo(visible(f"{damage.path}: {damage.reason}"), err=True)
        click.echo(f"{len(receipts)} snapshots, {len(damages) or 'none'} damaged")
    if damages:
        raise click.exceptions.Exit(1)
