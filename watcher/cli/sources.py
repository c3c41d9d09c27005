"""`watcher sources`"""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import asdict

from watcher.cli.context import load_settings, open_store_if_present
from watcher.cli.output import columns, format_option, print_json, print_rows
from watcher.reports.sources import list_sources

_COLUMNS = columns("source", "registry", "releases", "published", "entries", "url")


@click.command("sources")
@click.argument("patterns", metavar="[SOURCE]...", nargs=-1)
@format_option("json", "csv", "md")
@click.pass_obj
def command(config: Path, patterns: tuple[str, ...], format: str) -> None:
    """List the sources: their registry, where they come from, and their newest release.

    SOURCE is a name or a glob. The groups of a collection are sources too; they are known after its first check. So is
    a source that has a history and is not configured any more: it has no URL.

    \b
    Examples:
      watcher sources
      watcher sources 'iana.dns*'
      watcher sources --format json
    """
    settings = load_settings(config)
    with open_store_if_present(settings.store.location) as store:
        rows = [asdict(source) for source in list_sources(settings, store, patterns)]
    if format == "json":
        print_json({"sources": rows})
        return
    print_rows(rows, _COLUMNS, format, empty="no sources are configured")
