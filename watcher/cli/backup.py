"""`watcher backup`"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from watcher.cli.context import settings
from watcher.cli.output import App, format_option, need, pass_app, print_json
from watcher.core.times import to_text
from watcher.render.safe_text import visible
from watcher.store import backup
from watcher.store.store import Store


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Read the backup back, every snapshot of it; make none.")
@click.option("--restore", is_flag=True, help="Put the backup where the configuration wants history and snapshots.")
@format_option("json")
@pass_app
def command(app: App, target: Path, verify: bool, restore: bool, format: str) -> None:
    """Copy history and snapshots to a folder while the daemon runs; again: only what is new.

    The copy is read through before it takes the place of the one before. A TARGET that ends in .db gets the history
    alone. To restore, stop the daemon and move a damaged history away. Exit code 1: the backup is not whole.

    \b
    Examples:
      watcher backup /srv/backup/registries
      watcher backup /srv/backup/registries --verify
      watcher backup /srv/backup/registries --restore
    """
    need(not (verify and restore), "--restore verifies first by itself")
    wrong: Sequence[str] = ()
    if verify:
        found = backup.read_manifest(target)
        with click.progressbar(length=found.snapshots, label=f"verifying {target}", file=sys.stderr) as bar:
            report, wrong = backup.verify_backup(target, progress=lambda: bar.update(1))
        said = f"{target}: of {report.made}, {_counted(report.rows, report.snapshots)}, {len(wrong) or 'nothing'} wrong"
    elif restore:
        paths = settings(app).store
        report = backup.restore_backup(target, paths.path, paths.snapshots)
        said = f"{paths.path}: restored as of {report.made}, {_counted(report.rows, report.snapshots)}"
    else:
        report, said = _make(app, target)
    for line in wrong:
        click.echo(visible(line), err=True)
    if format == "json":
        print_json(_document(report, wrong))
    else:
        click.echo(said)
    if wrong:
        raise click.exceptions.Exit(1)


def _make(app: App, target: Path) -> tuple[backup.BackupReport, str]:
    paths = settings(app).store
    now = to_text(datetime.now(UTC))
    with Store(paths.path, create=False) as store:
        if target.suffix == ".db":
            report = backup.BackupReport(made=now, rows=store.copy_to(target), snapshots=0)
        else:
            report = backup.make_backup(store, paths.snapshots, target, now=now)
    return report, f"{target}: {_counted(report.rows, report.snapshots)}, {report.copied} of them new"


def _counted(rows: Mapping[str, int], snapshots: int) -> str:
    return f"{rows.get('releases', 0)} releases, {rows.get('outbox', 0)} messages, {snapshots} snapshots"


def _document(report: backup.BackupReport, wrong: Sequence[str]) -> dict[str, Any]:
    return {
        "made": report.made,
        "rows": dict(report.rows),
        "snapshots": report.snapshots,
        "copied": report.copied,
        "wrong": list(wrong),
    }
