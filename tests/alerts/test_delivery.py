"""Deliveries from the outbox: when they are tried, under which id, and when they fail. On a real history file."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.alerts import FakeChannel, comparison_of, email_channel, router_without_channels, webhook_channel
from tests.support.fake_clock import FakeClock
from watcher.alerts import messages
from watcher.alerts.channels.base import Channel
from watcher.alerts.delivery import RETRY_WAITS, DeliveryReport, deliver_due
from watcher.core.clock import Clock
from watcher.core.errors import ConfigError, DeliveryError
from watcher.core.operations import Delivery
from watcher.core.times import from_text, to_text
from watcher.store.store import Store

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
LATER = DeliveryError("HTTP 503", permanent=False)
NEVER = DeliveryError("the mail server replied 550 no such user", permanent=True)


class DeadChannel(FakeChannel):
    """A channel that cannot be reached."""

    def send(self, delivery: Delivery, now: datetime) -> None:
        self.tried.append((delivery.id, now))
        raise LATER


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with Store(path) as opened:
        yield opened


def message(number: int = 0, channel: str = "hook") -> Delivery:
    return Delivery(
        id=messages.delivery_id(channel, str(number)),
        channel=channel,
        recipient="",
        source="ports",
        release="b" * 12,
        body=json.dumps({"number": number, "text": "字\n"}, ensure_ascii=False),
        created=to_text(START),
    )


def send_due(store: Store, channels: Mapping[str, Channel], clock: Clock) -> DeliveryReport:
    return deliver_due(store, channels, clock, router_without_channels())


def send_until_nothing_waits(store: Store, channels: Mapping[str, Channel], clock: Clock) -> list[DeliveryReport]:
    """Move the clock from one due time to the next until no message is pending."""
    reports = []
    while waiting := store.outbox.list_pending():
        clock.set(max(clock.now(), from_text(waiting[0]["next_attempt"])))
        reports.append(send_due(store, channels, clock))
        assert len(reports) < 1000
    return reports


def test_a_message_is_due_at_once_and_sent_once(store: Store) -> None:
    channel, clock = FakeChannel(), FakeClock(START)
    store.outbox.add_deliveries([message()], now=to_text(START))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport(sent=1)
    clock.advance(timedelta(days=30))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport()
    assert channel.accepted == [message().id]
    state = store.outbox.read_state(message().id)
    assert (state.state, state.attempts, state.sent, state.last_error) == ("sent", 1, to_text(START), None)
    assert store.outbox.list_pending() == []


def test_a_message_is_sent_as_it_was_written(store: Store) -> None:
    seen: list[Delivery] = []

    class KeepingChannel(FakeChannel):
        def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
            seen.append(delivery)

    store.outbox.add_deliveries([message()], now=to_text(START))
    send_due(store, {"hook": KeepingChannel()}, FakeClock(START))
    assert seen == [message()]


def test_adding_a_message_a_second_time_changes_nothing(store: Store) -> None:
    channel, clock = FakeChannel(), FakeClock(START)
    store.outbox.add_deliveries([message()], now=to_text(START))
    send_due(store, {"hook": channel}, clock)
    store.outbox.add_deliveries([replace(message(), body="other")], now=to_text(START))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport()
    assert len(channel.accepted) == 1


@pytest.mark.fault(45)
def test_the_waits_are_those_of_standard_webhooks_and_the_id_stays(store: Store) -> None:
    channel, clock = FakeChannel(errors=[LATER] * 9), FakeClock(START)
    store.outbox.add_deliveries([message()], now=to_text(START))
    send_until_nothing_waits(store, {"hook": channel}, clock)
    times = [when for _, when in channel.tried]
    waits = [(after - before).total_seconds() - 1 for before, after in pairwise(times)]
    assert waits == [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
    assert {identifier for identifier, _ in channel.tried} == {message().id}
    assert store.outbox.read_state(message().id).state == "sent"
    assert store.outbox.read_state(message().id).last_error is None


@pytest.mark.fault(45)
def test_a_message_fails_after_its_last_try_and_stays_in_the_outbox(store: Store) -> None:
    channel, clock = DeadChannel(), FakeClock(START)
    store.outbox.add_deliveries([message()], now=to_text(START))
    reports = send_until_nothing_waits(store, {"hook": channel}, clock)
    assert reports == [DeliveryReport(retried=1)] * 9 + [DeliveryReport(failed=1)]
    state = store.outbox.read_state(message().id)
    assert (state.state, state.attempts, state.last_error) == ("failed", 10, "HTTP 503 (given up after 10 tries)")
    clock.advance(timedelta(days=365))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport()
    assert len(channel.tried) == 10


def test_a_permanent_refusal_fails_at_once_and_the_next_message_is_still_tried(store: Store) -> None:
    channel = FakeChannel(errors=[NEVER])
    store.outbox.add_deliveries([message(1), message(2)], now=to_text(START))
    assert send_due(store, {"hook": channel}, FakeClock(START)) == DeliveryReport(sent=1, failed=1)
    states = {store.outbox.read_state(message(number).id).state for number in (1, 2)}
    assert states == {"failed", "sent"}
    refused = next(identifier for identifier, _ in channel.tried if identifier not in channel.accepted)
    assert store.outbox.read_state(refused).last_error == "the mail server replied 550 no such user"


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 8))
def test_jitter_moves_a_wait_by_a_tenth_at_most_and_never_before_now(jitter: float, tries: int) -> None:
    with Store(Path(":memory:")) as store:
        clock = FakeClock(START, jitter=jitter)
        store.outbox.add_deliveries([message()], now=to_text(START))
        for _ in range(tries):
            send_due(store, {"hook": DeadChannel()}, clock)
            clock.set(from_text(store.outbox.read_state(message().id).next_attempt))
        send_due(store, {"hook": DeadChannel()}, clock)
        wait = from_text(store.outbox.read_state(message().id).next_attempt) - clock.now()
        assert RETRY_WAITS[tries] * 0.9 <= wait <= RETRY_WAITS[tries] * 1.1 + timedelta(seconds=1)


@pytest.mark.parametrize(("asked", "wait"), [(1.0, 5), (600.0, 600), (86400.0, 86400), (10_000_000.0, 86400)], ids=str)
def test_a_longer_wait_that_the_server_asks_for_is_obeyed_up_to_a_day(store: Store, asked: float, wait: int) -> None:
    channel, clock = (
        FakeChannel(errors=[DeliveryError("HTTP 429", permanent=False, retry_after=asked)]),
        FakeClock(START),
    )
    store.outbox.add_deliveries([message()], now=to_text(START))
    send_due(store, {"hook": channel}, clock)
    assert from_text(store.outbox.read_state(message().id).next_attempt) == START + timedelta(seconds=wait + 1)


def test_a_message_is_not_tried_before_its_time(store: Store) -> None:
    channel, clock = FakeChannel(errors=[LATER]), FakeClock(START)
    store.outbox.add_deliveries([message()], now=to_text(START))
    send_due(store, {"hook": channel}, clock)
    clock.set(from_text(store.outbox.read_state(message().id).next_attempt) - timedelta(seconds=1))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport()
    clock.advance(timedelta(seconds=1))
    assert send_due(store, {"hook": channel}, clock) == DeliveryReport(sent=1)


def test_the_state_of_a_message_survives_closing_the_history(path: Path) -> None:
    channel, clock = FakeChannel(errors=[LATER, LATER]), FakeClock(START)
    with Store(path) as store:
        store.outbox.add_deliveries([message()], now=to_text(START))
    for _ in range(2):
        with Store(path) as store:
            clock.set(from_text(store.outbox.read_state(message().id).next_attempt))
            assert send_due(store, {"hook": channel}, clock) == DeliveryReport(retried=1)
    with Store(path) as store:
        state = store.outbox.read_state(message().id)
        assert (state.state, state.attempts, state.last_error) == ("pending", 2, "HTTP 503")
        clock.set(from_text(state.next_attempt))
        assert send_due(store, {"hook": channel}, clock) == DeliveryReport(sent=1)
    with Store(path) as store:
        assert store.outbox.read_state(message().id).state == "sent"
    assert [identifier for identifier, _ in channel.tried] == [message().id] * 3


@pytest.mark.fault(40)
def test_a_process_that_dies_while_sending_is_followed_by_one_that_sends_the_same_again(path: Path) -> None:
    class KilledChannel(FakeChannel):
        def send(self, delivery: Delivery, now: datetime) -> None:  # noqa: ARG002 - as Channel
            self.accepted.append(delivery.id)
            raise KeyboardInterrupt

    dying, channel, clock = KilledChannel(), FakeChannel(), FakeClock(START)
    with Store(path) as store:
        store.outbox.add_deliveries([message()], now=to_text(START))
        with pytest.raises(KeyboardInterrupt):
            send_due(store, {"hook": dying}, clock)
    with Store(path) as store:
        assert send_due(store, {"hook": channel}, clock) == DeliveryReport()
        clock.advance(timedelta(minutes=10))
        assert send_due(store, {"hook": channel}, clock) == DeliveryReport(sent=1)
        assert store.outbox.read_state(message().id).attempts == 2
    assert dying.accepted == channel.accepted == [message().id]


@pytest.mark.fault(41)
def test_a_message_is_claimed_by_one_process_only(path: Path, store: Store) -> None:
    store.outbox.add_deliveries([message()], now=to_text(START))
    until = to_text(START + timedelta(minutes=10))
    with Store(path) as second:
        assert store.outbox.claim_delivery(message().id, now=to_text(START), until=until)
        assert not second.outbox.claim_delivery(message().id, now=to_text(START), until=until)
        assert second.outbox.claim_delivery(message().id, now=until, until=to_text(START + timedelta(minutes=20)))


@pytest.mark.fault(41)
def test_a_message_that_another_process_claimed_is_not_sent(path: Path, store: Store) -> None:
    """The second message is sent by another process while this one sends the first."""
    with Store(path) as second:
        other, clock = FakeChannel(), FakeClock(START)

        class SlowChannel(FakeChannel):
            def send(self, delivery: Delivery, now: datetime) -> None:
                super().send(delivery, now)
                send_due(second, {"hook": other}, clock)

        channel = SlowChannel()
        store.outbox.add_deliveries([message(1), message(2)], now=to_text(START))
        assert send_due(store, {"hook": channel}, clock) == DeliveryReport(sent=1)
    assert len(channel.accepted) == len(other.accepted) == 1
    assert {*channel.accepted, *other.accepted} == {message(1).id, message(2).id}


@pytest.mark.fault(46)
def test_a_broken_channel_is_tried_once_a_round_and_holds_up_no_other(store: Store) -> None:
    dead, good = DeadChannel(), FakeChannel()
    store.outbox.add_deliveries(
        [message(number, "dead") for number in range(5)], now=to_text(START - timedelta(hours=1))
    )
    store.outbox.add_deliveries([message(number, "good") for number in range(5)], now=to_text(START))
    assert send_due(store, {"dead": dead, "good": good}, FakeClock(START)) == DeliveryReport(sent=5, retried=1)
    assert len(dead.tried) == 1
    assert len(store.outbox.list_pending()) == 5


def test_a_broken_channel_with_very_many_messages_holds_up_no_other(store: Store) -> None:
    dead, good = DeadChannel(), FakeChannel()
    store.outbox.add_deliveries(
        [message(number, "dead") for number in range(500)], now=to_text(START - timedelta(hours=1))
    )
    store.outbox.add_deliveries([message(0, "good")], now=to_text(START))
    send_due(store, {"dead": dead, "good": good}, FakeClock(START))
    assert good.accepted == [message(0, "good").id]


def test_a_secret_that_cannot_be_read_costs_a_try_and_no_other_channel(store: Store) -> None:
    locked, good = FakeChannel(errors=[ConfigError("file:webhook-secret: no such file")]), FakeChannel()
    store.outbox.add_deliveries([message(0, "locked"), message(0, "good")], now=to_text(START))
    assert send_due(store, {"locked": locked, "good": good}, FakeClock(START)) == DeliveryReport(sent=1, retried=1)
    state = store.outbox.read_state(message(0, "locked").id)
    assert (state.state, state.last_error) == ("pending", "file:webhook-secret: no such file")


def test_a_channel_that_is_not_configured_waits_an_hour_and_is_sent_when_it_is_back(store: Store) -> None:
    good, clock = FakeChannel(), FakeClock(START)
    store.outbox.add_deliveries([message(0, "gone"), message(0, "good")], now=to_text(START))
    assert send_due(store, {"good": good}, clock) == DeliveryReport(sent=1, retried=1)
    state = store.outbox.read_state(message(0, "gone").id)
    assert state.last_error == "there is no enabled channel 'gone' in the configuration"
    assert from_text(state.next_attempt) == START + timedelta(hours=1, seconds=1)
    back = FakeChannel()
    clock.set(from_text(state.next_attempt))
    assert send_due(store, {"gone": back}, clock) == DeliveryReport(sent=1)
    assert back.accepted == [message(0, "gone").id]


def test_the_messages_of_a_channel_that_never_comes_back_fail_in_the_end(store: Store) -> None:
    clock = FakeClock(START)
    store.outbox.add_deliveries([message(0, "gone")], now=to_text(START))
    reports = send_until_nothing_waits(store, {}, clock)
    assert reports[-1] == DeliveryReport(failed=1)
    assert clock.now() - START > timedelta(days=3)


def test_a_rolled_back_transaction_leaves_no_message(path: Path, store: Store) -> None:
    def fail() -> None:
        with store.transaction():
            store.outbox.add_deliveries([message()], now=to_text(START))
            raise ValueError

    with pytest.raises(ValueError):
        fail()
    with closing(sqlite3.connect(path)) as plain:
        assert plain.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    with pytest.raises(KeyError):
        store.outbox.read_state(message().id)


def test_the_oldest_is_sent_first(store: Store) -> None:
    channel = FakeChannel()
    for number, second in enumerate((3, 1, 2), 1):  # as the clock had it
        store.outbox.add_deliveries([message(number)], now=to_text(START + timedelta(seconds=second)))
    send_due(store, {"hook": channel}, FakeClock(START + timedelta(minutes=1)))
    assert channel.accepted == [message(number).id for number in (1, 2, 3)]


def test_the_pending_list_shows_what_waits_and_why_but_no_body(store: Store) -> None:
    store.outbox.add_deliveries([message()], now=to_text(START))
    send_due(store, {"hook": DeadChannel()}, FakeClock(START))
    (row,) = store.outbox.list_pending()
    assert (row["id"], row["channel"], row["attempts"], row["last_error"]) == (message().id, "hook", 1, "HTTP 503")
    assert "body" not in row


def test_a_release_gives_each_recipient_the_same_id_whenever_it_is_rendered() -> None:
    def rendered(name: str, recipient: str) -> Delivery:
        return messages.render_release(email_channel(name), recipient, comparison_of("one"))

    recipients = ("ann@example.org", "bob@example.org")
    assert [rendered("noc", address).recipient for address in recipients] == [*recipients]
    assert rendered("noc", recipients[0]) == rendered("noc", recipients[0])
    assert len({rendered(name, address).id for name in ("noc", "other") for address in recipients}) == 4


def test_another_release_or_direction_gives_another_id() -> None:
    comparison = comparison_of("one")
    other = replace(comparison, new=replace(comparison.new, id="c" * 12))
    reverse = replace(comparison, old=comparison.new, new=comparison.old)
    ids = {messages.render_release(webhook_channel(), "", changed).id for changed in (comparison, other, reverse)}
    assert len(ids) == 3


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_an_id_is_valid_in_a_header_and_always_the_same(parts: list[str]) -> None:
    identifier = messages.delivery_id(*parts)
    assert identifier == messages.delivery_id(*parts)
    assert len(identifier) == 31
    assert identifier.startswith("msg_")
    assert identifier.removeprefix("msg_").isascii()
    assert identifier.removeprefix("msg_").isalnum()


def test_the_body_of_a_webhook_contains_the_id_of_its_message() -> None:
    delivery = messages.render_release(webhook_channel(), "", comparison_of("one"))
    body = json.loads(delivery.body)
    assert body["id"] == delivery.id
    assert body["data"]["events"][0]["summary"] == "2000/tcp assigned to one (was absent)"


def test_test_messages_name_no_source_and_differ_from_one_moment_to_the_next() -> None:
    first, second = (
        messages.render_test(email_channel(), "ann@example.org", START + timedelta(microseconds=moment))
        for moment in (0, 1)
    )
    assert (first.source, first.release) == ("", "")
    assert first.id != second.id
