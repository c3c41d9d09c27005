"""`watcher channel`"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from watcher.alerts import messages
from watcher.alerts.channels import create_channel
from watcher.cli.output import App, format_option, pass_app, print_json, print_rows
from watcher.cli.wired import service
from watcher.config.settings import AnyChannel
from watcher.core.times import to_text
from watcher.monitor.monitor import Monitor
from watcher.render.safe_text import visible
from watcher.store.outbox import FAILED, PENDING

_COLUMNS = {
    "channel": "CHANNEL",
    "type": "TYPE",
    "state": "STATE",
    "since": "SINCE",
    "last_sent": "LAST SENT",
    "pending": "PENDING",
    "failed": "GIVEN UP",
    "last_error": "LAST ERROR",
}


@click.group("channel")
def command() -> None:
    """How the channels do; test one, enable one that is gone."""


@command.command("list")
@format_option("json", "csv", "md")
@pass_app
def list_(app: App, format: str) -> None:
    """Every channel: whether it takes messages, what waits for it, and what was given up.

    A channel is `ok`, `failing`, `gone` (it answered 410; nothing is sent until `watcher channel enable`) or `off`
    (`enabled = false`).
    """
    with service(app) as parts:
        rows = [_row(parts, channel) for channel in parts.settings.channel]
    if format == "json":
        print_json({"channels": rows})
    else:
        print_rows(rows, _COLUMNS, format)


def _row(parts: Monitor, channel: AnyChannel) -> dict[str, Any]:
    whole = next((each for each in parts.endpoints.list_failures_of(channel.name) if not each.recipient), None)
    refused = [each for each in parts.endpoints.list_failures_of(channel.name) if each.recipient]
    counts = parts.deliveries.count_by_state()
    state = "ok" if whole is None else "gone" if whole.gone else "failing"
    return {
        "channel": channel.name,
        "type": channel.type,
        "state": state if channel.enabled else "off",
        "since": whole.since if whole else None,
        "failures": whole.failures if whole else 0,
        "last_error": whole.last_error if whole else None,
        "last_sent": parts.deliveries.find_last_sent(channel.name),
        "pending": counts.get((channel.name, PENDING), 0),
        "failed": counts.get((channel.name, FAILED), 0),
        "refused": [{"recipient": each.recipient, "since": each.since, "error": each.last_error} for each in refused],
    }


@command.command("enable")
@click.argument("name")
@pass_app
def enable(app: App, name: str) -> None:
    """Send over the channel NAME again after it answered 410; all that waits for it is due at once.

    A channel that only fails can be hurried so, too: every message has all its tries before it again.
    """
    with service(app) as parts:
        channel = parts.channel(name)
        with parts.store.transaction():
            known = parts.endpoints.clear_channel(channel.name)
            waiting = parts.deliveries.requeue_channel(channel.name, now=to_text(datetime.now(UTC)))
    click.echo(f"{name}: {'enabled' if known else 'was not disabled'}; {waiting} messages are due")


@command.command("test")
@click.argument("name")
@pass_app
def test(app: App, name: str) -> None:
    """Send a message marked as a test to everybody on the channel NAME, through outbox and sender as an alert goes.

    Exit code 0: accepted by the other side; 1: not (it stays in the outbox and is tried again by the daemon).
    """
    with service(app) as parts:
        channel = create_channel(parts.channel(name), parts.settings)
        now = datetime.now(UTC)
        deliveries = [messages.render_test(channel, recipient, now) for recipient in channel.recipients()]
        with parts.store.transaction():
            parts.deliveries.add_deliveries(deliveries, now=to_text(now))
        parts.deliver_over(channel.name)
        failed = False
        for delivery in deliveries:
            state = parts.deliveries.read_state(delivery.id)
            failed = failed or state.state != "sent"
            to = f"{name} {delivery.recipient}".strip()
            why = f": {visible(state.last_error)}" if state.last_error else ""
            click.echo(f"{to}: {state.state}{why}", err=failed)
    if failed:
        raise click.exceptions.Exit(1)
