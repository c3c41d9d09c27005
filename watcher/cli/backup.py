"""`watcher backup`"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
from msgspec.structs import asdict

from watcher.cli.context import load_settings
from watcher.cli.output import format_option, print_json, progress_bar, require
from watcher.core.times import to_text
from watcher.render.safe_text import visible
from watcher.store import backup
from watcher.store.backup import BackupReport
from watcher.store.store import Store


@click.command("backup")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--verify", is_flag=True, help="Read an existing backup with all its snapshots; write nothing.")
@click.option("--restore", is_flag=True, help="Restore the backup to the configured history and snapshots.")
@format_option("json")
@click.pass_obj
def command(config: Path, target: Path, verify: bool, restore: bool, format: str) -> None:
    """Back up history and snapshots to a folder while the daemon runs. A repeated backup copies only what is new.

    It reads all snapshots and their copies, and replaces a damaged copy. Each copy is verified before it replaces the
    previous one, so that a damaged file never does. If TARGET ends in .db, only the history is copied. To restore, stop
    the daemon and move a damaged history away first; what is whole in the backup is restored. Exit code 1: something is
    damaged or missing, each part listed.

    \b
    Examples:
      watcher backup /srv/backup/registries
      watcher backup /srv/backup/registries --verify
      watcher backup /srv/backup/registries --restore
    """
    require(not (verify and restore), "--restore verifies the backup first; leave out --verify")
    damage: Sequence[str] = ()
    if verify:
        number = backup.read_manifest(target).snapshots
        with progress_bar(number, f"verifying {target}") as bar:
            report, damage = backup.verify_backup(target, progress=lambda: bar.update(1))
        summary = f"{target}: backup of {report.made}, {_counts(report)}, {len(damage)} damaged"
    elif restore:
        paths = load_settings(config).store
        report, damage = backup.restore_backup(target, paths.location, paths.archive)
        summary = f"{paths.location}: restored as of {report.made}, {_counts(report)}"
    else:
        report, damage = _back_up(config, target)
        repaired = f", {report.repaired} in place of damaged copies" if report.repaired else ""
        summary = f"{target}: {_counts(report)}, {report.copied} of them new{repaired}"
    for line in damage:
        click.echo(visible(line), err=True)
    if format == "json":
        print_json({**asdict(report), "wrong": list(damage)})
    else:
        click.echo(summary)
    if damage:
        raise click.exceptions.Exit(1)


def _back_up(config: Path, target: Path) -> tuple[BackupReport, Sequence[str]]:
    paths = load_settings(config).store
    now = to_text(datetime.now(UTC))
    with Store(paths.location, create=False) as store:
        if target.suffix == ".db":
            return BackupReport(made=now, rows=store.copy_to(target), snapshots=0), ()
        return backup.make_backup(store, paths.archive, target, now=now)


def _counts(report: BackupReport) -> str:
    releases, messages = (report.rows.get(table, 0) for table in ("releases", "outbox"))
    return f"{releases} releases, {messages} messages, {report.snapshots} snapshots"
