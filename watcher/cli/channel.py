"""`watcher channel`"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from watcher.alerts import messages
from watcher.alerts.channels import create_channel
from watcher.cli.context import open_monitor
from watcher.cli.output import columns, format_option, print_json, print_rows
from watcher.config.channel_settings import AnyChannel
from watcher.core.times import to_text
from watcher.monitor.deliver import deliver_channel
from watcher.render.safe_text import visible
from watcher.reports.release_diff import find_last_change
from watcher.store.outbox import FAILED, PENDING, SENT
from watcher.store.store import Store

_COLUMNS = columns("channel", "type", "state", "since", "last_sent", "pending", "failed", "last_error")
_GONE = "gone"  # the word of the JSON contract for a channel that answered 410; people read "disabled"


@click.group("channel")
def command() -> None:
    """Show the state of channels; test one, enable a disabled one."""


@command.command("list")
@format_option("json", "csv", "md")
@click.pass_obj
def list_channels(config: Path, format: str) -> None:
    """List every channel with its state, its pending and its failed messages.

    A channel is `ok`, `failing`, `disabled` (its server answered 410; nothing is sent until `watcher channel enable`;
    `gone` in JSON and CSV) or `off` (`enabled = false`).
    """
    with open_monitor(config) as monitor:
        rows = [_row(monitor.store, channel) for channel in monitor.settings.channel]
    if format == "json":
        print_json({"channels": rows})
        return
    if format != "csv":
        rows = [{**row, "state": "disabled" if row["state"] == _GONE else row["state"]} for row in rows]
    print_rows(rows, _COLUMNS, format)


def _row(store: Store, channel: AnyChannel) -> dict[str, Any]:
    failures = store.channel_failures.list_failures_of(channel.name)
    failure = next((failure for failure in failures if not failure.recipient), None)
    counts = store.outbox.count_by_state()
    state = "ok" if failure is None else _GONE if failure.disabled else "failing"
    return {
        "channel": channel.name,
        "type": channel.type,
        "state": state if channel.enabled else "off",
        "since": failure.since if failure else None,
        "failures": failure.failures if failure else 0,
        "last_error": failure.last_error if failure else None,
        "last_sent": store.outbox.find_last_sent(channel.name),
        "pending": counts.get((channel.name, PENDING), 0),
        "failed": counts.get((channel.name, FAILED), 0),
        "refused": [
            {"recipient": refused.recipient, "since": refused.since, "error": refused.last_error}
            for refused in failures
            if refused.recipient
        ],
    }


@command.command("enable")
@click.argument("name")
@click.pass_obj
def enable(config: Path, name: str) -> None:
    """Enable the channel NAME after its server answered 410; its pending messages are due now.

    For a failing channel it retries now instead of later, and the count of attempts starts again.
    """
    with open_monitor(config) as monitor:
        channel = monitor.channel(name)
        with monitor.store.transaction():
            had_failed = monitor.store.channel_failures.clear_channel(channel.name)
            due = monitor.store.outbox.requeue_channel(channel.name, now=to_text(datetime.now(UTC)))
    click.echo(f"{name}: {'enabled' if had_failed else 'was not disabled'}; {due} messages are due")


@command.command("test")
@click.argument("name")
@click.option("--with-last-change", is_flag=True, help="Send the newest change in the history, marked as a test.")
@click.pass_obj
def test(config: Path, name: str, with_last_change: bool) -> None:
    """Send a test message to every recipient of the channel NAME, through the outbox as an alert is sent.

    Exit code 0: every server accepted it; 1: not all did (it stays in the outbox and the daemon retries it).

    \b
    Examples:
      watcher channel test noc
      watcher channel test noc --with-last-change
    """
    with open_monitor(config) as monitor:
        channel = create_channel(monitor.channel(name), monitor.settings)
        now = datetime.now(UTC)
        last = find_last_change(monitor.store.history) if with_last_change else None
        deliveries = [
            messages.render_change_test(channel, recipient, last, now)
            if last
            else messages.render_test(channel, recipient, now)
            for recipient in channel.recipients()
        ]
        with monitor.store.transaction():
            monitor.store.outbox.add_deliveries(deliveries, now=to_text(now))
        deliver_channel(monitor, channel.name)
        has_failed = False
        for delivery in deliveries:
            state = monitor.store.outbox.read_state(delivery.id)
            has_failed = has_failed or state.state != SENT
            recipient = f"{name} {delivery.recipient}".strip()
            error = f": {visible(state.last_error)}" if state.last_error else ""
            click.echo(f"{recipient}: {state.state}{error}", err=has_failed)
    if has_failed:
        raise click.exceptions.Exit(1)
