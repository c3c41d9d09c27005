"""`watcher events`"""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import asdict

from watcher.cli.context import open_store_if_present
from watcher.cli.output import columns, format_option, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.reports.event_types import list_event_types

_COLUMNS = columns("id", "severity", "events", "also", "registries", "meaning")


@click.command("events")
@click.argument("patterns", metavar="[EVENT]...", nargs=-1)
@format_option("json", "csv", "md")
@click.pass_obj
def command(config: Path, patterns: tuple[str, ...], format: str) -> None:
    """List the event ids: the severity of each, what it means, and how many events of this history have it.

    EVENT is an id or a glob. ALSO counts the events that name the id as a further meaning. REGISTRIES are the rules
    that know it (`registry` of a source). docs/semantics.md has the rule of each.

    \b
    Examples:
      watcher events
      watcher events 'port-*' 'service-*'
      watcher events --format csv
    """
    overview = load_overview(config)
    with open_store_if_present(overview.history) as store:
        rows = [asdict(event_type) for event_type in list_event_types(overview, store, patterns)]
    if format == "json":
        print_json({"events": rows})
        return
    print_rows(rows, _COLUMNS, format)
