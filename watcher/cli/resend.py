"""`watcher resend`"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from watcher.cli import output as common
from watcher.cli.outbox import COLUMNS
from watcher.cli.output import App, format_option, need, pass_app, print_json, print_rows
from watcher.cli.wired import service
from watcher.core.errors import UsageError
from watcher.core.times import to_text
from watcher.monitor.monitor import Monitor
from watcher.store.outbox import FAILED, SENT, STATES, DeliveryQuery

_COLUMNS = {name: COLUMNS[name] for name in ("id", "channel", "recipient", "source", "created", "state", "last_error")}


@click.command("resend")
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--since", callback=common.date, metavar="DATE", help="Made on this day (UTC) and after.")
@click.option("--until", callback=common.date, metavar="DATE", help="Made on this day (UTC) and before.")
@click.option("--channel", metavar="NAME", help="Of this channel.")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="In this state [default: sent and failed]."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be sent again.")
@click.option("--deliver/--no-deliver", default=True, help="Send at once (default), or leave it to the daemon.")
@format_option("json", "csv", "md")
@pass_app
def command(
    app: App,
    ids: tuple[str, ...],
    since: str | None,
    until: str | None,
    channel: str | None,
    states: tuple[str, ...],
    dry_run: bool,
    deliver: bool,
    format: str,
) -> None:
    """Send messages again: those named, or those of a period, a channel, a state.

    They go out as they were, under the id that they had, so that a receiver can tell a repeat; all their tries are
    before them again. Exit code 1: something that was to be sent at once was not (it is tried again by the daemon).

    \b
    Examples:
      watcher resend --state failed --channel noc --dry-run
      watcher resend --since 2026-11-20 --until 2026-11-22 --channel hook
      watcher resend msg_2vN…
    """
    chosen = ids or since or until or channel or states
    need(chosen, "say what to send again: ids, --since, --until, --channel, --state")
    with service(app, create=False) as parts:
        sought = DeliveryQuery(
            ids=ids,
            states=states or (() if ids else (SENT, FAILED)),
            channel=channel,
            since=since,
            until=until,
        )
        found = parts.deliveries.find_deliveries(sought)
        if unknown := set(ids) - {str(row["id"]) for row in found}:
            raise UsageError(f"there is no such message: {', '.join(sorted(unknown))}")
        if format == "json":
            print_json({"dry_run": dry_run, "deliveries": [dict(row) for row in found]})
        elif found or format != "text":
            print_rows(found, _COLUMNS, format)
        again = [str(row["id"]) for row in found]
        if not dry_run:
            parts.deliveries.requeue_deliveries(again, now=to_text(datetime.now(UTC)))
        left = _send(parts, again) if deliver and not dry_run else 0
        if format == "text":
            click.echo(_told(len(again), left, dry_run=dry_run, deliver=deliver))
    if left:
        raise click.exceptions.Exit(1)


def _send(parts: Monitor, again: list[str]) -> int:
    """Send what is due and return how many of the messages are not sent."""
    parts.deliver()
    return sum(parts.deliveries.read_state(each).state != SENT for each in again)


def _told(number: int, left: int, *, dry_run: bool, deliver: bool) -> str:
    if not number:
        return "there is no such message"
    if dry_run:
        return f"\n{number} would be sent again, under the same ids"
    if not deliver:
        return f"\n{number} will be sent again, under the same ids"
    return f"\n{number - left} sent again, {left or 'none'} left to be tried again (`watcher outbox --state pending`)"
