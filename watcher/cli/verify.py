"""`watcher verify`"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from watcher.cli.context import settings
from watcher.cli.output import App, format_option, pass_app, print_json
from watcher.cli.wired import service
from watcher.core.errors import UsageError
from watcher.monitor.verify import Rechecking
from watcher.render.safe_text import visible
from watcher.store.snapshot_archive import SnapshotArchive


@click.command("verify")
@click.argument("source", required=False)
@click.option("--history", "history", is_flag=True, help="Also hold the history to what the snapshots say.")
@click.option("--newest", type=click.IntRange(min=1), default=10, show_default=True, help="Releases for --history.")
@format_option("json")
@pass_app
def command(app: App, source: str | None, history: bool, newest: int, format: str) -> None:
    """Read every snapshot back and check it against its SHA-256.

    With --history the newest releases of each source are read once more, each by itself, and compared entry by entry
    and field by field with what is recorded. Exit code 0: all is whole; 1: something is not, each named with what to
    do.

    \b
    Examples:
      watcher verify
      watcher verify ports --history --newest 400
    """
    archive = SnapshotArchive(settings(app).store.snapshots)
    if source is not None and source not in archive.list_sources():
        raise UsageError(
            f"no snapshot of {source!r} is kept (there are: {', '.join(archive.list_sources()) or 'none'})"
        )
    receipts = list(archive.list_snapshots(source))
    with click.progressbar(length=len(receipts), label=f"verifying {len(receipts)} snapshots", file=sys.stderr) as bar:
        damages = list(archive.find_damage(source, progress=lambda: bar.update(1)))
    misfits = list(_misfits(app, archive.list_sources() if source is None else [source], newest)) if history else []
    if format == "json":
        damaged = [{"path": str(damage.path), "reason": damage.reason} for damage in damages]
        print_json({"snapshots": len(receipts), "damaged": damaged, "misfits": misfits})
    else:
        for line in (*(f"{damage.path}: {damage.reason}" for damage in damages), *misfits):
            click.echo(visible(line), err=True)
        click.echo(f"{len(receipts)} snapshots, {len(damages) or 'none'} damaged")
        if misfits:
            click.echo("`watcher rebuild` derives the history from the snapshots again")
        elif history:
            click.echo(f"the history of the newest {newest} releases is what their snapshots say")
    if damages or misfits:
        raise click.exceptions.Exit(1)


def _misfits(app: App, sources: list[str], newest: int) -> Iterator[str]:
    with service(app, create=False) as parts:
        for name in sources:
            intake = parts.intake(parts.source(name, new=True))
            with click.progressbar(length=newest, label=f"{name}: history", file=sys.stderr) as bar:
                recheck = Rechecking(
                    source=name, registry=intake.registry, queries=parts.queries, read=intake.read_alone
                )
                yield from recheck.run(newest, lambda bar=bar: bar.update(1))  # type: ignore[misc]
