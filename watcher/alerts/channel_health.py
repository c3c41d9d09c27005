"""When a channel is broken, and who hears of it: the operators, over their other channels, once.

Everything is written in the caller's transaction, together with what became of the message.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from watcher.alerts import notices
from watcher.alerts.notices import Announce
from watcher.core.errors import DeliveryError
from watcher.core.operations import ChannelFailure, Delivery, Notice
from watcher.core.times import from_text, to_text
from watcher.store.store import Store

# A restart of the other side is no news; one message alone is tried four times in half an hour.
_TRIES = 3
_SOON = timedelta(minutes=30)
_LATE = timedelta(hours=6)  # whatever the number of tries: the other side may have asked for long waits


class ChannelHealth:
    """Follows how endpoints do. `announce` makes the deliveries that tell the operators of a notice."""

    def __init__(self, store: Store, announce: Announce) -> None:
        self._endpoints = store.channel_failures
        self._outbox = store.outbox
        self._announce = announce

    def failed(self, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
        """A try failed: of one recipient, or of the channel as a whole."""
        at = to_text(now)
        recipient = delivery.recipient if error.personal else ""
        endpoint = self._endpoints.record_failure(delivery.channel, recipient, str(error), at)
        if error.gone:
            self._endpoints.disable_channel(delivery.channel, at)
            self._tell(endpoint, notices.channel_disabled(endpoint, at))
        elif endpoint.told is None and error.permanent:
            self._tell(endpoint, notices.recipient_refused(endpoint, delivery, at))
        elif endpoint.told is None and broken(endpoint, now):
            self._tell(endpoint, notices.channel_broken(endpoint, at))

    def sent(self, delivery: Delivery, now: datetime) -> None:
        """A message was taken: what was wrong is over."""
        for endpoint in self._endpoints.clear_recovered(delivery.channel, delivery.recipient):
            if endpoint.told:
                self._tell(endpoint, notices.channel_recovered(endpoint, to_text(now)))

    def _tell(self, endpoint: ChannelFailure, notice: Notice) -> None:
        # Over the channel itself nobody would hear it, or too late.
        over_others = [each for each in self._announce(notice) if each.channel != endpoint.channel]
        self._outbox.add_deliveries(over_others, now=notice.at)
        self._endpoints.record_alert(endpoint, notice.at)


def broken(endpoint: ChannelFailure, now: datetime) -> bool:
    """Whether an endpoint has failed often or long enough to be called broken."""
    failing = now - from_text(endpoint.since)
    return failing >= _LATE or (failing >= _SOON and endpoint.failures >= _TRIES)
