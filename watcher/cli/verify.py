"""`watcher verify`"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import click

from watcher.cli.context import load_settings, open_monitor
from watcher.cli.output import format_option, print_json, progress_bar
from watcher.core.errors import UsageError
from watcher.monitor.verify import verify_history
from watcher.render.safe_text import visible
from watcher.store.snapshot_archive import SnapshotArchive


@click.command("verify")
@click.argument("source", required=False)
@click.option("--history", "with_history", is_flag=True, help="Also compare the history with the snapshots.")
@click.option("--newest", type=click.IntRange(min=1), default=10, show_default=True, help="Releases for --history.")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str | None, with_history: bool, newest: int, format: str) -> None:
    """Verify every snapshot against its SHA-256.

    With --history the newest releases of each source are parsed again, each alone, and every field of every entry is
    compared with the history. Exit code 0: no damage; 1: damage, each listed with what to do.

    \b
    Examples:
      watcher verify
      watcher verify ports --history --newest 400
    """
    archive = SnapshotArchive(load_settings(config).store.snapshots)
    names = archive.list_sources()
    if source is not None and source not in names:
        raise UsageError(f"no snapshots of {source!r} (known: {', '.join(names) or 'none'})")
    snapshots = list(archive.list_snapshots(source))
    with progress_bar(len(snapshots), f"verifying {len(snapshots)} snapshots") as bar:
        damages = list(archive.find_damage(source, progress=lambda: bar.update(1)))
    refused = [info for info in snapshots if info.accepted and info.refused]
    differences = list(_find_differences(config, [source] if source else names, newest)) if with_history else []
    if format == "json":
        damaged = [{"path": str(damage.path), "reason": damage.reason} for damage in damages]
        no_release = [{"source": info.source, "sha256": info.sha256, "reason": info.refused} for info in refused]
        print_json({"snapshots": len(snapshots), "damaged": damaged, "no_release": no_release, "misfits": differences})
    else:
        lines = [f"{damage.path}: {damage.reason}" for damage in damages]
        lines += [f"{info.source}/{info.sha256}.zst: is no release: {info.refused}" for info in refused]
        for line in (*lines, *differences):
            click.echo(visible(line), err=True)
        click.echo(f"{len(snapshots)} snapshots, {len(damages)} damaged")
        if refused:
            click.echo(f"{len(refused)} are no release; `watcher rebuild` tries them again, `watcher reject` ends that")
        if differences:
            click.echo("`watcher rebuild` rebuilds the history from the snapshots")
        elif with_history:
            click.echo(f"the history of the newest {newest} releases matches their snapshots")
    if damages or refused or differences:
        raise click.exceptions.Exit(1)


def _find_differences(config: Path, sources: list[str], newest: int) -> Iterator[str]:
    with open_monitor(config, create=False) as monitor:
        for name in sources:
            ingest = monitor.ingest(monitor.source(name, new=True))
            if monitor.store.history.find_pending_settings(name, ingest.settings):
                yield f"{name}: its settings changed; verify it after the next check, which derives its history again"
                continue
            with progress_bar(newest, f"{name}: history") as bar:
                yield from verify_history(ingest, monitor.store.history, newest, partial(bar.update, 1))
