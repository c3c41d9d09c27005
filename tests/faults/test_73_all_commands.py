"""Every kind of process at once on one history: daemon, commands that write, decisions, readers, pages and a site.

The pauses and the order of the commands are drawn from a seed.
"""

from __future__ import annotations

import http.client
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.faults.test_73_many_processes import Processes, newest, plain
from tests.support.environment import Environment, open_environment
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from watcher.__main__ import INTERRUPTED
from watcher.cli.demo_servers import SOURCE
from watcher.core.operations import HoldState
from watcher.store.snapshot_archive import SnapshotArchive

SEED = 73
OLD, LIVE = 100, 200
HELD_EVERY = 20  # each twentieth release has a single entry and is held until it is accepted or rejected
PATIENCE = 300.0  # seconds

READERS = (
    *("status", "status --check", f"releases {SOURCE}", f"history {SOURCE} --limit 50", "history --port 1010", "held"),
    *(
        f"diff {SOURCE}",
        f"show {SOURCE} s{OLD + 1}",
        "outbox",
        "outbox --format json",
        "channel list",
        "doctor",
        "sources",
    ),
    *("events", f"deadlines {SOURCE}"),
    *("verify", "verify --history", "subscriptions list", "config check"),
)
PATHS = (
    *("/", "/healthz", "/metrics", f"/{SOURCE}", f"/{SOURCE}/releases", f"/{SOURCE}/compare", f"/{SOURCE}/map"),
    *("/-/search?q=s1", "/-/deadlines", "/-/holds", "/-/feed.atom", "/-/feed.json", "/-/deadlines.ics"),
    *("/api/v1/sources", "/api/v1/events", f"/{SOURCE}/entry/s{OLD + 1}"),
)


def day(number: int) -> str:
    return str(date(2020, 1, 1) + timedelta(days=number))


def document(number: int) -> bytes:
    return release([tcp(f"s{row}", str(1000 + row)) for row in range(number, number + 4)], day(number))


def is_held(number: int) -> bool:
    return number % HELD_EVERY == 0


def is_accepted(number: int) -> bool:
    return number // HELD_EVERY % 2 == 0


@dataclass
class PageReader:
    """A client that asks for one page after another; `answers` counts the paths and statuses."""

    port: int
    draw: random.Random
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    @contextmanager
    def reading(self) -> Iterator[None]:
        stop = threading.Event()

        def read() -> None:
            while not stop.wait(self.draw.uniform(0.05, 0.3)):
                path = self.draw.choice(PATHS)
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
                try:
                    connection.request("GET", path)
                    with connection.getresponse() as response:
                        response.read()
                        self.answers[path, response.status] += 1
                except OSError as error:
                    self.answers[f"{path}: {error}", 0] += 1
                finally:
                    connection.close()

        thread = threading.Thread(target=read)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


