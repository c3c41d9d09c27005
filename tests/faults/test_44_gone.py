"""A webhook that answers 410: it is disabled, the operators are notified over another channel, no message is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.environment import Environment, open_environment
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import release, tcp

pytestmark = pytest.mark.fault(44)

FIRST = release([tcp("a", "1")])
SECOND = release([tcp("a", "1"), tcp("b", "2")], "2020-01-02")
THIRD = release([tcp("a", "1"), tcp("b", "2"), tcp("c", "3")], "2020-01-03")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('to = ["noc@example.org"]', 'to = ["noc@example.org"]\noperator = true')
        yield made


def hook_url(env: Environment) -> str:
    return next(
        line for line in env.servers.config.read_text().splitlines() if line.startswith("url") and "/hook" in line
    )


def states(env: Environment) -> list[tuple[str, str]]:
    return sorted((row["channel"], row["state"]) for row in env.rows("outbox")["outbox"])


def test_a_channel_that_answers_410_is_tried_once_and_its_messages_wait_until_it_is_enabled(
    env: Environment, run: RunCli
) -> None:
    good = hook_url(env)
    with FaultServer(reply(status=410)) as gone:
        env.configure(good, f'url = "{gone.url()}"')
        env.check(FIRST)
        env.check(SECOND)
        env.check(THIRD)
        env.deliver()
        assert len(gone.requests) == 1
    assert states(env) == [
        ("hook", "pending"),
        ("hook", "pending"),
        ("mail", "sent"),
        ("mail", "sent"),
        ("mail", "sent"),
    ]
    subjects = [" ".join(str(mail["Subject"]).split()) for mail in env.servers.mails]
    assert sum("channel hook is now disabled: HTTP 410" in subject for subject in subjects) == 1

    config = ("--config", str(env.servers.config))
    assert "watcher channel enable hook" in run(*config, "status").out
    (hook,) = (channel for channel in listed(run, config) if channel["channel"] == "hook")
    assert (hook["state"], hook["pending"], hook["last_error"]) == ("gone", 2, "HTTP 410: the endpoint is gone")

    env.configure(f'url = "{gone.url()}"', good)
    env.deliver()
    assert env.servers.webhooks == []
    assert run(*config, "channel", "enable", "hook").out == "hook: enabled; 2 messages are due\n"
    env.deliver()
    assert [body["data"]["new"]["published"] for body in env.servers.webhooks] == ["2020-01-02", "2020-01-03"]
    assert [channel["state"] for channel in listed(run, config)] == ["ok", "ok"]
    assert run(*config, "channel", "enable", "hook").out == "hook: was not disabled; 0 messages are due\n"


def listed(run: RunCli, config: tuple[str, str]) -> list[dict[str, Any]]:
    channels: list[dict[str, Any]] = json.loads(run(*config, "channel", "list", "--format", "json").out)["channels"]
    return channels
