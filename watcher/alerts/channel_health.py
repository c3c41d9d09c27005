"""Decide when a channel is broken, and alert the operators over their other channels, once for each outage."""

from __future__ import annotations

from datetime import datetime, timedelta

from watcher.alerts import notices
from watcher.alerts.routing import AlertRouter
from watcher.core.errors import DeliveryError
from watcher.core.operations import ChannelFailure, Delivery, Notice
from watcher.core.times import from_text, to_text
from watcher.store.store import Store

# A restart of the other side is no outage; one message alone is tried four times in half an hour.
_FAILED_TRIES = 3
_FAILING_FOR = timedelta(minutes=30)
_FAILING_FOR_LONG = timedelta(hours=6)  # whatever the number of tries: the other side may have asked for long waits


class ChannelHealth:
    """Records how channels and recipients fail, in the caller's transaction. For one thread."""

    def __init__(self, store: Store, alerts: AlertRouter) -> None:
        self._failures = store.channel_failures
        self._outbox = store.outbox
        self._alerts = alerts

    def record_failure(self, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
        at = to_text(now)
        recipient = delivery.recipient if error.personal else ""
        failure = self._failures.record_failure(delivery.channel, recipient, str(error), at)
        if error.gone:
            self._failures.disable_channel(delivery.channel, at)
            self._alert(failure, notices.describe_disabled_channel(failure, at))
        elif failure.alerted is None and error.permanent:
            self._alert(failure, notices.describe_refused_recipient(failure, delivery, at))
        elif failure.alerted is None and is_broken(failure, now):
            self._alert(failure, notices.describe_broken_channel(failure, at))

    def record_success(self, delivery: Delivery, now: datetime) -> None:
        """Record an accepted message: it ends the failure of its channel and of its recipient."""
        for failure in self._failures.clear_recovered(delivery.channel, delivery.recipient):
            if failure.alerted:
                self._alert(failure, notices.describe_recovered_channel(failure, to_text(now)))

    def _alert(self, failure: ChannelFailure, notice: Notice) -> None:
        # Over the channel itself the notice would arrive too late or never.
        others = [delivery for delivery in self._alerts.for_notice(notice) if delivery.channel != failure.channel]
        self._outbox.add_deliveries(others, now=notice.at)
        self._failures.record_alert(failure, notice.at)


def is_broken(failure: ChannelFailure, now: datetime) -> bool:
    failing_for = now - from_text(failure.since)
    return failing_for >= _FAILING_FOR_LONG or (failing_for >= _FAILING_FOR and failure.failures >= _FAILED_TRIES)
