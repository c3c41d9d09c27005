"""Many registries change at once: one message for each channel, none lost, none twice, within the hourly limit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.support.alerts import webhook_channel
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import connection
from watcher.alerts import digests
from watcher.core.errors import UsageError
from watcher.core.operations import Delivery
from watcher.core.times import to_text
from watcher.store.outbox import OutboxTable
from watcher.store.store import Store

pytestmark = pytest.mark.fault(48)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    """A world whose two channels collect messages for ten minutes."""
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\ndigest = "10m"')
        made.configure('type = "email"', 'type = "email"\ndigest = "10m"')
        made.now -= timedelta(minutes=10)  # so that the receiver accepts the timestamp at the end
        yield made


def changes(env: Environment, number: int, first: int = 1) -> None:
    for day in range(first, first + number):
        env.check(release([tcp(f"s{index}", str(index + 1)) for index in range(day)], f"2020-01-{day:02}"))


def text(mail: Message) -> str:
    part = next(part for part in mail.walk() if part.get_content_type() == "text/plain")
    data = part.get_payload(decode=True)
    assert isinstance(data, bytes)
    return data.decode()


def states(env: Environment) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in env.rows("outbox")["outbox"]:
        counts[row["state"]] = counts.get(row["state"], 0) + 1
    return counts


def test_messages_within_the_digest_window_become_one_for_each_channel(env: Environment) -> None:
    changes(env, 4)
    assert (env.servers.webhooks, env.servers.mails) == ([], [])
    assert states(env) == {"gathering": 6}
    env.now += timedelta(minutes=10)
    env.deliver()
    (hook,), (mail,) = env.servers.webhooks, env.servers.mails
    assert hook["type"] == "org.registry-watcher.digest"
    messages = hook["data"]["messages"]
    assert [member["type"] for member in messages] == ["org.registry-watcher.release.changed"] * 3
    assert [member["data"]["events"][0]["ports"] for member in messages] == [["2"], ["3"], ["4"]]
    assert "(+2 more messages)" in str(mail["Subject"])
    assert all(f"{port}/tcp assigned" in text(mail) for port in (2, 3, 4))
    assert states(env) == {"digested": 6, "sent": 2}
    digests = {row["digest"] for row in env.rows("outbox")["outbox"]} - {None}
    assert digests == {hook["id"], mail["Message-ID"].strip("<").partition("@")[0]}
    env.deliver()
    assert (len(env.servers.webhooks), len(env.servers.mails)) == (1, 1)


def test_a_single_message_is_sent_as_it_is(env: Environment) -> None:
    changes(env, 2)
    env.now += timedelta(minutes=10)
    env.deliver()
    assert [hook["type"] for hook in env.servers.webhooks] == ["org.registry-watcher.release.changed"]
    assert "digest" not in text(env.servers.mails[0])


@pytest.mark.fault(82)
def test_messages_whose_digest_cannot_be_made_are_sent_one_by_one(env: Environment) -> None:
    changes(env, 4)
    with env.service() as service:
        database = connection(service.store)
        (row,) = database.query("SELECT min(id) AS id FROM outbox WHERE channel = 'mail'")
        with service.store.transaction():
            database.execute("UPDATE outbox SET body = 'no JSON' WHERE id = ?", [row["id"]])
    env.now += timedelta(minutes=10)
    env.deliver()
    assert len(env.servers.webhooks) == 1
    assert len(env.servers.mails) == 2


def test_the_digest_window_begins_with_the_first_message(env: Environment) -> None:
    changes(env, 2)
    env.now += timedelta(minutes=9)
    changes(env, 1, first=3)
    env.now += timedelta(minutes=1)
    env.deliver()
    assert len(env.servers.webhooks[0]["data"]["messages"]) == 2


def test_messages_that_do_not_fit_into_one_digest_make_another(tmp_path: Path) -> None:
    bodies = [json.dumps({"id": f"m{number}", "text": "x" * 5000}) for number in range(12)]
    with Store(tmp_path / "history.db") as store, store.transaction():
        deliveries = store.outbox
        made = [
            Delivery(id=f"m{number}", channel="hook", recipient="", source="s", release="r", body=body, created="2020",
                     state="gathering", after="2020")
            for number, body in enumerate(bodies)
        ]  # fmt: skip
        deliveries.add_deliveries(made, now="2020")
    with Store(tmp_path / "history.db") as store:
        deliveries = store.outbox
        digests.create_digests(store, {"hook": webhook_channel()}, datetime(2026, 1, 1, tzinfo=UTC))
        due = deliveries.list_due("9999")
    bodies = [json.loads(delivery.body) for delivery in due]
    members = [member for body in bodies for member in (body["data"]["messages"] if "data" in body else [body])]
    assert sorted(member["id"] for member in members) == sorted(f"m{number}" for number in range(12))
    assert len(due) == 4
    assert all(len(delivery.body) <= 20_000 for delivery in due)


def test_a_crash_while_a_digest_is_made_loses_nothing(env: Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    changes(env, 4)
    env.now += timedelta(minutes=10)

    def dies(self: OutboxTable, *_: Any, **__: Any) -> None:
        raise UsageError("killed here")

    with monkeypatch.context() as patch:
        patch.setattr(OutboxTable, "replace_with_digest", dies)
        with pytest.raises(UsageError):
            env.deliver()
    assert states(env) == {"gathering": 6}
    env.deliver()
    assert (len(env.servers.webhooks), len(env.servers.mails)) == (1, 1)


def test_a_channel_gets_no_more_messages_per_hour_than_configured(env: Environment) -> None:
    env.configure('type = "webhook"\ndigest = "10m"', 'type = "webhook"\nmost_per_hour = 2')
    env.now -= timedelta(minutes=50)  # the receiver accepts only current timestamps
    with env.service() as service, service.store.transaction():
        made = [
            Delivery(id=f"m{number}", channel="hook", recipient="", source="", release="", body="{}", created="2020")
            for number in range(5)
        ]
        service.store.outbox.add_deliveries(made, now=to_text(env.now))
    with env.service() as service:
        for _ in range(2):
            digests.postpone_excess(service.store, {"hook": 2}, env.now)
            assert len(service.store.outbox.list_due(to_text(env.now))) == 2
        for delivery in service.store.outbox.list_due(to_text(env.now)):
            service.store.outbox.mark_sent(delivery.id, to_text(env.now))
        env.now += timedelta(minutes=2)
        digests.postpone_excess(service.store, {"hook": 2}, env.now)
        assert service.store.outbox.list_due(to_text(env.now)) == []
    env.now += timedelta(minutes=58)
    env.deliver()
    assert len(env.servers.webhooks) == 2
    assert states(env) == {"pending": 1, "sent": 4}
