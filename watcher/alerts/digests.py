"""Many messages for one recipient made one, and no more of them than a channel takes.

Both happen in the outbox, before anything is sent: what is gathered becomes one new row that names none and replaces
several, in one transaction. Dying anywhere loses nothing and sends nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.alerts import messages
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.store import Store

_HOUR = timedelta(hours=1)
_AGAIN = timedelta(minutes=1)  # after which a channel that had enough is looked at again
_MOST_BYTES = {True: 400_000, False: 18_000}  # of the messages in one digest: a mail, a webhook


def gather(store: Store, now: datetime) -> None:
    """Make one message of those for one recipient whose time of gathering is over; what does not fit makes another."""
    with store.transaction():
        for waiting in store.outbox.list_gathered(to_text(now)):
            for bundle in _bundles(waiting):
                if len(bundle) == 1:
                    store.outbox.release_delivery(bundle[0].id)
                else:
                    store.outbox.replace_with_digest(bundle, messages.digest(bundle, now), now=to_text(now))


def _bundles(waiting: Sequence[Delivery]) -> Iterator[list[Delivery]]:
    bundle: list[Delivery] = []
    size = 0
    for delivery in waiting:
        length = len(delivery.body.encode())
        if bundle and size + length > _MOST_BYTES[bool(delivery.recipient)]:
            yield bundle
            bundle, size = [], 0
        bundle.append(delivery)
        size += length
    if bundle:
        yield bundle


def restrain(store: Store, most_per_hour: Mapping[str, int], now: datetime) -> None:
    """Let what is due on a channel beyond its messages an hour wait."""
    for channel, most in most_per_hour.items():
        with store.transaction():
            room = max(0, most - store.outbox.count_sent_since(channel, to_text(now - _HOUR)))
            store.outbox.postpone_due(channel, besides=room, now=to_text(now), until=to_text(now + _AGAIN))
