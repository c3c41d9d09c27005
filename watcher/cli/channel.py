"""`watcher channel`"""

from __future__ import annotations

from datetime import UTC, datetime

import click

from watcher import outbox
from watcher.cli.app import App, pass_app
from watcher.cli.wired import service
from watcher.render.plain import visible
from watcher.service import recipients
from watcher.times import to_text


@click.group("channel")
def command() -> None:
    """Send a test message through a channel."""


@command.command("test")
@click.argument("name")
@pass_app
def test(app: App, name: str) -> None:
    """Send a message marked as a test to everybody on the channel NAME, through outbox and sender as an alert goes.

    Exit code 0: accepted by the other side; 1: not (it stays in the outbox and is tried again by the daemon).
    """
    with service(app) as parts:
        channel = parts.channel(name)
        now = datetime.now(UTC)
        messages = outbox.test_deliveries(channel.name, channel.type, recipients(channel), now)
        with parts.database.transaction():
            parts.deliveries.add(messages, now=to_text(now))
        parts.deliver()
        failed = False
        for message in messages:
            state = parts.deliveries.state(message.id)
            failed = failed or state.state != "sent"
            to = f"{name} {message.recipient}".strip()
            # What a server answers is its own text.
            why = visible(f": {state.last_error}" if state.last_error else "")
            click.echo(f"{to}: {state.state}{why}", err=failed)
    if failed:
        raise click.exceptions.Exit(1)
