"""An exception that nobody foresaw, at any call that the check of one source makes: the others do not notice.

The profiler of the interpreter counts the calls of our functions while one source is checked, and raises at one.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import structlog

import watcher
from tests.support.alerts import FakeChannel, router_without_channels
from tests.support.environment import rows
from tests.support.fake_clock import FakeClock
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from watcher.alerts.delivery import DeliveryReport, deliver_due
from watcher.cli.context import load_settings
from watcher.core.operations import Delivery
from watcher.daemon.daemon import Daemon
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult
from watcher.monitor.sweep import sweep
from watcher.render import text
from watcher.store.store import Store

PACKAGE = str(Path(watcher.__file__).parent)
SEAMS = ("fetch", "store", "formats", "diff", "registries", "render", "alerts", "monitor")
GUARDS = ("check", "check_without_alarm", "_update_alarm", "record_failure")  # of Monitor: they catch it
NAMES = ("broken", "other")
RELEASES = [
    release([tcp("a", "1"), tcp("b", "2"), tcp("kept", "9")], "2024-01-01"),
    release([tcp("a", "1"), tcp("b", "3"), tcp("c", "2"), tcp("kept", "9")], "2024-02-01"),
    release([tcp("a", "1"), tcp("d", "2"), tcp("kept", "9", description="x")], "2024-03-01"),
]
POINTS = 60


class UnforeseenError(Exception):
    """An error of a class that no code of ours knows."""


@dataclass
class Fault:
    """Counts the calls of our functions while it is armed, and raises at one of them; 0: at none."""

    at: int = 0
    calls: list[str] = field(default_factory=list)

    @contextmanager
    def armed(self) -> Iterator[None]:
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(None)

    def _profile(self, frame: FrameType, event: str, argument: object) -> None:  # noqa: ARG002
        code = frame.f_code
        if event != "call" or not code.co_filename.startswith(PACKAGE) or code.co_name.startswith("<"):
            return
        folder, _, module = code.co_filename[len(PACKAGE) + 1 :].partition("/")
        if folder not in SEAMS or code.co_name in GUARDS:
            return
        self.calls.append(f"{folder}/{module} {code.co_name}")
        if len(self.calls) == self.at:
            raise UnforeseenError(f"at {self.calls[-1]}")


@dataclass
class World:
    """Two sources in one folder, each with a baseline, and an operator whose messages are gathered for hours."""

    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        (self.folder / "now").mkdir(parents=True)
        sources = [f'[[source]]\nname = "{name}"\nurl = "{(self.folder / "now" / name).as_uri()}"\n' for name in NAMES]
        channel = '[[channel]]\nname = "noc"\ntype = "email"\nto = ["a@example.org"]\noperator = true\ndigest = "30d"\n'
        config = self.folder / "now" / "config.toml"
        config.write_text("[fetch]\nallow_files = true\n" + channel + "".join(sources))
        config.chmod(0o600)
        self.settings = load_settings(config)
        self.serve(RELEASES[0])
        for name in NAMES:
            self.check(name)
        shutil.copytree(self.folder / "now", self.folder / "template")
        self._start = self.clock.now()

    def restore(self) -> None:
        """Go back to the two baselines."""
        shutil.rmtree(self.folder / "now")
        shutil.copytree(self.folder / "template", self.folder / "now")
        self.clock.set(self._start)

    def serve(self, data: bytes) -> None:
        for name in NAMES:
            (self.folder / "now" / name).write_bytes(data)

    def check(self, name: str, fault: Fault | None = None) -> CheckResult:
        self.clock.advance(timedelta(hours=1))
        source = next(source for source in self.settings.registries if source.name == name)
        with Monitor(self.settings, clock=self.clock) as monitor:
            if fault is None:
                return monitor.check(source)
            with fault.armed():
                return monitor.check(source)

    def state(self, name: str) -> dict[str, Any]:
        """Return what a source's history says, and the summaries of what was queued about it."""
        with Store(self.folder / "now" / "history.db") as store:
            releases = store.history.list_releases(name)
            events = [
                [event.summary for event in store.history.events.read_comparison(name, new, old).events]
                for old, new in pairwise(releases)
            ]
        bodies = [row for row in rows(self.folder / "now" / "history.db", "outbox")["outbox"] if row["source"] == name]
        return {
            "releases": [(stored.digest, stored.dated, stored.counts) for stored in releases],
            "events": events,
            "alerts": [(row["release"], json.loads(row["body"])["subject"]) for row in bodies if row["release"]],
            "notices": [json.loads(row["body"])["subject"] for row in bodies if not row["release"]],
        }


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("world"))


