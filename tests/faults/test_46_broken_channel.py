"""A broken channel delays no other, and the operators are notified over another: once, and once when it works again."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.alerts.test_delivery import LATER, DeadChannel, message
from tests.support.alerts import FakeChannel
from tests.support.environment import Environment, open_environment
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, hang
from tests.support.port_releases import release, tcp
from watcher.alerts.channels.base import Channel
from watcher.alerts.delivery import deliver_due
from watcher.alerts.routing import AlertRouter
from watcher.cli.demo_servers import SOURCE
from watcher.config.settings import Settings
from watcher.core.errors import DeliveryError
from watcher.core.operations import Delivery, Notice
from watcher.core.times import to_text
from watcher.store.store import Store

pytestmark = pytest.mark.fault(46)

START = datetime(2026, 11, 23, 20, 0, tzinfo=UTC)
CHANNEL = """
[[channel]]
name = "hung"
type = "webhook"
url = "{url}"
secret = "file:webhook-secret"
timeout = 60
"""


@contextmanager
def running(env: Environment) -> Iterator[None]:
    """Run the daemon and kill it at the end: a hanging sender would keep it for its grace time."""
    command = [sys.executable, "-m", "watcher", "--config", str(env.servers.config), "run"]
    with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def test_a_hanging_webhook_and_a_hanging_mail_server_delay_no_other_channel(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env, FaultServer(hang()) as web, FaultServer(raw_start=hang()) as mail:
        text = env.servers.config.read_text()
        smtp = next(line for line in text.splitlines() if line.startswith("port = "))
        env.configure(smtp, f"port = {mail.port}\ntimeout = 60")
        env.servers.config.write_text(env.servers.config.read_text() + CHANNEL.format(url=web.url()))
        rows = [tcp("a", "1")]
        env.publish(release(rows))
        with env.service() as service:
            service.check(service.source(SOURCE))
        with running(env):
            for number in (2, 3):
                rows.append(tcp(f"s{number}", str(number)))
                env.publish(release(rows, f"2020-01-{number:02d}"))
                with env.service() as service:
                    service.check(service.source(SOURCE))
                env.wait(lambda number=number: len(env.servers.webhooks) == number - 1)  # type: ignore[misc]
                # Both are still in their first try, so the good channel waited for neither.
                others = [row for row in env.rows("outbox")["outbox"] if row["channel"] != "hook"]
                assert {(row["state"], row["last_error"]) for row in others} == {("pending", None)}
                assert all(row["attempts"] <= 1 for row in others)
            env.wait(lambda: web.connections == mail.connections == 1)


class RecordingRouter(AlertRouter, frozen=True, kw_only=True, dict=True):
    """Remembers the notices that it routes."""

    desk: Desk

    def for_notice(self, notice: Notice) -> list[Delivery]:
        self.desk.notices.append(notice)
        return super().for_notice(notice)


class Desk:
    """An outbox with a channel that breaks and one that the operators read."""

    def __init__(self, store: Store, broken: FakeChannel) -> None:
        self.store = store
        self.clock = FakeClock(START)
        self.operators = FakeChannel(name="ops")
        self.channels: dict[str, Channel] = {"hook": broken, "ops": self.operators}
        settings = Settings(
            channel=[
                {"type": "webhook", "name": name, "url": "http://127.0.0.1/", "secret": "env:NONE", "operator": True}
                for name in self.channels
            ]
        )
        self.notices: list[Notice] = []
        self.router = RecordingRouter(settings=settings, clock=self.clock, channels=self.channels, desk=self)

    def round(self, after: timedelta = timedelta()) -> None:
        self.clock.advance(after)
        deliver_due(self.store, self.channels, self.clock, self.router)

    def notice_ids(self) -> list[str]:
        return [notice.id for notice in self.notices]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "history.db") as opened:
        yield opened


def test_operators_are_notified_once_that_a_channel_is_broken_and_once_that_it_recovered(store: Store) -> None:
    broken = FakeChannel(errors=[LATER] * 6)
    desk = Desk(store, broken)
    desk.store.outbox.add_deliveries([message()], now=to_text(START))
    desk.round()
    for wait in (timedelta(seconds=10), timedelta(minutes=6)):
        desk.round(wait)
    assert desk.notice_ids() == []  # a restart of the server is not an outage
    desk.round(timedelta(minutes=31))
    assert desk.notice_ids() == ["channel-broken"]
    assert desk.notices[0].summary == "channel hook has been failing since 2026-11-23T20:00:00Z: HTTP 503"
    for _ in range(6):
        desk.round(timedelta(days=1))
    assert desk.notice_ids() == ["channel-broken", "channel-recovered"]
    assert len(desk.operators.accepted) == 2
    # A notice over the broken channel itself would not arrive.
    assert {row["channel"] for row in desk.store.outbox.list_pending()} == set()
    assert broken.accepted == [message().id]


def test_many_messages_that_fail_at_one_moment_are_no_outage_yet(store: Store) -> None:
    desk = Desk(store, DeadChannel())
    desk.store.outbox.add_deliveries([message(number) for number in range(40)], now=to_text(START))
    for _ in range(40):
        desk.round()
    assert desk.notice_ids() == []


def test_a_long_wait_that_the_server_asked_for_is_an_outage_too(store: Store) -> None:
    patient = DeliveryError("HTTP 429", permanent=False, retry_after=86400)
    desk = Desk(store, FakeChannel(errors=[patient, patient]))
    desk.store.outbox.add_deliveries([message()], now=to_text(START))
    desk.round()
    desk.round(timedelta(hours=25))
    assert desk.notice_ids() == ["channel-broken"]


def test_a_second_outage_sends_a_second_notice(store: Store) -> None:
    desk = Desk(store, FakeChannel(errors=[LATER] * 4))
    for number in (1, 2):
        desk.store.outbox.add_deliveries([message(number)], now=to_text(desk.clock.now()))
        desk.round()
        for _ in range(6):
            desk.round(timedelta(hours=3))
        desk.channels["hook"] = FakeChannel(errors=[LATER] * 4)
    assert desk.notice_ids() == ["channel-broken", "channel-recovered"] * 2


def test_a_recipient_that_is_refused_for_good_sends_one_notice_and_is_no_outage(store: Store) -> None:
    refused = DeliveryError("the mail server replied 550 no such user", permanent=True, personal=True)
    desk = Desk(store, FakeChannel(errors=[refused, refused]))
    desk.store.outbox.add_deliveries(
        [replace(message(number), recipient="bob@example.org") for number in (1, 2)], now=to_text(START)
    )
    desk.round()
    assert desk.notice_ids() == ["recipient-refused"]
    assert "watcher outbox --state failed" in desk.notices[0].summary
    desk.store.outbox.add_deliveries([message(3)], now=to_text(START))
    desk.round(timedelta(hours=1))
    assert desk.notice_ids() == ["recipient-refused"]
    desk.store.outbox.add_deliveries([replace(message(4), recipient="bob@example.org")], now=to_text(START))
    desk.round(timedelta(hours=1))
    assert desk.notice_ids() == ["recipient-refused", "channel-recovered"]
    assert desk.notices[1].summary.startswith("bob@example.org on channel hook works again")
