"""Send what the outbox has, each channel in a thread of its own, so that one that hangs does not delay the others."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta

from watcher.alerts import delivery, digests
from watcher.alerts.delivery import DeliveryReport
from watcher.core.operations import Notice
from watcher.core.times import to_text
from watcher.monitor.monitor import Monitor


def deliver_all(monitor: Monitor) -> DeliveryReport:
    """Send everything that is due and return how much of it arrived.

    Channels for which the system starts no thread (no memory, too many tasks) are sent over in this one.
    """
    channels = channels_due(monitor)

    def deliver(channel: str) -> DeliveryReport:
        with monitor.for_thread() as thread_monitor:
            return deliver_channel(thread_monitor, channel)

    futures: dict[str, Future[DeliveryReport]] = {}
    with ThreadPoolExecutor(max(len(channels), 1)) as threads:
        try:
            for channel in channels:
                futures[channel] = threads.submit(deliver, channel)
        except RuntimeError:
            threads.shutdown(cancel_futures=True)
    started = {channel: future for channel, future in futures.items() if not future.cancelled()}
    reports = [started[channel].result() if channel in started else deliver(channel) for channel in channels]
    return sum(reports, DeliveryReport())


def channels_due(monitor: Monitor) -> list[str]:
    """Return the channels that have something to send now, after digests are made and hourly limits applied."""
    now = monitor.clock.now()
    monitor.store.outbox.correct_times(to_text(now))
    digests.create_digests(monitor.store, monitor.channels, now)
    limits = {channel.name: channel.most_per_hour for channel in monitor.settings.channel if channel.most_per_hour}
    digests.postpone_excess(monitor.store, limits, now)
    return monitor.store.outbox.list_due_channels(to_text(now))


def deliver_channel(
    monitor: Monitor,
    channel: str,
    should_continue: Callable[[], bool] | None = None,
    *,
    claim: timedelta = delivery.CLAIM,
) -> DeliveryReport:
    """Send what is due over one channel, in this thread. `should_continue` is asked before each message."""
    return delivery.deliver_due(
        monitor.store,
        monitor.channels,
        monitor.clock,
        monitor.alerts,
        only=channel,
        should_continue=should_continue,
        claim=claim,
    )


def queue_notice(monitor: Monitor, notice: Notice) -> None:
    """Put a notice for the operators into the outbox."""
    deliveries = monitor.alerts.for_notice(notice)
    with monitor.store.transaction():
        monitor.store.outbox.add_deliveries(deliveries, now=notice.at)