@contextmanager
def serving(folder: Path, config: Path) -> Iterator[int]:
    """Run `watcher serve` and give its port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "watcher", "--config", str(config), "serve", "--listen", f"127.0.0.1:{port}"]
    with (folder / "serve").open("w") as log, subprocess.Popen(command, stderr=log, stdout=log) as process:
        try:
            while "serving on" not in (folder / "serve").read_text():
                assert process.poll() is None
                time.sleep(0.05)
            yield port
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == INTERRUPTED
        finally:
            process.kill()


def find_held(env: Environment) -> list[str]:
    """Return the ids of the releases that wait for a decision."""
    with env.service() as service:
        return [hold.id for hold in service.store.holds.list_holds(SOURCE) if hold.state is HoldState.HELD]


def start_all(
    folder: Path, env: Environment, old: Path, draw: random.Random, ends: ExitStack
) -> tuple[Processes, PageReader]:
    """Start everything that writes or reads a history; the stack ends it."""
    processes = Processes(folder, env.servers.config)
    ends.callback(processes.kill)
    processes.start_daemon()

    def loop(*commands: str) -> tuple[float, list[str]]:
        return draw.uniform(0.02, 0.5), draw.sample(commands, len(commands))

    loops: list[tuple[float, Sequence[str]]] = [
        (0.02, ["check --format json"]),
        (0.05, [f"import {SOURCE} {old}/{number:03}.xml" for number in range(OLD)]),
        loop("check", "check --no-deliver"),
    ]
    files = [
        *(f"cat {SOURCE} --out {folder / 'bytes.xml'}", f"export {SOURCE} --to json --out {folder / 'export.json'}"),
        *(f"export {SOURCE} --to services --out {folder / 'services'}", f"plot {SOURCE} --out {folder / 'plot.svg'}"),
        f"evidence {SOURCE} s{OLD + 1} --at {day(OLD + 1)} --out {folder / 'proof.zip'} --no-timestamp",
    ]
    follow = f"follow {folder / 'site' / SOURCE / 'deltas'} --into {folder / 'copy.jsonl'}"
    loops += [
        loop(f"rebuild {SOURCE}", f"rebuild {SOURCE} --events", f"backup {folder / 'backup'}"),
        loop(f"reject {SOURCE} 000000000000", f"accept {SOURCE} 000000000000"),
        loop(f"site {folder / 'site'}", follow),
        loop(*READERS),
        loop(*READERS, *files),
    ]
    processes.start_loops(*loops)
    return processes, PageReader(ends.enter_context(serving(folder, env.servers.config)), draw)


def run(folder: Path, old: Path, *, alone: bool) -> tuple[list[object], Counter[str]]:
    """Check new releases and import old ones; return the history, and how often subscribers were alerted of each."""
    folder.mkdir()
    draw = random.Random(SEED)  # noqa: S311 - nothing secret
    with open_environment(folder) as env, ExitStack() as ends:
        env.configure("[fetch]\n", '[log]\nformat = "json"\n\n[fetch]\nmin_interval = 0\n')
        env.configure(
            'registry = "ports"\nenabled = true\n',
            'registry = "ports"\nevery = "1m"\nenabled = true\n[source.hold]\nmin_entries = 2\n',
        )
        env.publish(document(OLD + 1))
        assert run_command(env.servers.config, "check").returncode == 0
        others = None if alone else start_all(folder, env, old, draw, ends)
        with others[1].reading() if others else ExitStack():
            accepted = publish_all(env, alone=alone)
        assert run_command(env.servers.config, "import", SOURCE, str(old)).returncode == 0
        if others:
            assert_nothing_failed(folder, *others)
        assert run_command(env.servers.config, "check").returncode == 0
        assert list(SnapshotArchive(folder / "snapshots").find_damage()) == []
        assert len(env.rows("outbox")["outbox"]) == 2 * accepted
        alerted = Counter(hook["data"]["new"]["sha256"] for hook in env.servers.webhooks)
        assert (len(alerted), set(alerted.values())) == (accepted, {1})
        return plain(env), alerted


def publish_all(env: Environment, *, alone: bool) -> int:
    """Publish one release after another, each as soon as the last one was taken; return how many were."""
    accepted = 0
    for number in range(OLD + 2, OLD + LIVE):
        env.publish(release([tcp(f"held{number}", "900")], day(number)) if is_held(number) else document(number))
        if alone:
            assert run_command(env.servers.config, "check").returncode == 0
        if is_held(number):
            env.wait(lambda: bool(find_held(env)), PATIENCE)
            (held,) = find_held(env)
            done = run_command(env.servers.config, "accept" if is_accepted(number) else "reject", SOURCE, held)
            assert done.returncode == 0, done.stderr
            assert find_held(env) == []
        if not is_held(number) or is_accepted(number):
            with env.service() as service:
                env.wait(lambda number=number: newest(service) == day(number), PATIENCE)  # type: ignore[misc]
            accepted += 1
    return accepted


def assert_nothing_failed(folder: Path, processes: Processes, pages: PageReader) -> None:
    """Assert that every command, page and job of the daemon did what its document says."""
    commands = processes.end()
    wrong = [
        f"{done['command'][2:]}: {done['code']}: {done['err']}{done['out']}"
        for done in commands
        if done["code"] not in allowed_codes(done["command"][2]) or "Traceback" in f"{done['err']}{done['out']}"
    ]
    assert wrong == []
    assert [log for log in processes.logs() if log["level"] == "error"] == []
    assert {status for (_, status) in pages.answers} == {200}, pages.answers
    assert {path for path, _ in pages.answers} == set(PATHS)
    assert "Traceback" not in (folder / "serve").read_text()


def allowed_codes(command: str) -> tuple[int, ...]:
    if command in ("accept", "reject"):  # no release has such an id
        return (2,)
    # There is a site to follow only after the first `site`; no channel is an operator's, which the doctor warns of.
    return (0, 2) if command == "follow" else (0, 1) if command == "doctor" else (0,)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.fault(73)
def test_every_kind_of_process_at_once_is_as_one_after_the_other(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    for number in range(OLD):
        (old / f"{number:03}.xml").write_bytes(document(number))
    expected, alerted = run(tmp_path / "alone", old, alone=True)
    found, ids = run(tmp_path / "together", old, alone=False)
    assert ids == alerted
    assert found == expected
