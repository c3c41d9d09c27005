"""The deliveries of one channel: for a release, a notice, a digest and a test, each with its id and its body."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

from watcher.alerts.channels.base import Channel
from watcher.core.model import Comparison
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text


def render_release(channel: Channel, recipient: str, comparison: Comparison, *, mark: str = "") -> Delivery:
    """Return the delivery that reports a release to one recipient. The same release always gives the same id.

    `mark` gives another id, for a second delivery about the same release.
    """
    # Ids, not snapshots: a release that is served again after newer ones has the snapshot of its first time.
    parts = (channel.name, recipient, comparison.source, comparison.old.id, comparison.new.id)
    identifier = delivery_id(*parts, *filter(None, [mark]))
    created = comparison.new.observed or ""
    return Delivery(
        id=identifier,
        channel=channel.name,
        recipient=recipient,
        source=comparison.source,
        release=comparison.new.id,
        body=channel.render_release(comparison, delivery_id=identifier, created=created),
        created=created,
    )


def render_notice(channel: Channel, recipient: str, notice: Notice, *, mark: str = "") -> Delivery:
    """Return the delivery that sends a notice to one recipient. The same subject always gives the same id.

    `mark` gives another id.
    """
    parts = ("notice", channel.name, recipient, notice.source, notice.id, notice.subject)
    identifier = delivery_id(*parts, *filter(None, [mark]))
    return Delivery(
        id=identifier,
        channel=channel.name,
        recipient=recipient,
        source=notice.source,
        release="",
        body=channel.render_notice(notice, delivery_id=identifier),
        created=notice.at,
    )


def render_digest(channel: Channel, members: Sequence[Delivery], now: datetime) -> Delivery:
    """Return one delivery in place of several for one recipient. The same members always give the same id."""
    identifier = delivery_id("digest", *(member.id for member in members))
    created = to_text(now)
    return Delivery(
        id=identifier,
        channel=channel.name,
        recipient=members[0].recipient,
        source="",
        release="",
        body=channel.render_digest([member.body for member in members], delivery_id=identifier, created=created),
        created=created,
    )


def render_test(channel: Channel, recipient: str, now: datetime) -> Delivery:
    """Return a delivery that is marked as a test."""
    identifier = delivery_id("test", channel.name, recipient, now.isoformat())
    created = to_text(now)
    return Delivery(
        id=identifier,
        channel=channel.name,
        recipient=recipient,
        source="",
        release="",
        body=channel.render_test(delivery_id=identifier, created=created),
        created=created,
    )


def delivery_id(*parts: str) -> str:
    """Return an id that is the same for the same parts: `msg_` and 27 characters."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return "msg_" + base64.urlsafe_b64encode(digest).decode()[:27].replace("-", "0").replace("_", "1")
