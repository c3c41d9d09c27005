"""The deliveries of one channel: for a release, a notice, a digest and tests, each with its id and its body."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

from msgspec.structs import replace

from watcher.alerts.channels.base import Channel
from watcher.core.model import TEST_MARK, Comparison
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text


def render_release(channel: Channel, recipient: str, comparison: Comparison, *, mark: str = "") -> Delivery:
    """Return the delivery of a release. The same release, `mark` and events of deadlines give the same id."""
    # Ids, not snapshots: a release that is served again after newer ones has the snapshot of its first time.
    parts = (channel.name, recipient, comparison.source, comparison.old.id, comparison.new.id)
    timed = sorted(event.fingerprint for event in comparison.events) if comparison.timed else []
    identifier = delivery_id(*parts, *timed, *filter(None, [mark]))
    created = comparison.timed or comparison.new.observed or ""
    body = channel.render_release(comparison, delivery_id=identifier, created=created)
    return _delivery(channel, recipient, identifier, body, created, comparison.source, comparison.new.id)


def render_notice(channel: Channel, recipient: str, notice: Notice, *, mark: str = "") -> Delivery:
    """Return the delivery of a notice. The same subject and `mark` give the same id."""
    parts = ("notice", channel.name, recipient, notice.source, notice.id, notice.subject)
    identifier = delivery_id(*parts, *filter(None, [mark]))
    body = channel.render_notice(notice, delivery_id=identifier)
    return _delivery(channel, recipient, identifier, body, notice.at, notice.source)


def render_digest(channel: Channel, members: Sequence[Delivery], now: datetime) -> Delivery:
    """Return one delivery in place of several for one recipient. The same members give the same id."""
    identifier, created = delivery_id("digest", *(member.id for member in members)), to_text(now)
    body = channel.render_digest([member.body for member in members], delivery_id=identifier, created=created)
    return _delivery(channel, members[0].recipient, identifier, body, created)


def render_test(channel: Channel, recipient: str, now: datetime) -> Delivery:
    identifier, created = delivery_id("test", channel.name, recipient, now.isoformat()), to_text(now)
    body = channel.render_test(delivery_id=identifier, created=created)
    return _delivery(channel, recipient, identifier, body, created)


def render_change_test(channel: Channel, recipient: str, comparison: Comparison, now: datetime) -> Delivery:
    """Return a test that reports a release as `render_release` does, marked as a test in every form."""
    identifier, created = delivery_id("test", channel.name, recipient, now.isoformat()), to_text(now)
    sentence = f"a test of channel {channel.name}; subscribers were alerted to this change when it was new"
    marked = replace(comparison, marks={TEST_MARK: sentence, **comparison.marks})
    body = channel.render_release(marked, delivery_id=identifier, created=created)
    return _delivery(channel, recipient, identifier, body, created)


def _delivery(
    channel: Channel, recipient: str, identifier: str, body: str, created: str, source: str = "", release: str = ""
) -> Delivery:
    name = channel.name
    return Delivery(
        id=identifier, channel=name, recipient=recipient, source=source, release=release, body=body, created=created
    )


def delivery_id(*parts: str) -> str:
    """Return an id that is the same for the same parts: `msg_` and 27 characters."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return "msg_" + base64.urlsafe_b64encode(digest).decode()[:27].replace("-", "0").replace("_", "1")
