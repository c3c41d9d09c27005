"""Render the messages of the outbox: for a release, a notice, a digest and a test."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Sequence
from datetime import datetime

from watcher.alerts.channels import email_message, webhook_message
from watcher.core.model import Comparison
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text


def compose(
    channel: str, kind: str, recipients: Iterable[str], comparison: Comparison, *, mark: str = ""
) -> list[Delivery]:
    """Return the messages that tell a channel's recipients of a release, each under an id that is always the same.

    `mark` gives another id: to what is not sent of a release beside that which is.
    """
    created = comparison.new.observed or ""
    found = []
    for recipient in recipients:
        # Ids, not snapshots: a release that came back has the snapshot of the one it returns.
        parts = (channel, recipient, comparison.source, comparison.old.id, comparison.new.id)
        identifier = delivery_id(*parts, *filter(None, [mark]))
        if kind == "email":
            message = email_message.message(comparison, list_name=channel)
            body = _mail(message)
        else:
            body = webhook_message.body(comparison, delivery_id=identifier, occurred=created).decode()
        found.append(
            Delivery(
                id=identifier,
                channel=channel,
                recipient=recipient,
                source=comparison.source,
                release=comparison.new.id,
                body=body,
                created=created,
            )
        )
    return found


def announce(channel: str, kind: str, recipients: Iterable[str], notice: Notice, *, mark: str = "") -> list[Delivery]:
    """Return the messages that tell a channel's recipients of a notice; one subject always gives the same ids.

    `mark` gives others.
    """
    found = []
    for recipient in recipients:
        parts = ("notice", channel, recipient, notice.source, notice.id, notice.subject)
        identifier = delivery_id(*parts, *filter(None, [mark]))
        body = (
            _mail(email_message.notice_message(notice, list_name=channel))
            if kind == "email"
            else webhook_message.notice_body(notice, delivery_id=identifier).decode()
        )
        found.append(
            Delivery(
                id=identifier,
                channel=channel,
                recipient=recipient,
                source=notice.source,
                release="",
                body=body,
                created=notice.at,
            )
        )
    return found


def digest(members: Sequence[Delivery], now: datetime) -> Delivery:
    """Return one message in place of several for one recipient, under an id that is theirs together."""
    first = members[0]
    identifier = delivery_id("digest", *(member.id for member in members))
    bodies = [json.loads(member.body) for member in members]
    if first.recipient:
        mails = [email_message.Mail(subject=each["subject"], text=each["text"], html=each["html"]) for each in bodies]
        body = _mail(email_message.digest(mails, list_name=first.channel))
    else:
        body = webhook_message.digest_body(bodies, delivery_id=identifier, occurred=to_text(now)).decode()
    return Delivery(
        id=identifier,
        channel=first.channel,
        recipient=first.recipient,
        source="",
        release="",
        body=body,
        created=to_text(now),
    )


def test_deliveries(channel: str, kind: str, recipients: Iterable[str], now: datetime) -> list[Delivery]:
    """Return messages that are marked as a test, one for each recipient."""
    created = to_text(now)
    found = []
    for recipient in recipients:
        identifier = delivery_id("test", channel, recipient, now.isoformat())
        body = (
            _mail(email_message.test_message(channel, created))
            if kind == "email"
            else webhook_message.test_body(delivery_id=identifier, occurred=created, channel=channel).decode()
        )
        found.append(
            Delivery(
                id=identifier, channel=channel, recipient=recipient, source="", release="", body=body, created=created
            )
        )
    return found


def _mail(message: email_message.Mail) -> str:
    return json.dumps({"subject": message.subject, "text": message.text, "html": message.html}, ensure_ascii=False)


def delivery_id(*parts: str) -> str:
    """Return an id that is the same for the same parts: `msg_` and 27 characters."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return "msg_" + base64.urlsafe_b64encode(digest).decode()[:27].replace("-", "0").replace("_", "1")
