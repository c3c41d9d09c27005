"""`watcher resend`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from watcher.cli.context import open_monitor
from watcher.cli.outbox import COLUMNS
from watcher.cli.output import format_option, parse_date, parse_last_date, print_json, print_rows, require
from watcher.core.errors import UsageError
from watcher.core.times import to_text
from watcher.monitor.deliver import deliver_all
from watcher.store.outbox import FAILED, SENT, STATES, DeliveryQuery

_COLUMNS = {name: COLUMNS[name] for name in ("id", "channel", "recipient", "source", "created", "state", "last_error")}


@click.command("resend")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--since", callback=parse_date, metavar="DATE", help="Created on this day (UTC) or later.")
@click.option("--until", callback=parse_last_date, metavar="DATE", help="Created on this day (UTC) or before.")
@click.option("--channel", "channels", multiple=True, metavar="NAME", help="Of this channel; may be repeated.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="In this state [default: sent and failed]."
)
@click.option("--dry-run", is_flag=True, help="Only list what would be resent.")
@click.option("--deliver/--no-deliver", default=True, help="Send now (default), or leave it to the daemon.")
@format_option("json", "csv", "md")
@click.pass_obj
def command(
    config: Path,
    ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    channels: tuple[str, ...],
    states: tuple[str, ...],
    dry_run: bool,
    deliver: bool,
    format: str,
) -> None:
    """Resend messages, by id or by period, channel and state.

    A repeated option accepts any of its values; different options are combined with AND.

    They are sent unchanged under the same id, so that a receiver can detect a repeat; the count of attempts starts
    again. Exit code 1: a message could not be sent now (the daemon retries it).

    \b
    Examples:
      watcher resend --state failed --channel noc --dry-run
      watcher resend --since 2026-11-20 --until 2026-11-22 --channel hook
      watcher resend msg_2vN…
    """
    require(ids or since or until or channels or states, "name what to resend: ids or filters")
    query = DeliveryQuery(
        ids=ids, states=states or (() if ids else (SENT, FAILED)), channels=channels, since=since, until=until
    )
    unsent = 0
    with open_monitor(config, create=False) as monitor:
        outbox = monitor.store.outbox
        deliveries = outbox.find_deliveries(query)
        for channel in {*channels} - {delivery["channel"] for delivery in deliveries}:
            monitor.channel(channel)
        chosen = [str(row["id"]) for row in deliveries]
        if unknown := set(ids) - set(chosen):
            raise UsageError(f"no such message: {', '.join(sorted(unknown))}")
        if format == "json":
            print_json({"dry_run": dry_run, "deliveries": [dict(row) for row in deliveries]})
        elif deliveries or format != "text":
            print_rows(deliveries, _COLUMNS, format)
        if not dry_run:
            outbox.requeue_deliveries(chosen, now=to_text(datetime.now(UTC)))
        if deliver and not dry_run:
            deliver_all(monitor)
            unsent = sum(outbox.read_state(message).state != SENT for message in chosen)
        if format == "text":
            click.echo(_summary(len(chosen), unsent, dry_run=dry_run, deliver=deliver))
    if unsent:
        raise click.exceptions.Exit(1)


def _summary(number: int, unsent: int, *, dry_run: bool, deliver: bool) -> str:
    if not number:
        return "no matching messages"
    if dry_run:
        return f"\n{number} would be resent, under the same ids"
    if not deliver:
        return f"\n{number} queued to be resent, under the same ids"
    return f"\n{number - unsent} resent, {unsent} queued for retry (`watcher outbox --state pending`)"
