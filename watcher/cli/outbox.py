"""`watcher outbox`"""

from __future__ import annotations

from pathlib import Path

import click

from watcher.cli.output import columns, format_option, parse_date, parse_last_date, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.core.suggestions import require_known
from watcher.store.outbox import STATES, DeliveryQuery
from watcher.store.store import Store

COLUMNS = columns(
    "id", "channel", "recipient", "source", "created", "state", "attempts", "next_attempt", "sent", "last_error"
)


@click.command("outbox")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In this state; may be repeated.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Of this channel; may be repeated.")
@click.option("--source", "sources", multiple=True, metavar="NAME", help="About this source; may be repeated.")
@click.option("--since", callback=parse_date, metavar="DATE", help="Created on this day (UTC) or later.")
@click.option("--until", callback=parse_last_date, metavar="DATE", help="Created on this day (UTC) or before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(
    config: Path,
    ids: tuple[str, ...],
    states: tuple[str, ...],
    channels: tuple[str, ...],
    sources: tuple[str, ...],
    since: str | None,
    until: str | None,
    limit: int | None,
    format: str,
) -> None:
    """List messages: pending, sent, failed.

    A repeated option accepts any of its values; different options are combined with AND.

    Messages are never removed from the outbox. `watcher resend` sends them again.

    \b
    Examples:
      watcher outbox --state pending
      watcher outbox --state failed --channel noc --since 2026-11-01
      watcher outbox --format json
    """
    query = DeliveryQuery(
        ids=ids, states=states, channels=channels, sources=sources, since=since, until=until, limit=limit
    )
    overview = load_overview(config)
    with Store(overview.history, create=False) as store:
        deliveries = store.outbox.find_deliveries(query)
        used = store.outbox.list_names()
        known_sources = {source.name for source in overview.sources} | {*store.history.list_sources()}
    for channel in channels:
        require_known("channel", channel, overview.channels | used.channels)
    for source in sources:
        require_known("source", source, known_sources | used.sources)
    if format == "json":
        print_json({"deliveries": [dict(row) for row in deliveries]})
    else:
        print_rows(deliveries, COLUMNS, format, empty="no matching messages")
