"""A server that asks to be left alone is, for as long as it says within bounds, and no worker sleeps for it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.fake_clock import FakeClock
from tests.support.fault_server import FaultServer, reply
from tests.support.port_releases import release, tcp
from watcher.cli.context import load_settings
from watcher.cli.demo_servers import SOURCE
from watcher.core.clock import SystemClock
from watcher.fetch.rate_limit import HostRateLimiter
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import Outcome


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        made.check(release([tcp("a", "1")]))
        yield made


@pytest.mark.fault(17)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "left"),
    [("120", 120), ("1", 60), ("-5", 60), ("99999999999", 86400), ("Wed, 21 Oct 2015 07:28:00 GMT", 60), ("soon", 60)],
)
def test_a_server_that_asks_to_wait_is_left_alone_within_bounds_and_no_check_sleeps(
    env: Environment, status: int, asked: str, left: float
) -> None:
    with FaultServer(reply(status=status, Retry_After=asked)) as server:
        old = next(line for line in env.servers.config.read_text().splitlines() if "/assignments/" in line)
        env.configure(old, f'url = "{server.url("/assignments/x.xml")}"')
        configured = load_settings(env.servers.config)
        pace = HostRateLimiter(interval=configured.fetch.min_interval, clock=FakeClock())
        results: list[Any] = []
        with mock.patch.object(SystemClock, "sleep") as sleep:
            for _ in range(3):
                with Monitor(configured, rate_limiter=pace, clock=env.clock) as service:
                    source = service.source(SOURCE)
                    results.append(service.check(source))  # type: ignore[arg-type]
                    wait = service.blocked_for(server.url("/"))
                    deliver_all(service)
        assert (sleep.mock_calls, env.clock.slept) == ([], [])
        assert len(server.requests) == 1
    assert {(result.outcome, result.reason) for result in results} == {(Outcome.FAILED, "retry_later")}
    assert wait == left
    # A server that asks to wait is a failed check: the operators are notified as of any failure.
    assert [hook["data"]["id"] for hook in env.servers.webhooks] == ["source-unhealthy"]
