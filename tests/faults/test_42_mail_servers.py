"""Mail servers that refuse some or all mails, for now or for good; from the outbox to a real SMTP server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.alerts.channels.test_email import Mailbox, channel, comparison_of, served
from tests.support.alerts import email_channel, router_without_channels
from tests.support.fake_clock import FakeClock
from watcher.alerts import messages
from watcher.alerts.delivery import DeliveryReport, deliver_due
from watcher.core.times import to_text
from watcher.store.outbox import DeliveryQuery
from watcher.store.store import Store

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
ANN, BOB = "ann@example.org", "bob@example.org"


@dataclass
class RefusingMailbox(Mailbox):
    """Sends an address the configured replies, one for each try, before it accepts mail for it.

    It takes as many mails as `lost_replies` and ends the connection in place of the reply.
    """

    replies: dict[str, list[str]] = field(default_factory=dict)
    lost_replies: int = 0

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's
        if self.replies.get(address):
            self.recipients.append(address)
            return self.replies[address].pop(0)
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        answer = await super().handle_DATA(server, session, envelope)
        if self.lost_replies:
            self.lost_replies -= 1
            server.transport.abort()
        return answer


@dataclass
class Sending:
    """An outbox with one message for each recipient, and a clock."""

    store: Store
    clock: FakeClock = field(default_factory=lambda: FakeClock(START))

    def round(self, port: int, **options: Any) -> DeliveryReport:
        return deliver_due(self.store, {"noc": channel(port, **options)}, self.clock, router_without_channels())

    def states(self) -> dict[str, tuple[str, int]]:
        return {
            row["recipient"]: (row["state"], row["attempts"])
            for row in self.store.outbox.find_deliveries(DeliveryQuery())
        }


@contextmanager
def open_sending(folder: Path) -> Iterator[Sending]:
    """Yield an outbox with a message for each of two recipients."""
    with Store(folder / "history.db") as store:
        store.outbox.add_deliveries(
            [messages.render_release(email_channel(), to, comparison_of("one")) for to in (ANN, BOB)],
            now=to_text(START),
        )
        yield Sending(store)


@pytest.fixture
def sending(tmp_path: Path) -> Iterator[Sending]:
    with open_sending(tmp_path) as sending:
        yield sending


@pytest.mark.fault(42)
def test_a_greylisted_mail_is_retried_later_under_the_same_message_id(sending: Sending) -> None:
    box = RefusingMailbox(replies={ANN: ["451 4.7.1 greylisted, try again", "450 4.2.0 still"]})
    with served(box) as port:
        while sending.store.outbox.list_pending():
            sending.round(port)
            sending.clock.advance(timedelta(minutes=10))
    assert sending.states() == {ANN: ("sent", 3), BOB: ("sent", 1)}
    assert sorted(str(message["To"]) for message in box.messages) == [ANN, BOB]
    assert box.recipients.count(BOB) == 1


@pytest.mark.fault(43)
def test_of_several_recipients_only_the_refused_one_is_retried(sending: Sending) -> None:
    box = RefusingMailbox(replies={BOB: ["452 4.2.2 mailbox full"]})
    with served(box) as port:
        assert sending.round(port).sent == 1
        sending.clock.advance(timedelta(minutes=10))
        assert sending.round(port) == DeliveryReport(sent=1)
    assert sending.states() == {ANN: ("sent", 1), BOB: ("sent", 2)}
    assert [to for _, (to,), _ in box.taken] == [ANN, BOB]


@pytest.mark.fault(43)
def test_a_recipient_that_is_refused_for_good_does_not_affect_the_others(sending: Sending) -> None:
    box = RefusingMailbox(replies={BOB: ["550 5.1.1 no such user"]})
    with served(box) as port:
        assert sending.round(port) == DeliveryReport(sent=1, failed=1)
    assert sending.states() == {ANN: ("sent", 1), BOB: ("failed", 1)}
    (letter,) = sending.store.outbox.find_deliveries(DeliveryQuery(states=("failed",)))
    assert letter["last_error"] == "the mail server replied 550 5.1.1 no such user"


@pytest.mark.fault(40, 42)
def test_a_mail_whose_reply_was_lost_after_its_data_is_resent_under_the_same_message_id(sending: Sending) -> None:
    box = RefusingMailbox(lost_replies=1)
    with served(box) as port:
        first = sending.round(port)
        assert (first.sent, first.retried) == (0, 1)
        sending.clock.advance(timedelta(minutes=10))
        assert sending.round(port) == DeliveryReport(sent=2)
    twice = [message for message in box.messages if len({str(mail["Message-ID"]) for mail in box.messages}) == 2]
    assert len(twice) == 3
    assert {state for state, _ in sending.states().values()} == {"sent"}


@pytest.mark.fault(42)
def test_a_server_without_starttls_is_retried_and_receives_nothing(sending: Sending) -> None:
    box = RefusingMailbox()
    with served(box) as port:
        assert sending.round(port, security="starttls") == DeliveryReport(retried=1)
    assert (box.recipients, box.taken) == ([], [])
    assert all(
        "STARTTLS" in json.dumps(row["last_error"]) or row["attempts"] == 0
        for row in sending.store.outbox.list_pending()
    )
