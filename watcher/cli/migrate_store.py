"""`watcher migrate-store`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.context import load_settings
from watcher.cli.output import format_option, print_json
from watcher.cli.verify import find_differences
from watcher.config.settings import Settings
from watcher.core.errors import UsageError
from watcher.core.postgresql_url import PostgresqlUrl, is_postgresql, parse_url
from watcher.monitor.monitor import Monitor
from watcher.render.safe_text import visible
from watcher.store.location import HistoryLocation
from watcher.store.store import Store
from watcher.store.transfer import TABLES, copy_history


@click.command("migrate-store")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--newest", type=click.IntRange(min=1), default=10, show_default=True, help="Releases to verify.")
@format_option("json")
@click.pass_obj
def command(config: Path, source: str, target: str, newest: int, format: str) -> None:
    """Copy a history from one database to another: each is an SQLite file or a postgresql:// URL.

    Stop the daemon first: what is written to FROM meanwhile is not in TO. Every row is compared before the copy counts;
    then the newest releases of each source are verified in TO against the configured snapshots, as `watcher verify
    --history` does. TO must have no history. FROM stays as it is. Exit code 1: the verification found differences.

    \b
    Examples:
      watcher migrate-store history.db postgresql://watcher@db.example.net/registries
      watcher migrate-store 'postgresql:///registries?host=/run/postgresql' history.db
    """
    settings = load_settings(config)
    origin, destination = _locate(source), _locate(target)
    with Store(origin, create=False) as store:
        rows = _copy(store, destination)
        names = store.history.list_sources()
    differences = _verify(settings, destination, names, newest)
    total = sum(rows[table] for table in TABLES)
    if format == "json":
        print_json({"from": str(origin), "to": str(destination), "rows": rows, "misfits": differences})
    else:
        for line in differences:
            click.echo(visible(line), err=True)
        click.echo(f"{destination}: {total:,} rows of {origin}, each compared; {len(differences)} differences from the "
                   f"snapshots in the newest {newest} releases of {len(names)} sources")  # fmt: skip
        key = "url" if isinstance(destination, PostgresqlUrl) else "path"
        click.echo(f'to use it, set {key} = "{destination}" in [store]')
    if differences:
        raise click.exceptions.Exit(1)


def _locate(text: str) -> HistoryLocation:
    try:
        return parse_url(text) if is_postgresql(text) else Path(text)
    except ValueError as error:
        raise UsageError(f"the URL {error}") from None


def _copy(store: Store, destination: HistoryLocation) -> dict[str, int]:
    """Copy a history and return the rows of each table."""
    if isinstance(destination, Path):
        if destination.exists():
            raise UsageError(f"{destination}: is there already; name a new file")
        rows = store.copy_to(destination)
        return {table: rows[table] for table in TABLES}
    with Store(destination) as target:
        return copy_history(store.database, target.database)


def _verify(settings: Settings, location: HistoryLocation, names: list[str], newest: int) -> list[str]:
    """Return a sentence for each difference between a history and the configured snapshots."""
    place = {"path": location, "url": None} if isinstance(location, Path) else {"url": location}
    moved = settings.model_copy(update={"store": settings.store.model_copy(update=place)})
    with Monitor(moved, create=False) as monitor:
        return list(find_differences(monitor, names, newest))
