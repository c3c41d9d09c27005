"""Send what the outbox has, each channel in a thread of its own, so that one that hangs does not delay the others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from watcher.alerts import delivery, digests
from watcher.alerts.delivery import DeliveryReport
from watcher.core.operations import Notice
from watcher.core.times import to_text
from watcher.monitor.parts import Parts


def deliver_all(parts: Parts) -> DeliveryReport:
    """Send everything that is due and return how much of it arrived."""
    channels = channels_due(parts)

    def deliver(channel: str) -> DeliveryReport:
        with parts.for_thread() as own:
            return deliver_channel(own, channel)

    with ThreadPoolExecutor(max(len(channels), 1)) as threads:
        return sum(threads.map(deliver, channels), DeliveryReport())


def channels_due(parts: Parts) -> list[str]:
    """Return the channels that have something to send now, after digests are made and hourly limits applied."""
    now = parts.clock.now()
    digests.create_digests(parts.store, parts.channels, now)
    limits = {channel.name: channel.most_per_hour for channel in parts.settings.channel if channel.most_per_hour}
    digests.postpone_excess(parts.store, limits, now)
    return parts.store.outbox.list_due_channels(to_text(now))


def deliver_channel(parts: Parts, channel: str, should_continue: Callable[[], bool] | None = None) -> DeliveryReport:
    """Send what is due over one channel, in this thread. `should_continue` is asked before each message."""
    return delivery.deliver_due(
        parts.store, parts.channels, parts.clock, parts.alerts, only=channel, should_continue=should_continue
    )


def queue_notice(parts: Parts, notice: Notice) -> None:
    """Put a notice for the operators into the outbox."""
    deliveries = parts.alerts.for_notice(notice)
    with parts.store.transaction():
        parts.store.outbox.add_deliveries(deliveries, now=notice.at)
