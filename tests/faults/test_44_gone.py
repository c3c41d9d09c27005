"""A webhook that answers 410: it is disabled, the operators are notified over another channel, no message is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_commands import Run, run  # noqa: F401 - the fixture
from tests.support.environment import World, world
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import release, tcp
from watcher.monitor.deliver import deliver_all

pytestmark = pytest.mark.fault(44)

FIRST = release([tcp("a", "1")])
SECOND = release([tcp("a", "1"), tcp("b", "2")], "2020-01-02")
THIRD = release([tcp("a", "1"), tcp("b", "2"), tcp("c", "3")], "2020-01-03")


@pytest.fixture
def here(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        made.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
        yield made


def hook_url(here: World) -> str:
    return next(
        line for line in here.stage.config.read_text().splitlines() if line.startswith("url") and "/hook" in line
    )


def states(here: World) -> list[tuple[str, str]]:
    return sorted((row["channel"], row["state"]) for row in here.rows("outbox")["outbox"])


def deliver(here: World) -> None:
    with here.service() as service:
        deliver_all(service)


def test_a_gone_endpoint_is_tried_once_and_its_messages_wait_until_it_is_enabled(here: World, run: Run) -> None:  # noqa: F811
    good = hook_url(here)
    with FaultServer(reply(status=410)) as gone:
        here.configure(good, f'url = "{gone.url()}"')
        here.check(FIRST)
        here.check(SECOND)
        here.check(THIRD)
        deliver(here)
        assert len(gone.requests) == 1
    assert states(here) == [
        ("hook", "pending"),
        ("hook", "pending"),
        ("mail", "sent"),
        ("mail", "sent"),
        ("mail", "sent"),
    ]
    subjects = [" ".join(str(mail["Subject"]).split()) for mail in here.stage.mails]
    assert sum("channel hook is now disabled: HTTP 410" in subject for subject in subjects) == 1

    config = ("--config", str(here.stage.config))
    assert "watcher channel enable hook" in run(*config, "status").out
    (hook,) = (channel for channel in listed(run, config) if channel["channel"] == "hook")
    assert (hook["state"], hook["pending"], hook["last_error"]) == ("gone", 2, "HTTP 410: the endpoint is gone")

    here.configure(f'url = "{gone.url()}"', good)
    deliver(here)
    assert here.stage.webhooks == []
    assert run(*config, "channel", "enable", "hook").out == "hook: enabled; 2 messages are due\n"
    deliver(here)
    assert [body["data"]["new"]["published"] for body in here.stage.webhooks] == ["2020-01-02", "2020-01-03"]
    assert [channel["state"] for channel in listed(run, config)] == ["ok", "ok"]
    assert run(*config, "channel", "enable", "hook").out == "hook: was not disabled; 0 messages are due\n"


def listed(run: Run, config: tuple[str, str]) -> list[dict[str, Any]]:  # noqa: F811
    channels: list[dict[str, Any]] = json.loads(run(*config, "channel", "list", "--format", "json").out)["channels"]
    return channels
