"""`watcher verify`"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import click

from watcher.cli.context import load_settings, open_monitor
from watcher.cli.output import format_option, print_json, progress_bar
from watcher.config.settings import StoreSettings
from watcher.core.errors import StoreError, UsageError
from watcher.monitor.monitor import Monitor
from watcher.monitor.verify import verify_history
from watcher.render.safe_text import visible
from watcher.store.completeness import ADVICE, find_missing_history
from watcher.store.location import history_exists
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


@click.command("verify")
@click.argument("source", required=False)
@click.option("--history", "with_history", is_flag=True, help="Also compare the history with the snapshots.")
@click.option("--newest", type=click.IntRange(min=1), default=10, show_default=True, help="Releases for --history.")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str | None, with_history: bool, newest: int, format: str) -> None:
    """Verify every snapshot against its SHA-256, and that none is missing of those that the history names.

    With --history the newest releases of each source are parsed again, each alone, and every field of every entry is
    compared with the history. Exit code 0: no damage; 1: damage, each listed with what to do.

    \b
    Examples:
      watcher verify
      watcher verify ports --history --newest 400
    """
    paths = load_settings(config).store
    archive = SnapshotArchive(paths.archive)
    lost = list(_find_lost(paths, archive, source))
    names = archive.list_sources()
    if not lost and source is not None and source not in names:
        raise UsageError(f"no snapshots of {source!r} (known: {', '.join(names) or 'none'})")
    snapshots = list(archive.list_snapshots(source))
    with progress_bar(len(snapshots), f"verifying {len(snapshots)} snapshots") as bar:
        damages = list(archive.find_damage(source, progress=lambda: bar.update(1)))
    refused = [info for info in snapshots if info.accepted and info.refused]
    differences: list[str] = []
    if with_history:
        with open_monitor(config, create=False) as monitor:
            differences = list(find_differences(monitor, [source] if source else names, newest))
    if format == "json":
        damaged = [{"path": str(damage.path), "reason": damage.reason} for damage in damages]
        no_release = [{"source": info.source, "sha256": info.sha256, "reason": info.refused} for info in refused]
        damaged += [{"path": path, "reason": reason} for path, reason in lost]
        print_json({"snapshots": len(snapshots), "damaged": damaged, "no_release": no_release, "misfits": differences})
    else:
        lines = [f"{damage.path}: {damage.reason}" for damage in damages]
        lines += [f"{info.source}/{info.sha256}.zst: is no release: {info.refused}" for info in refused]
        lines += [f"{path}: {reason}" for path, reason in lost]
        for line in (*lines, *differences):
            click.echo(visible(line), err=True)
        click.echo(f"{len(snapshots)} snapshots, {len(damages)} damaged" + (f", {len(lost)} missing" if lost else ""))
        if refused:
            click.echo(f"{len(refused)} are no release; `watcher rebuild` tries them again, `watcher reject` ends that")
        if differences:
            click.echo("`watcher rebuild` rebuilds the history from the snapshots")
        elif with_history:
            click.echo(f"the history of the newest {newest} releases matches their snapshots")
    if damages or lost or refused or differences:
        raise click.exceptions.Exit(1)


def _find_lost(paths: StoreSettings, archive: SnapshotArchive, source: str | None) -> Iterator[tuple[str, str]]:
    """Yield the path or source, and the reason, of what either the archive or the history has and the other lacks."""
    problem = find_missing_history(paths.location, archive)
    if problem is None and history_exists(paths.location):
        try:
            with Store(paths.location, read_only=True) as store:
                for path in store.list_missing_snapshots(archive):
                    if source in (None, path.parent.name):
                        yield str(path), f"is missing; {ADVICE}"
                for sentence in store.find_lost_sources(archive):
                    if source in (None, sentence.partition(": ")[0]):
                        yield _split(sentence)
        except StoreError as error:
            problem = str(error)
    if problem is not None and (source is None or source in archive.list_sources()):
        yield _split(problem)


def _split(sentence: str) -> tuple[str, str]:
    name, _, reason = sentence.partition(": ")
    return name, reason


def find_differences(monitor: Monitor, sources: Sequence[str], newest: int) -> Iterator[str]:
    """Yield a sentence for each difference between the newest releases of some sources and their snapshots."""
    for name in sources:
        ingest = monitor.ingest(monitor.source(name, new=True))
        if monitor.store.history.find_pending_settings(name, ingest.settings):
            yield f"{name}: its settings changed; verify it after the next check, which derives its history again"
            continue
        with progress_bar(newest, f"{name}: history") as bar:
            yield from verify_history(ingest, monitor.store.history, newest, partial(bar.update, 1))