def undisturbed(world: World, check: Callable[[World, str, Fault | None], None]) -> tuple[dict[str, Any], list[str]]:
    """Return the states of the sources at the end of `disturb`, and the calls of the first check of `broken`."""
    fault = Fault()
    for _ in range(2):  # the first round imports modules and fills caches
        fault.calls.clear()
        world.restore()
        world.serve(RELEASES[1])
        for name in NAMES:
            check(world, name, fault if name == "broken" else None)
        world.serve(RELEASES[2])
        check(world, "broken", None)
    return {name: world.state(name) for name in NAMES}, fault.calls


def choose_points(calls: list[str], number: int, seed: int) -> list[int]:
    """Return the first call of every function as far as there is room, then any others."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    firsts = [calls.index(call) + 1 for call in dict.fromkeys(calls)]
    chosen = firsts if len(firsts) <= number else chance.sample(firsts, number)
    return sorted({*chosen, *chance.sample(range(1, len(calls) + 1), max(0, min(len(calls), number - len(chosen))))})


def disturb(world: World, check: Callable[[World, str, Fault | None], None], at: int) -> dict[str, Any]:
    """Raise at one call of the first check of `broken`, then let its server serve the same and one more release."""
    world.restore()
    world.serve(RELEASES[1])
    fault = Fault(at)
    for name in NAMES:
        check(world, name, fault if name == "broken" else None)
    assert len(fault.calls) >= at, "the call is made again"
    last = [row for row in rows(world.folder / "now" / "history.db", "checks")["checks"] if row["source"] == "broken"]
    failed = last[-1]["outcome"] == "failed"
    if failed:
        assert last[-1]["reason"] == "internal", (fault.calls[at - 1], last[-1])
        assert "UnforeseenError" in last[-1]["message"]
        assert len(world.state("broken")["notices"]) == 1, fault.calls[at - 1]
    check(world, "broken", None)
    world.serve(RELEASES[2])
    check(world, "broken", None)
    return {"failed": failed, "call": fault.calls[at - 1]} | {name: world.state(name) for name in NAMES}


def compare_with_undisturbed(found: dict[str, Any], expected: dict[str, Any]) -> None:
    call = found["call"]
    assert found["other"] == expected["other"], call
    for part in ("releases", "events", "alerts"):
        assert found["broken"][part] == expected["broken"][part], (call, part)
    notices = [subject.split("]")[-1] for subject in found["broken"]["notices"]]
    assert len(notices) == (2 if found["failed"] else 0), (call, notices)


def by_command(world: World, name: str, fault: Fault | None) -> None:
    world.check(name, fault)


@pytest.mark.fault(72)
def test_an_exception_at_any_call_of_a_check_is_a_failed_check_of_that_source_alone(world: World) -> None:
    expected, calls = undisturbed(world, by_command)
    assert {call.split("/")[0] for call in calls} == {*SEAMS}
    points = choose_points(calls, POINTS, seed=72)
    found = [disturb(world, by_command, at) for at in points]
    for disturbed in found:
        compare_with_undisturbed(disturbed, expected)
    swallowed = sorted({disturbed["call"] for disturbed in found if not disturbed["failed"]})
    assert len(swallowed) <= len(points) // 10, swallowed


@pytest.mark.fault(72)
def test_an_exception_at_any_call_of_a_check_of_the_daemon_ends_only_that_check(world: World) -> None:
    daemon = Daemon(world.settings, lambda settings: Monitor(settings, clock=world.clock), world.clock)

    def by_daemon(world: World, name: str, fault: Fault | None) -> None:
        world.clock.advance(timedelta(hours=1))
        source = next(source for source in world.settings.registries if source.name == name)
        if fault is None:
            daemon.jobs.check_source(source)
            return
        with fault.armed():
            daemon.jobs.check_source(source)

    with structlog.testing.capture_logs() as logs:
        expected, calls = undisturbed(world, by_daemon)
        for at in choose_points(calls, POINTS // 6, seed=73):
            logs.clear()
            found = disturb(world, by_daemon, at)
            if not found["failed"]:
                found["broken"]["notices"] = []
            compare_with_undisturbed(found, expected)
            assert found["failed"] or any(log["log_level"] in ("error", "warning") for log in logs), found["call"]


@pytest.mark.fault(72, 82)
def test_an_exception_that_nobody_foresaw_in_a_channel_is_a_failed_try_of_one_message(tmp_path: Path) -> None:
    channel = FakeChannel(errors=[UnforeseenError("no base64")])
    clock = FakeClock()
    with Store(tmp_path / "history.db") as store:
        messages = [
            Delivery(id=str(number), channel="hook", recipient="", source="t", release="", body="", created="")
            for number in range(2)
        ]
        with store.transaction():
            store.outbox.add_deliveries(messages, now="2026-01-05T08:00:00Z")
        channels = {"hook": channel}
        report = deliver_due(store, channels, clock, router_without_channels(channels))
        assert report == DeliveryReport(sent=1, retried=1)
        (failed,) = [row for row in rows(tmp_path / "history.db", "outbox")["outbox"] if row["state"] == "pending"]
        assert "UnforeseenError" in failed["last_error"]
        clock.advance(timedelta(hours=1))
        assert deliver_due(store, channels, clock, router_without_channels(channels)) == DeliveryReport(sent=1)


@pytest.mark.fault(72)
def test_an_output_that_cannot_be_written_ends_no_check(world: World) -> None:
    world.restore()
    world.serve(RELEASES[1])
    command = [sys.executable, "-m", "watcher", "--config", str(world.folder / "now" / "config.toml"), "check"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == (
        "watcher: error: standard output cannot be written: No space left on device; "
        "the command did its work, its output is lost\n"
    )
    for name in NAMES:
        assert len(world.state(name)["releases"]) == 2
        assert len(world.state(name)["alerts"]) == 1


@pytest.mark.fault(72)
def test_a_result_that_cannot_be_shown_ends_no_check(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: Any, **options: Any) -> str:
        raise UnforeseenError("no such colour")

    world.restore()
    world.serve(RELEASES[1])
    monkeypatch.setattr(text, "render_comparison", broken)
    done = run_command(world.folder / "now" / "config.toml", "check")
    assert done.returncode == 0
    assert done.stdout.count("changed, but cannot be shown: unforeseen error: UnforeseenError: no such colour") == 2
    for name in NAMES:
        assert len(world.state(name)["alerts"]) == 1


@pytest.mark.fault(72)
def test_a_proxy_that_becomes_unreadable_fails_the_checks_that_need_it_and_no_others(tmp_path: Path) -> None:
    proxy, table = tmp_path / "proxy", tmp_path / "table.csv"
    proxy.write_text("http://127.0.0.1:9\n")
    proxy.chmod(0o600)
    table.write_text("Value,Name\n1,a\n2,b\n")
    config = tmp_path / "config.toml"
    config.write_text(
        f"""
