"""`watcher outbox`"""

from __future__ import annotations

import click

from watcher.cli import output as common
from watcher.cli.output import App, format_option, pass_app, print_json, print_rows
from watcher.config.overview import load_overview
from watcher.store.outbox import STATES, DeliveryQuery
from watcher.store.store import Store

COLUMNS = {
    "id": "ID",
    "channel": "CHANNEL",
    "recipient": "RECIPIENT",
    "source": "SOURCE",
    "created": "CREATED",
    "state": "STATE",
    "attempts": "TRIES",
    "next_attempt": "NEXT TRY",
    "sent": "SENT",
    "last_error": "LAST ERROR",
}


@click.command("outbox")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--state", "states", multiple=True, type=click.Choice(STATES), help="In this state; several: in any.")
@click.option("--channel", metavar="NAME", help="Of this channel.")
@click.option("--source", metavar="NAME", help="About this source.")
@click.option("--since", callback=common.date, metavar="DATE", help="Made on this day (UTC) and after.")
@click.option("--until", callback=common.date, metavar="DATE", help="Made on this day (UTC) and before.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Only the newest N.")
@format_option("json", "csv", "md")
@pass_app
def command(
    app: App,
    ids: tuple[str, ...],
    states: tuple[str, ...],
    channel: str | None,
    source: str | None,
    since: str | None,
    until: str | None,
    limit: int | None,
    format: str,
) -> None:
    """Messages: what waits, what was sent, and the dead letters (state `failed`); everything given must hold.

    Nothing leaves the outbox. `watcher resend` sends again.

    \b
    Examples:
      watcher outbox --state pending
      watcher outbox --state failed --channel noc --since 2026-11-01
      watcher outbox --format json
    """
    sought = DeliveryQuery(
        ids=ids, states=states, channel=channel, source=source, since=since, until=until, limit=limit
    )
    with Store(load_overview(app.config).history, create=False) as store:
        found = store.outbox.find_deliveries(sought)
    if format == "json":
        print_json({"deliveries": [dict(row) for row in found]})
    elif found or format != "text":
        print_rows(found, COLUMNS, format)
    else:
        click.echo("there is no such message")
