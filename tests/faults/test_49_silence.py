"""A silence keeps messages back: stored and counted, not sent. An address on two channels gets one message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.support.environment import World, world
from tests.support.port_releases import release, tcp
from watcher.cli import watcher
from watcher.core.times import to_text
from watcher.web.metrics import Metrics

pytestmark = pytest.mark.fault(49)
OLD = [tcp("a", "1"), tcp("b", "2", contact="x")]
NEW = [tcp("a", "1", description="Other words"), tcp("b", "2"), tcp("c", "3")]


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.check(release(OLD))
        yield made


def silence(here: World, rest: str = "", *, hours: float = 1) -> None:
    begin, until = (to_text(here.now + timedelta(hours=each)) for each in (-1, hours))
    here.configure("[store]", f"[[silence]]\nfrom = {begin}\nuntil = {until}\n{rest}\n\n[store]")


def states(here: World) -> list[str]:
    return sorted(row["state"] for row in here.rows("outbox")["outbox"])


def events(here: World) -> list[str]:
    return sorted(event["id"] for hook in here.stage.webhooks for event in hook["data"].get("events", []))


def test_a_silenced_message_is_stored_and_counted_and_not_sent(here: World) -> None:
    silence(here)
    here.check(release(NEW, "2020-01-02"))
    assert (here.stage.webhooks, here.stage.mails) == ([], [])
    assert states(here) == ["silenced", "silenced"]
    families = {family.name: family for family in Metrics(here.service, lambda: here.now, here.now).collect()}  # type: ignore[arg-type]
    counted = {tuple(sample.labels.values()): sample.value for sample in families["watcher_deliveries"].samples}
    assert counted["hook", "silenced"] == counted["mail", "silenced"] == 1
    assert len(here.rows("events")["events"]) == 3


@pytest.mark.parametrize("rest", ['sources = ["tls-*"]', 'events = ["group-*"]', "# over"])
def test_other_messages_are_sent(here: World, rest: str) -> None:
    silence(here, rest, hours=0 if rest == "# over" else 1)
    here.check(release(NEW, "2020-01-02"))
    assert (len(here.stage.webhooks), len(here.stage.mails)) == (1, 1)
    assert states(here) == ["sent", "sent"]


def test_only_the_silenced_events_of_a_release_are_kept_back(here: World) -> None:
    silence(here, 'events = ["port-*"]')
    here.check(release(NEW, "2020-01-02"))
    assert events(here) == ["contact-changed", "description-changed"]
    assert states(here) == ["sent", "sent", "silenced", "silenced"]
    kept = [row["body"] for row in here.rows("outbox")["outbox"] if row["state"] == "silenced" and not row["recipient"]]
    assert "port-assigned" in kept[0]
    assert "contact-changed" not in kept[0]


def test_a_silenced_alarm_is_raised_if_its_reason_outlasts_the_silence(here: World) -> None:
    silence(here, 'events = ["source-*"]')
    here.publish(b"<html></html>")
    for _ in range(4):
        here.check()
    assert here.stage.webhooks == []
    assert states(here) == ["silenced"]
    text = here.stage.config.read_text()
    here.stage.config.write_text(text[text.index("[store]") :] if text.index("[[silence]]") == 0 else _without(text))
    here.check()
    here.check()
    assert [hook["data"]["id"] for hook in here.stage.webhooks] == ["source-unhealthy"]


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
def test_a_silence_needs_valid_times_and_patterns(here: World, text: str, problem: str) -> None:
    here.configure("[store]", f"[[silence]]\n{text}\n\n[store]")
    done: Any = CliRunner().invoke(watcher, ["--config", str(here.stage.config), "config", "check"])
    assert problem in str(done.exception)


def channel(here: World, name: str, rest: str) -> None:
    here.configure(
        '[[channel]]\nname = "hook"',
        f'[[channel]]\nname = "{name}"\ntype = "email"\n{rest}\n\n[[channel]]\nname = "hook"',
    )


def test_an_address_on_two_channels_gets_one_message_with_the_events_of_both(here: World) -> None:
    here.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\nevents = ["port-*"]')
    channel(here, "more", 'to = ["NOC@example.org", "other@example.org"]\nevents = ["description-*"]')
    here.check(release(NEW, "2020-01-02"))
    mails = {str(mail["To"]): mail.as_string() for mail in here.stage.mails}
    assert len(mails) == len(here.stage.mails) == 2
    texts = {
        row["recipient"]: row["body"]
        for row in here.rows("outbox")["outbox"]
        if row["recipient"] and row["state"] == "sent"
    }
    assert set(texts) == {"noc@example.org", "other@example.org"}
    assert all(event in texts["noc@example.org"] for event in ("port-assigned", "description-changed"))
    assert "port-assigned" not in texts["other@example.org"]


def test_an_address_gets_a_notice_once(here: World) -> None:
    here.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
    channel(here, "more", 'to = ["noc@example.org"]\noperator = true')
    here.publish(b"<html></html>")
    for _ in range(3):
        here.check()
    assert len(here.stage.mails) == 1
    assert len(here.stage.webhooks) == 1
