"""News is a row before it is a message: make the rows, send what is due, try again, give up.

At least once: a row is claimed, sent, marked. Dying between any two of these sends it again under the same id.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from watcher.errors import ConfigError, DeliveryError
from watcher.model import Comparison, Delivery, Notice
from watcher.notifiers.contract import Notifier
from watcher.render import mail, webhook
from watcher.store.deliveries import Deliveries
from watcher.times import to_text

# Standard Webhooks: seconds to wait after each failed try; after the last it is given up, some 76 hours in.
SCHEDULE = tuple(timedelta(seconds=seconds) for seconds in (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400))
_LEASE = timedelta(minutes=10)
_UNCONFIGURED = timedelta(hours=1)
_LONGEST = timedelta(hours=24)


@dataclass(slots=True)
class Report:
    """What came of one round: deliveries accepted, to be tried again, given up."""

    sent: int = 0
    retried: int = 0
    failed: int = 0


def deliver_due(
    deliveries: Deliveries,
    notifiers: Mapping[str, Notifier],
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
    going_on: Callable[[], bool] = lambda: True,
) -> Report:
    """Send everything that is due, channel by channel, for as long as `going_on`, asked before each message, says so.

    A channel that cannot be reached is left for this round, so that it holds up no other; its rows stay due.
    """
    report = Report()
    unreachable: set[str] = set()
    while due := deliveries.due(to_text(clock()), besides=unreachable):
        for delivery in due:
            if not going_on():
                return report
            if delivery.channel not in unreachable and not _deliver(
                deliveries, notifiers, delivery, clock, jitter, report
            ):
                unreachable.add(delivery.channel)
    return report


def _deliver(
    deliveries: Deliveries,
    notifiers: Mapping[str, Notifier],
    delivery: Delivery,
    clock: Callable[[], datetime],
    jitter: Callable[[], float],
    report: Report,
) -> bool:
    """Try one delivery and return whether its channel could be reached."""
    now = clock()
    if not deliveries.claim(delivery.id, now=to_text(now), until=to_text(now + _LEASE)):
        return True
    try:
        _notifier(notifiers, delivery).send(delivery, now)
    except DeliveryError as error:
        return _failed(deliveries, delivery, error, clock(), jitter, report)
    except ConfigError as error:
        # A secret that cannot be read is the operator's to mend; nothing is lost meanwhile.
        mendable = DeliveryError(str(error), permanent=False)
        return _failed(deliveries, delivery, mendable, clock(), jitter, report)
    deliveries.sent(delivery.id, to_text(clock()))
    report.sent += 1
    return True


def _notifier(notifiers: Mapping[str, Notifier], delivery: Delivery) -> Notifier:
    found = notifiers.get(delivery.channel)
    if found is None:
        message = f"there is no enabled channel {delivery.channel!r} in the configuration"
        raise DeliveryError(message, permanent=False, retry_after=_UNCONFIGURED.total_seconds())
    return found


def _failed(
    deliveries: Deliveries,
    delivery: Delivery,
    error: DeliveryError,
    now: datetime,
    jitter: Callable[[], float],
    report: Report,
) -> bool:
    """Note that a try failed, and return whether its channel answered all the same."""
    tries = delivery.attempts + 1
    if error.permanent or tries > len(SCHEDULE):
        given_up = "" if error.permanent else f" (given up after {tries} tries)"
        deliveries.failed(delivery.id, f"{error}{given_up}")
        report.failed += 1
        return True
    wait = SCHEDULE[tries - 1] * (0.9 + 0.2 * jitter())
    if error.retry_after is not None:
        wait = min(max(wait, timedelta(seconds=error.retry_after)), _LONGEST)
    # Rounded up: times are kept to the second.
    deliveries.retry(delivery.id, str(error), to_text(now + wait + timedelta(seconds=1)))
    report.retried += 1
    return False


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
            message = mail.message(comparison, list_name=channel)
            body = _mail(message)
        else:
            body = webhook.body(comparison, delivery_id=identifier, occurred=created).decode()
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
            _mail(mail.notice_message(notice, list_name=channel))
            if kind == "email"
            else webhook.notice_body(notice, delivery_id=identifier).decode()
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
        mails = [mail.Mail(subject=each["subject"], text=each["text"], html=each["html"]) for each in bodies]
        body = _mail(mail.digest(mails, list_name=first.channel))
    else:
        body = webhook.digest_body(bodies, delivery_id=identifier, occurred=to_text(now)).decode()
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
            _mail(mail.test_message(channel, created))
            if kind == "email"
            else webhook.test_body(delivery_id=identifier, occurred=created, channel=channel).decode()
        )
        found.append(
            Delivery(
                id=identifier, channel=channel, recipient=recipient, source="", release="", body=body, created=created
            )
        )
    return found


def _mail(message: mail.Mail) -> str:
    return json.dumps({"subject": message.subject, "text": message.text, "html": message.html}, ensure_ascii=False)


def delivery_id(*parts: str) -> str:
    """Return an id that is the same for the same parts: `msg_` and 27 characters."""
    digest = hashlib.sha256("\n".join(parts).encode()).digest()
    return "msg_" + base64.urlsafe_b64encode(digest).decode()[:27].replace("-", "0").replace("_", "1")
