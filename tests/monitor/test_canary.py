"""The canary: its change goes all the way to the channels that want it, and to no other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.cli import watcher
from watcher.cli.context import load_settings
from watcher.daemon.daemon import Daemon
from watcher.diff.content import read_content
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import Outcome
from watcher.registries import canary
from watcher.registries.catalog import REGISTRIES

pytestmark = pytest.mark.fault(68)
DAY = timedelta(days=1)


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure("[store]", '[canary]\nchannels = ["hook"]\n\n[store]')
        made.now -= DAY  # so that the receiver accepts the time of the message sent at the end
        made.publish(release([tcp("a", "1")]))
        yield made


def look(env: Environment) -> Outcome:
    with env.service() as service:
        result = service.check(service.source("canary"))  # type: ignore[arg-type]
        deliver_all(service)
    return result.outcome


def test_its_change_is_sent_to_the_channels_that_want_it_and_to_no_other(env: Environment) -> None:
    assert look(env) is Outcome.BASELINE
    env.now += DAY
    assert look(env) is Outcome.CHANGED
    assert look(env) is Outcome.UNCHANGED
    (hook,) = env.servers.webhooks
    assert (hook["source"], [event["id"] for event in hook["data"]["events"]]) == ("canary", ["canary-changed"])
    assert "no registry changed" in hook["data"]["events"][0]["summary"]
    assert env.servers.mails == []
    # It asked nobody for anything.
    assert env.servers.requests == []


def test_it_changes_on_its_schedule_and_only_then() -> None:
    at = datetime(2026, 11, 25, tzinfo=UTC)
    first = canary.make_document(at, DAY)
    assert canary.make_document(at + DAY - timedelta(seconds=1), DAY) == first
    assert canary.make_document(at + DAY, DAY) != first
    hourly = {canary.make_document(at + timedelta(minutes=10 * step), timedelta(hours=1)) for step in range(24 * 6)}
    assert len(hourly) == 24
    content = read_content(first, REGISTRIES["canary"])
    assert (content.document, content.published, content.entries, content.problems) == ("canary", "2026-11-25", 1, ())


def test_it_is_scheduled_and_seen_in_status(env: Environment) -> None:
    configured = load_settings(env.servers.config)
    daemon = Daemon(configured, Monitor)
    daemon.schedule()
    assert "canary" in daemon.scheduler.times()
    assert configured.watched[-1].every == DAY / 4
    look(env)
    done = CliRunner().invoke(watcher, ["--config", str(env.servers.config), "status"])
    assert any(line.startswith("canary ") and "baseline" in line for line in done.output.splitlines())


def test_without_it_configured_there_is_none(env: Environment) -> None:
    env.configure('[canary]\nchannels = ["hook"]\n\n', "")
    assert [source.name for source in load_settings(env.servers.config).watched] == ["ports"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('channels = ["hock"]', "canary.channels: unknown channel 'hock'; did you mean 'hook'?"),
        ("channels = []", "canary.channels: must list at least one value"),
    ],
)
def test_its_channels_are_ones_there_are(env: Environment, text: str, said: str) -> None:
    env.configure('channels = ["hook"]', text)
    done = CliRunner().invoke(watcher, ["--config", str(env.servers.config), "config", "check"])
    assert said in str(done.exception)
