"""Send what is due from the outbox, retry what failed, give up after three days.

At least once: a delivery is claimed, sent, marked, and after a crash in between sent again under the same id.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

from msgspec import Struct

from watcher.alerts.channel_health import ChannelHealth
from watcher.alerts.channels.base import Channel
from watcher.alerts.routing import AlertRouter
from watcher.core.clock import Clock
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.store import Store

# Standard Webhooks: the wait after each failed try. After the last the delivery has failed, some 76 hours in.
RETRY_WAITS = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
CLAIM = timedelta(minutes=10)  # longer than any message takes
_UNCONFIGURED_WAIT = timedelta(hours=1)
_LONGEST_WAIT = timedelta(hours=24)


class DeliveryReport(Struct, frozen=True):
    """How many deliveries were sent, are retried later, and have failed for good."""

    sent: int = 0
    retried: int = 0
    failed: int = 0

    def __add__(self, other: DeliveryReport) -> DeliveryReport:
        return DeliveryReport(self.sent + other.sent, self.retried + other.retried, self.failed + other.failed)


def deliver_due(
    store: Store,
    channels: Mapping[str, Channel],
    clock: Clock,
    alerts: AlertRouter,
    *,
    only: str | None = None,
    should_continue: Callable[[], bool] | None = None,
    claim: timedelta = CLAIM,
) -> DeliveryReport:
    """Send what is due, over all channels or `only` one, while `should_continue`; return what became of it.

    A delivery whose process dies while it is sent is due again after `claim`.
    """
    sender = _Sender(store, channels, clock, alerts, claim)
    while due := store.outbox.list_due(to_text(clock.now()), besides=sender.unreachable, channel=only):
        for delivery in due:
            if should_continue is not None and not should_continue():
                return sender.report
            if delivery.channel not in sender.unreachable:
                sender.send(delivery)
    return sender.report


class _Sender:
    """Sends the deliveries of one round and counts the results."""

    def __init__(
        self, store: Store, channels: Mapping[str, Channel], clock: Clock, alerts: AlertRouter, claim: timedelta
    ) -> None:
        self._store = store
        self._claim = claim
        self._outbox = store.outbox
        self._channels = channels
        self._clock = clock
        self._health = ChannelHealth(store, alerts)
        self.report = DeliveryReport()
        self.unreachable: set[str] = set()

    def send(self, delivery: Delivery) -> None:
        now = self._clock.now()
        if not self._outbox.claim_delivery(delivery.id, now=to_text(now), until=to_text(now + self._claim)):
            return  # another process sends it
        if delivery.channel not in self._channels:
            message = f"there is no enabled channel {delivery.channel!r} in the configuration"
            wait = _UNCONFIGURED_WAIT.total_seconds()
            self._schedule_retry(delivery, DeliveryError(message, permanent=False, retry_after=wait), now)
            self.unreachable.add(delivery.channel)
            return
        try:
            self._channels[delivery.channel].send(delivery, now)
        except DeliveryError as error:
            self._record_failure(delivery, error)
        except ConfigError as error:
            # The operator can correct a secret that cannot be read; until then the message waits.
            self._record_failure(delivery, DeliveryError(str(error), permanent=False))
        except Exception as error:  # noqa: BLE001 - an unexpected error is a failed try too
            # Other messages of the channel are still tried: it may be this message.
            self._record_failure(delivery, _describe_unexpected(error), is_of_channel=False)
        else:
            now = self._clock.now()
            with self._store.transaction():
                self._outbox.mark_sent(delivery.id, to_text(now))
                self._health.record_success(delivery, now)
            self.report += DeliveryReport(sent=1)

    def _record_failure(self, delivery: Delivery, error: DeliveryError, *, is_of_channel: bool = True) -> None:
        now = self._clock.now()
        if is_of_channel and not (error.personal or error.permanent):
            self.unreachable.add(delivery.channel)
        with self._store.transaction():
            self._health.record_failure(delivery, error, now)
            self._schedule_retry(delivery, error, now)

    def _schedule_retry(self, delivery: Delivery, error: DeliveryError, now: datetime) -> None:
        """Plan the next try, or give up."""
        tries = delivery.attempts + 1
        if error.gone:
            # The channel is disabled, not the message refused: it waits until the channel is enabled again.
            self._outbox.schedule_retry(delivery.id, str(error), to_text(now), now=to_text(now))
        elif error.permanent or tries > len(RETRY_WAITS):
            given_up = "" if error.permanent else f" (given up after {tries} tries)"
            self._outbox.mark_failed(delivery.id, f"{error}{given_up}")
            self.report += DeliveryReport(failed=1)
            return
        else:
            wait = RETRY_WAITS[tries - 1] * (0.9 + 0.2 * self._clock.jitter())
            if error.retry_after is not None:
                wait = min(max(wait, timedelta(seconds=error.retry_after)), _LONGEST_WAIT)
            # Rounded up, because the outbox keeps times to the second.
            next_attempt = to_text(now + wait + timedelta(seconds=1))
            self._outbox.schedule_retry(delivery.id, str(error), next_attempt, now=to_text(now))
        self.report += DeliveryReport(retried=1)


def _describe_unexpected(error: Exception) -> DeliveryError:
    """Return the error with its place and without its text, which could have a secret."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}, line {place.lineno}"
    return DeliveryError(f"unexpected {type(error).__name__} in {where}; please report it", permanent=False)
