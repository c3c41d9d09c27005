"""A silence keeps messages back: stored and counted, not sent. An address on two channels gets one message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.cli import watcher
from watcher.config.settings import Settings
from watcher.core.times import to_text
from watcher.web.metrics import HistoryCollector
from watcher.web.page import PageContext

pytestmark = pytest.mark.fault(49)
OLD = [tcp("a", "1"), tcp("b", "2", contact="x")]
NEW = [tcp("a", "1", description="Other words"), tcp("b", "2"), tcp("c", "3")]


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.check(release(OLD))
        yield made


def silence(env: Environment, rest: str = "", *, hours: float = 1) -> None:
    begin, until = (to_text(env.now + timedelta(hours=offset)) for offset in (-1, hours))
    env.configure("[store]", f"[[silence]]\nfrom = {begin}\nuntil = {until}\n{rest}\n\n[store]")


def states(env: Environment) -> list[str]:
    return sorted(row["state"] for row in env.rows("outbox")["outbox"])


def events(env: Environment) -> list[str]:
    return sorted(event["id"] for hook in env.servers.webhooks for event in hook["data"].get("events", []))


def test_a_silenced_message_is_stored_and_counted_and_not_sent(env: Environment) -> None:
    silence(env)
    env.check(release(NEW, "2020-01-02"))
    assert (env.servers.webhooks, env.servers.mails) == ([], [])
    assert states(env) == ["silenced", "silenced"]
    context = PageContext(settings=Settings, open_monitor=env.service, clock=env.clock, started=env.now)  # type: ignore[arg-type]
    families = {family.name: family for family in HistoryCollector(context).collect()}
    counted = {tuple(sample.labels.values()): sample.value for sample in families["watcher_deliveries"].samples}
    assert counted["hook", "silenced"] == counted["mail", "silenced"] == 1
    assert len(env.rows("events")["events"]) == 3


@pytest.mark.parametrize("rest", ['sources = ["tls-*"]', 'events = ["group-*"]', "# over"])
def test_other_messages_are_sent(env: Environment, rest: str) -> None:
    silence(env, rest, hours=0 if rest == "# over" else 1)
    env.check(release(NEW, "2020-01-02"))
    assert (len(env.servers.webhooks), len(env.servers.mails)) == (1, 1)
    assert states(env) == ["sent", "sent"]


def test_only_the_silenced_events_of_a_release_are_kept_back(env: Environment) -> None:
    silence(env, 'events = ["port-*"]')
    env.check(release(NEW, "2020-01-02"))
    assert events(env) == ["contact-changed", "description-changed"]
    assert states(env) == ["sent", "sent", "silenced", "silenced"]
    kept = [row["body"] for row in env.rows("outbox")["outbox"] if row["state"] == "silenced" and not row["recipient"]]
    assert "port-assigned" in kept[0]
    assert "contact-changed" not in kept[0]


def test_a_silenced_alarm_is_raised_if_its_reason_outlasts_the_silence(env: Environment) -> None:
    silence(env, 'events = ["source-*"]')
    env.publish(b"<html></html>")
    for _ in range(4):
        env.check()
    assert env.servers.webhooks == []
    assert states(env) == ["silenced"]
    text = env.servers.config.read_text()
    env.servers.config.write_text(text[text.index("[store]") :] if text.index("[[silence]]") == 0 else _without(text))
    env.check()
    env.check()
    assert [hook["data"]["id"] for hook in env.servers.webhooks] == ["source-unhealthy"]


def _without(text: str) -> str:
    begin = text.index("[[silence]]")
    return text[:begin] + text[text.index("[store]", begin) :]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("from = 2026-01-02T00:00:00Z\nuntil = 2026-01-01T00:00:00Z", "until must be after from"),
        ("from = 2026-01-01\nuntil = 2026-01-02", "silence[0].from"),
        ("from = 2026-01-01T00:00:00\nuntil = 2026-01-02T00:00:00", "timezone"),
        (
            'from = 2026-01-01T00:00:00Z\nuntil = 2026-01-02T00:00:00Z\nevents = ["source-ill"]',
            "matches no event",
        ),
    ],
)
def test_a_silence_needs_valid_times_and_patterns(env: Environment, text: str, problem: str) -> None:
    env.configure("[store]", f"[[silence]]\n{text}\n\n[store]")
    done: Any = CliRunner().invoke(watcher, ["--config", str(env.servers.config), "config", "check"])
    assert problem in str(done.exception)


def channel(env: Environment, name: str, rest: str) -> None:
    env.configure(
        '[[channel]]\nname = "hook"',
        f'[[channel]]\nname = "{name}"\ntype = "email"\n{rest}\n\n[[channel]]\nname = "hook"',
    )


def test_an_address_on_two_channels_gets_one_message_with_the_events_of_both(env: Environment) -> None:
    env.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\nevents = ["port-*"]')
    channel(env, "more", 'to = ["NOC@example.org", "other@example.org"]\nevents = ["description-*"]')
    env.check(release(NEW, "2020-01-02"))
    mails = {str(mail["To"]): mail.as_string() for mail in env.servers.mails}
    assert len(mails) == len(env.servers.mails) == 2
    texts = {
        row["recipient"]: row["body"]
        for row in env.rows("outbox")["outbox"]
        if row["recipient"] and row["state"] == "sent"
    }
    assert set(texts) == {"noc@example.org", "other@example.org"}
    assert all(event in texts["noc@example.org"] for event in ("port-assigned", "description-changed"))
    assert "port-assigned" not in texts["other@example.org"]


def test_an_address_gets_a_notice_once(env: Environment) -> None:
    env.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
    channel(env, "more", 'to = ["noc@example.org"]\noperator = true')
    env.publish(b"<html></html>")
    for _ in range(3):
        env.check()
    assert len(env.servers.mails) == 1
    assert len(env.servers.webhooks) == 1
