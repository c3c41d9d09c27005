"""Many servers that send a byte now and then, or nothing: the other sources are checked and the others alerted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.environment import Environment, open_environment, rows
from tests.support.fault_server import FaultServer, drip, hang, head, reply
from tests.support.port_releases import release, tcp
from watcher.cli.context import load_settings
from watcher.config.settings import Settings
from watcher.daemon.daemon import Daemon
from watcher.monitor.judging_limit import JudgingLimit
from watcher.monitor.monitor import Monitor

pytestmark = pytest.mark.fault(85)

# No slow server is given up before the test ends it.
FETCH = "[fetch]\nallow_private = true\nattempts = 1\nmin_interval = 0\ndeadline = 3600\nread_timeout = 600\n"
DRIPPING = head(Content_Length=1_000_000) + b"<"
CHANNEL = """
[[channel]]
name = "hung{number}"
type = "webhook"
url = "{url}"
secret = "file:webhook-secret"
timeout = 120
"""


def settings(folder: Path, *sources: dict[str, str]) -> Settings:
    lines = [FETCH]
    for source in sources:
        lines += ["[[source]]", *(f"{name} = {json.dumps(text)}" for name, text in source.items())]
    config = folder / "config.toml"
    config.write_text("\n".join(lines))
    config.chmod(0o600)
    return load_settings(config)


@contextmanager
def running(daemon: Daemon, *slow: FaultServer) -> Iterator[None]:
    """Run the jobs of a daemon; its main thread is the test. The slow servers end first, else the jobs would wait."""
    daemon.schedule()
    daemon.scheduler.start()
    try:
        yield
    finally:
        daemon.stop()
        with ExitStack() as servers:
            for server in slow:
                servers.push(server)
        daemon.scheduler.apscheduler.shutdown()
        daemon.jobs.close()
        assert daemon.jobs.watchdog.wait_until_idle(30)


def checked(folder: Path) -> dict[str, str]:
    """Return the outcome of the check of each source that was checked."""
    if not (folder / "history.db").exists():
        return {}
    return {row["source"]: row["outcome"] for row in rows(folder / "history.db", "checks")["checks"]}


def wait_for(environment: Environment, folder: Path, healthy: set[str]) -> None:
    environment.wait(lambda: healthy <= checked(folder).keys())


def test_dripping_sources_keep_no_other_source_waiting(tmp_path: Path) -> None:
    (watched := tmp_path / "watched").mkdir()
    slow = FaultServer(drip(DRIPPING, every=0.5)).__enter__()
    with open_environment(tmp_path) as env, FaultServer(reply(release([tcp("a", "1")]))) as server:
        names = {f"healthy{number}" for number in range(3)}
        sources = [{"name": f"dripping{number}", "url": slow.url()} for number in range(12)]
        sources += [{"name": name, "url": server.url()} for name in names]
        with running(Daemon(settings(watched, *sources), Monitor), slow):
            env.wait(lambda: len(slow.requests) == 12)
            wait_for(env, watched, names)
            # All twelve are still being fetched.
            assert checked(watched) == dict.fromkeys(names, "baseline")
    assert set(checked(watched).values()) == {"baseline", "failed"}


def test_dripping_second_formats_keep_no_release_waiting(tmp_path: Path) -> None:
    (watched := tmp_path / "watched").mkdir()
    slow = FaultServer(drip(DRIPPING, every=0.5)).__enter__()
    limit = JudgingLimit(1)  # one release at a time, of whatever size
    with open_environment(tmp_path) as env, FaultServer(reply(release([tcp("a", "1")]))) as server:
        sources = [
            {"name": f"dripping{number}", "url": server.url(), "also": slow.url("/a.csv"), "registry": "ports"}
            for number in range(6)
        ]
        sources.append({"name": "healthy", "url": server.url()})
        daemon = Daemon(settings(watched, *sources), lambda current: Monitor(current, judging_limit=limit))
        with running(daemon, slow):
            env.wait(lambda: len(slow.requests) == 6)
            wait_for(env, watched, {"healthy"})
            assert checked(watched) == {"healthy": "baseline"}
    assert set(checked(watched).values()) == {"baseline"}


def test_seventy_hanging_channels_delay_no_other_channel(tmp_path: Path) -> None:
    slow = FaultServer(hang()).__enter__()
    with open_environment(tmp_path) as env:
        text = env.servers.config.read_text()
        channels = (CHANNEL.format(number=f"{number:02d}", url=slow.url()) for number in range(70))
        env.servers.config.write_text(text + "".join(channels))
        env.publish(release([tcp("a", "1")]))
        with env.service() as monitor:
            monitor.check(monitor.source("ports"))
        env.publish(release([tcp("a", "1"), tcp("b", "2")], "2020-01-02"))
        with env.service() as monitor:
            monitor.check(monitor.source("ports"))
        # The healthy channels are the last in the queue.
        outbox = env.rows("outbox")["outbox"]
        assert {row["channel"] for row in outbox} >= {"mail", "hook", "hung00", "hung69"}
        with running(Daemon(load_settings(env.servers.config), Monitor), slow):
            env.wait(lambda: len(slow.requests) == 70)
            env.wait(lambda: {"mail", "hook"} == {row["channel"] for row in sent(env)})
            # All seventy are in their first try.
            assert {row["attempts"] for row in env.rows("outbox")["outbox"]} == {1}


def sent(env: Environment) -> list[dict[str, Any]]:
    return [row for row in env.rows("outbox")["outbox"] if row["state"] == "sent"]