[fetch]
proxy = "file:proxy"
allow_files = true
allow_private = true
attempts = 1
min_interval = 0
[canary]
channels = ["noc"]
[[source]]
name = "remote"
url = "http://127.0.0.1:9/x.csv"
registry = "iana"
format = "csv"
[[source]]
name = "local"
url = "{table.as_uri()}"
registry = "iana"
format = "csv"
[[source]]
name = "tree"
type = "collection"
groups = ["one", "two"]
[[channel]]
name = "noc"
type = "email"
to = ["noc@example.org"]
operator = true
"""
    )
    config.chmod(0o600)
    settings = load_settings(config)
    proxy.unlink()
    with Monitor(settings, clock=FakeClock()) as monitor:
        results = {source.name: monitor.check(source) for source in settings.sources if source.name != "tree"}  # type: ignore[arg-type]
        (tree,) = settings.collections
        with sweep(monitor, tree, monitor.collection(tree).groups()) as checks:
            results |= {group.name: checks.check(group) for group in checks}
    failed = {name: (result.reason, result.message) for name, result in results.items() if result.outcome == "failed"}
    assert failed.keys() == {"remote", "tree.one", "tree.two"}
    assert set(failed.values()) == {("settings", f"file:proxy: {proxy}: No such file or directory")}
    assert {result.outcome for name, result in results.items() if name not in failed} == {"baseline"}
    notices = [row["body"] for row in rows(tmp_path / "history.db", "outbox")["outbox"]]
    assert len(notices) == 2  # one for the source, one for the groups
    proxy.write_text("http://127.0.0.1:9\n")
    proxy.chmod(0o600)
    with Monitor(settings, clock=FakeClock()) as monitor:
        assert monitor.check(settings.registries[0]).reason != "settings"
