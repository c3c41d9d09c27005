"""An endpoint that is down for days, failed deliveries, and `watcher resend`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.cli_fixtures import RunCli
from tests.support.environment import Environment, open_environment
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import release, tcp
from watcher.core.times import from_text
from watcher.monitor.deliver import deliver_all

pytestmark = pytest.mark.fault(45)

FIRST = release([tcp("a", "1")])
SECOND = release([tcp("a", "1"), tcp("b", "2")], "2020-01-02")


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        yield made


@pytest.fixture
def watcher(run: RunCli, env: Environment) -> RunCli:
    return lambda *arguments: run("--config", str(env.servers.config), *arguments)


def outbox(watcher: RunCli, *arguments: str) -> list[dict[str, Any]]:
    deliveries: list[dict[str, Any]] = json.loads(watcher("outbox", *arguments, "--format", "json").out)["deliveries"]
    return deliveries


def given_up(env: Environment, watcher: RunCli) -> dict[str, Any]:
    """A webhook whose server was down for three days; the mail was sent."""
    good = next(line for line in env.servers.config.read_text().splitlines() if "/hook" in line)
    with FaultServer(reply(status=503)) as down:
        env.configure(good, f'url = "{down.url()}"')
        env.check(FIRST)
        env.check(SECOND)
        begun = env.now
        while waiting := outbox(watcher, "--state", "pending"):
            env.now = max(env.now, from_text(waiting[0]["next_attempt"]))
            with env.service() as service:
                deliver_all(service)
        assert len(down.requests) == 10
    assert timedelta(hours=68) < env.now - begun < timedelta(hours=84)
    env.configure(f'url = "{down.url()}"', good)
    (letter,) = outbox(watcher, "--state", "failed")
    return letter


def test_an_endpoint_that_is_down_for_days_leaves_a_failed_delivery_that_can_be_resent(
    env: Environment, watcher: RunCli
) -> None:
    letter = given_up(env, watcher)
    assert (letter["channel"], letter["attempts"]) == ("hook", 10)
    assert letter["last_error"] == "HTTP 503 (given up after 10 tries)"
    dry = watcher("resend", "--state", "failed", "--dry-run")
    assert letter["id"] in dry.out
    assert "1 would be resent, under the same ids" in dry.out
    assert outbox(watcher, "--state", "failed") == [letter]
    again = watcher("resend", letter["id"])
    assert again.code == 0
    assert "1 resent, 0 queued for retry" in again.out
    assert [body["id"] for body in env.servers.webhooks] == [letter["id"]]
    (row,) = outbox(watcher, letter["id"])
    assert (row["state"], row["attempts"], row["last_error"]) == ("sent", 1, None)


def test_sent_messages_are_resent_by_period_under_the_same_id(env: Environment, watcher: RunCli) -> None:
    env.check(FIRST)
    env.check(SECOND)
    today = f"{env.now:%Y-%m-%d}"
    assert watcher("resend", "--since", today, "--channel", "hook").code == 0
    first, second = env.servers.webhooks
    assert first == second
    assert len(env.servers.mails) == 1
    later = f"{env.now + timedelta(days=1):%Y-%m-%d}"
    assert "no matching messages" in watcher("resend", "--since", later).out
    assert len(env.servers.webhooks) == 2


def test_a_resend_left_to_the_daemon_waits_in_the_outbox(env: Environment, watcher: RunCli) -> None:
    env.check(FIRST)
    env.check(SECOND)
    result = watcher("resend", "--channel", "hook", "--no-deliver", "--format", "json")
    assert [row["channel"] for row in json.loads(result.out)["deliveries"]] == ["hook"]
    assert [row["channel"] for row in outbox(watcher, "--state", "pending")] == ["hook"]
    assert len(env.servers.webhooks) == 1


def test_a_resend_that_fails_again_is_reported(env: Environment, watcher: RunCli) -> None:
    env.check(FIRST)
    env.check(SECOND)
    good = next(line for line in env.servers.config.read_text().splitlines() if "/hook" in line)
    with FaultServer(reply(status=500)) as down:
        env.configure(good, f'url = "{down.url()}"')
        result = watcher("resend", "--channel", "hook")
    assert result.code == 1
    assert "0 resent, 1 queued for retry" in result.out
    (waiting,) = outbox(watcher, "--state", "pending")
    assert (waiting["attempts"], waiting["last_error"]) == (1, "HTTP 500")


def test_resend_needs_a_selection(watcher: RunCli, env: Environment) -> None:
    env.check(FIRST)
    result = watcher("resend")
    assert result.code == 2
    assert "name what to resend" in result.err
    result = watcher("resend", "msg_nobody")
    assert result.code == 2
    assert "no such message: msg_nobody" in result.err


def test_the_outbox_is_filtered_by_state_channel_source_day_and_number(env: Environment, watcher: RunCli) -> None:
    env.check(FIRST)
    env.check(SECOND)
    everything = outbox(watcher)
    assert {(row["channel"], row["state"]) for row in everything} == {("hook", "sent"), ("mail", "sent")}
    assert all("body" not in row for row in everything)
    today, tomorrow = (f"{env.now + timedelta(days=days):%Y-%m-%d}" for days in (0, 1))
    assert outbox(watcher, "--since", today, "--until", tomorrow) == everything
    assert outbox(watcher, "--since", tomorrow) == outbox(watcher, "--state", "failed") == []
    assert len(outbox(watcher, "--limit", "1")) == len(outbox(watcher, "--channel", "mail")) == 1
    refused = watcher("outbox", "--source", "elsewhere")
    assert (refused.code, "unknown source 'elsewhere'; known: ports" in refused.err) == (2, True)
    assert outbox(watcher, everything[0]["id"]) == everything[:1]
    rows = list(csv.DictReader(io.StringIO(watcher("outbox", "--format", "csv").out)))
    assert [row["id"] for row in rows] == [row["id"] for row in everything]
    assert "no matching messages" in watcher("outbox", "--state", "pending").out
