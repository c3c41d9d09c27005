"""A list of the configuration that breaks while the daemon runs: the last good one counts, operators are notified."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from watcher.cli.context import load_settings
from watcher.config.inventory_files import SharedInventories
from watcher.daemon.self_check import SelfCheck
from watcher.monitor.deliver import deliver_all
from watcher.monitor.monitor import Monitor

NOTICE = "org.registry-watcher.notice"


@pytest.fixture
def env(tmp_path: Path) -> Iterator[Environment]:
    with open_environment(tmp_path) as made:
        made.configure('type = "webhook"', 'type = "webhook"\noperator = true')
        config = made.servers.config
        config.write_text(config.read_text() + '\n[[inventory]]\nname = "mine"\nfile = "mine.txt"\n')
        made.now = made.now.replace(microsecond=0)
        config.with_name("mine.txt").write_text("1/tcp\n")
        made.check(release([tcp("a", "1")]))
        yield made


def test_a_broken_list_is_reported_once_keeps_its_last_state_and_is_cleared(env: Environment) -> None:
    settings, shared = load_settings(env.servers.config), SharedInventories()
    path = env.servers.config.with_name("mine.txt")

    def open_monitor() -> Monitor:
        return Monitor(settings, clock=env.clock, inventories=shared.for_settings(settings))

    def look_twice() -> list[tuple[str, str]]:
        for _ in range(2):
            env.now += timedelta(seconds=1)
            own.check_schedule()
        with open_monitor() as monitor:
            deliver_all(monitor)
        hooks = [hook["data"] for hook in env.servers.webhooks if hook["type"] == NOTICE]
        return [(data["id"], data["source"]) for data in hooks]

    own = SelfCheck(lambda: settings, open_monitor, env.clock)
    assert look_twice() == []
    path.write_text("1/tcp\n70000\n")
    assert look_twice() == [("inventory-unreadable", "inventory:mine")]
    with open_monitor() as monitor:
        assert [entry.title for entry in monitor.inventories.get("mine").entries] == ["1/tcp"]
    path.unlink()
    assert len(look_twice()) == 1
    path.write_text("2/tcp\n")
    assert look_twice()[1:] == [("inventory-readable", "inventory:mine")]
    with open_monitor() as monitor:
        assert [entry.title for entry in monitor.inventories.get("mine").entries] == ["2/tcp"]
