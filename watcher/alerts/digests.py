"""Combine messages for one recipient into digests, and keep a channel to its messages per hour: both in the outbox."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from watcher.alerts import messages
from watcher.alerts.channels.base import Channel
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.store import Store

_HOUR = timedelta(hours=1)
_NEXT_TRY = timedelta(minutes=1)  # for messages beyond the limit of their channel


def create_digests(store: Store, channels: Mapping[str, Channel], now: datetime) -> None:
    """Replace gathered messages by digests. Messages of a channel that is not enabled stay as they are."""
    with store.transaction():
        for gathered in store.outbox.list_gathered(to_text(now)):
            channel = channels.get(gathered[0].channel)
            for members in _split_by_size(gathered, channel.max_digest_bytes if channel else 0):
                digest = _render(channel, members, now) if channel is not None and len(members) > 1 else None
                if digest is not None:
                    store.outbox.replace_with_digest(members, digest, now=to_text(now))
                else:
                    for member in members:
                        store.outbox.make_pending(member.id)


def _render(channel: Channel, members: Sequence[Delivery], now: datetime) -> Delivery | None:
    """Return a digest; None if it cannot be made: then its members are sent one by one."""
    try:
        return messages.render_digest(channel, members, now)
    except Exception:  # noqa: BLE001 - a body that cannot be read must not stop all other messages
        return None


def _split_by_size(gathered: Sequence[Delivery], max_bytes: int) -> Iterator[list[Delivery]]:
    members: list[Delivery] = []
    size = 0
    for delivery in gathered:
        length = len(delivery.body.encode())
        if members and size + length > max_bytes:
            yield members
            members, size = [], 0
        members.append(delivery)
        size += length
    if members:
        yield members


def postpone_excess(store: Store, most_per_hour: Mapping[str, int], now: datetime) -> None:
    """Postpone the due messages of each channel that exceed its limit per hour; the oldest go first."""
    for channel, most in most_per_hour.items():
        with store.transaction():
            room = max(0, most - store.outbox.count_sent(channel, to_text(now - _HOUR), to_text(now)))
            store.outbox.postpone_due(channel, besides=room, now=to_text(now), until=to_text(now + _NEXT_TRY))
