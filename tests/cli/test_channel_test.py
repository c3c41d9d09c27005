"""`watcher channel test NAME --with-last-change` sends the newest change the real way, and marked as a test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cli_fixtures import RunCli, run  # noqa: F401 - fixtures
from tests.support.comparison_schema import validate_comparison
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.alerts.channels.webhook_message import TEST


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    folder = tmp_path / "servers"
    folder.mkdir()
    with open_environment(folder) as env:
        yield env


def test_the_newest_change_arrives_by_mail_and_webhook_and_says_that_it_is_a_test(
    env: Environment,
    run: RunCli,  # noqa: F811
) -> None:
    env.check(release([tcp("base", "1")]))
    env.check(release([tcp("base", "1"), tcp("old", "2")], "2020-01-02"))
    env.check(release([tcp("base", "1"), tcp("old", "2"), tcp("new", "3")], "2020-01-03"))
    env.servers.webhooks.clear()
    env.servers.mails.clear()
    for name in sorted(row["channel"] for row in env.rows("outbox")["outbox"][:2]):
        result = run("--config", str(env.servers.config), "channel", "test", name, "--with-last-change")
        assert result.code == 0, result.err
        assert result.out.endswith(": sent\n")
    (mail,), (hook,) = env.servers.mails, env.servers.webhooks
    assert str(mail["Subject"]).startswith("[test] ports: 3/tcp assigned to new")
    assert "subscribers were alerted to this change when it was new" in mail.as_string().replace("=\n", "")
    assert hook["type"] == TEST
    assert list(hook["data"]["marks"]) == ["test"]
    assert [event["service"] for event in hook["data"]["events"]] == ["new"]
    validate_comparison(hook["data"])
    assert env.servers.forged == 0
    assert {row["state"] for row in env.rows("outbox")["outbox"]} == {"sent"}


def test_a_history_without_a_change_has_nothing_to_send(env: Environment, run: RunCli) -> None:  # noqa: F811
    env.check(release([tcp("base", "1")]))
    text = env.servers.config.read_text()
    name = text.split("[[channel]]")[1].split('name = "')[1].split('"')[0]
    result = run("--config", str(env.servers.config), "channel", "test", name, "--with-last-change")
    assert (result.code, result.out) == (2, "")
    assert "the history has no change yet" in result.err
    assert env.rows("outbox")["outbox"] == []
