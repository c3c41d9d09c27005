"""News is a row before it is a message: make the rows, send what is due, try again, give up.

At least once: a row is claimed, sent, marked. Dying between any two of these sends it again under the same id.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.alerts.channel_health import ChannelHealth
from watcher.alerts.channels.base import Notifier
from watcher.alerts.notices import Announce
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.store import Store

# Standard Webhooks: seconds to wait after each failed try; after the last it is given up, some 76 hours in.
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
_LEASE = timedelta(minutes=10)
_UNCONFIGURED = timedelta(hours=1)
_LONGEST = timedelta(hours=24)


@dataclass(slots=True)
class DeliveryReport:
    """What came of one round: deliveries accepted, to be tried again, given up."""

    sent: int = 0
    retried: int = 0
    failed: int = 0

    def __add__(self, other: DeliveryReport) -> DeliveryReport:
        return DeliveryReport(self.sent + other.sent, self.retried + other.retried, self.failed + other.failed)


def deliver_due(
    store: Store,
    notifiers: Mapping[str, Notifier],
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
    going_on: Callable[[], bool] = lambda: True,
    *,
    channel: str | None = None,
    announce: Announce = lambda _: (),
) -> DeliveryReport:
    """Send everything that is due, over one channel or over all; `going_on` is asked before each message whether to.

    A channel that cannot be reached is left for this round; its rows stay due. The operators hear of what is broken
    through `announce`. A send takes as long as the other side lets it: who has several channels gives each a thread.
    """
    turn = _Round(
        store=store,
        notifiers=notifiers,
        clock=clock,
        jitter=jitter,
        care=ChannelHealth(store, announce),
        report=DeliveryReport(),
    )
    unreachable: set[str] = set()
    while due := store.outbox.list_due(to_text(clock()), besides=unreachable, channel=channel):
        for delivery in due:
            if not going_on():
                return turn.report
            if delivery.channel not in unreachable and not turn.deliver(delivery):
                unreachable.add(delivery.channel)
    return turn.report


@dataclass(frozen=True, slots=True, kw_only=True)
class _Round:
    """One round of sending."""

    store: Store
    notifiers: Mapping[str, Notifier]
    clock: Callable[[], datetime]
    jitter: Callable[[], float]
    care: ChannelHealth
    report: DeliveryReport

    def deliver(self, delivery: Delivery) -> bool:
        """Try one delivery and return whether its channel could be reached."""
        now = self.clock()
        if not self.store.outbox.claim_delivery(delivery.id, now=to_text(now), until=to_text(now + _LEASE)):
            return True
        notifier = self.notifiers.get(delivery.channel)
        if notifier is None:
            message = f"there is no enabled channel {delivery.channel!r} in the configuration"
            waiting = DeliveryError(message, permanent=False, retry_after=_UNCONFIGURED.total_seconds())
            return self._again(delivery, waiting, self.clock())
        try:
            notifier.send(delivery, now)
        except DeliveryError as error:
            return self._failed(delivery, error)
        except ConfigError as error:
            # A secret that cannot be read is the operator's to mend; nothing is lost meanwhile.
            return self._failed(delivery, DeliveryError(str(error), permanent=False))
        done = self.clock()
        with self.store.transaction():
            self.store.outbox.mark_sent(delivery.id, to_text(done))
            self.care.sent(delivery, done)
        self.report.sent += 1
        return True

    def _failed(self, delivery: Delivery, error: DeliveryError) -> bool:
        """Note that a try failed, and return whether its channel answered all the same."""
        now = self.clock()
        with self.store.transaction():
            self.care.failed(delivery, error, now)
            return self._again(delivery, error, now)

    def _again(self, delivery: Delivery, error: DeliveryError, now: datetime) -> bool:
        tries = delivery.attempts + 1
        if error.gone:
            # Not this message's end: it waits with the others until the channel is enabled again.
            self.store.outbox.schedule_retry(delivery.id, str(error), to_text(now))
            self.report.retried += 1
            return False
        if error.permanent or tries > len(SCHEDULE):
            given_up = "" if error.permanent else f" (given up after {tries} tries)"
            self.store.outbox.mark_failed(delivery.id, f"{error}{given_up}")
            self.report.failed += 1
            return error.permanent or error.personal
        wait = SCHEDULE[tries - 1] * (0.9 + 0.2 * self.jitter())
        if error.retry_after is not None:
            wait = min(max(wait, timedelta(seconds=error.retry_after)), _LONGEST)
        # Rounded up: times are kept to the second.
        self.store.outbox.schedule_retry(delivery.id, str(error), to_text(now + wait + timedelta(seconds=1)))
        self.report.retried += 1
        return error.personal
