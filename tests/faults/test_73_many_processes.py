"""Daemon and commands on one history at the same time: each release is alerted once, and the history is as if alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.support.environment import Environment, content_of, open_environment
from tests.support.port_releases import release, tcp
from tests.support.run_cli import run_command
from watcher.cli.demo_servers import SOURCE
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.check import record_result
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.monitor import Monitor
from watcher.monitor.result import CheckResult, Outcome
from watcher.monitor.timeline import Placement
from watcher.store.new_release import NewRelease
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo

LIVE, OLD = 100, 100
PATIENCE = 600  # seconds for the last commands of all loops
ROOT = Path(__file__).resolve().parents[2]


def day(number: int) -> str:
    return f"2020-{number // 25 + 1:02}-{number % 25 + 1:02}"


def document(number: int) -> bytes:
    return release([tcp(f"s{row}", str(1000 + row)) for row in range(max(number - 3, 0), number + 1)], day(number))


def newest(service: Monitor) -> str | None:
    latest = service.store.history.find_latest(SOURCE)
    return latest.release.published if latest else None


@dataclass
class Processes:
    """Processes that run commands in turns until the end of the block; `stop` ends them."""

    folder: Path
    config: Path

    def __post_init__(self) -> None:
        self.stop = self.folder / "stop"
        self.loops: subprocess.Popen[str] | None = None
        self.daemon: subprocess.Popen[str] | None = None

    def start_loops(self, *loops: tuple[float, Sequence[str]]) -> None:
        """Start a process for each pause and its commands."""
        texts = [
            [pause, [["--config", str(self.config), *command.split()] for command in some]] for pause, some in loops
        ]
        (self.folder / "loops.json").write_text(json.dumps(texts))
        command = [sys.executable, "-m", "tests.support.command_loop", str(self.folder)]
        with (self.folder / "loops").open("w") as out:
            # A group of its own: `kill` ends its children too.
            self.loops = subprocess.Popen(
                command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, text=True, start_new_session=True
            )

    def start_daemon(self) -> None:
        command = [sys.executable, "-m", "watcher", "--config", str(self.config), "run"]
        with (self.folder / "daemon").open("w") as log:
            self.daemon = subprocess.Popen(command, stderr=log, text=True)

    def end(self) -> list[dict[str, Any]]:
        """Return what each command did."""
        self.stop.touch()
        if self.loops:
            assert self.loops.wait(PATIENCE) == 0, (self.folder / "loops").read_text()
        if self.daemon:
            self.daemon.terminate()
            assert self.daemon.wait(60) == 0, (self.folder / "daemon").read_text()[-3000:]
        texts = [path.read_text() for path in sorted(self.folder.glob("loop-*"))]
        return [json.loads(line) for text in texts for line in text.splitlines()]

    def logs(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / "daemon").read_text().splitlines()] if self.daemon else []

    def kill(self) -> None:
        if self.loops and self.loops.poll() is None:
            os.killpg(self.loops.pid, signal.SIGKILL)
            self.loops.wait()
        if self.daemon:
            self.daemon.kill()
            self.daemon.wait()


def plain(env: Environment) -> list[object]:
    """Return the history without the times at which releases were seen."""
    tables = env.rows()
    for table in ("releases", "snapshots"):
        for row in tables[table]:
            row["observed"] = None
    return content_of(tables)


@pytest.mark.fault(73)
def test_daemon_checks_imports_rebuilds_and_backups_at_once_are_as_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    for number in range(OLD):
        (tmp_path / "old" / f"{number:03}.xml").write_bytes(document(number))
    expected, alerted = run(tmp_path / "alone", alone=True)
    found, ids = run(tmp_path / "together", alone=False)
    assert ids == alerted, "each once"
    assert found == expected


def run(folder: Path, *, alone: bool) -> tuple[list[object], Counter[str]]:
    """Check new releases and import old ones; return the history, and how often subscribers were alerted of each.

    With others that are not `alone` everything else that writes and reads runs at the same time.
    """
    folder.mkdir()
    with open_environment(folder) as env, ExitStack() as ends:
        env.configure("[fetch]\n", '[log]\nformat = "json"\n\n[fetch]\nmin_interval = 0\n')
        env.configure(f'name = "{SOURCE}"\n', f'name = "{SOURCE}"\nevery = "1m"\n')
        env.publish(document(OLD))
        assert run_command(env.servers.config, "check").returncode == 0
        processes = Processes(folder, env.servers.config)
        old = folder.parent / "old"
        if not alone:
            ends.callback(processes.kill)
            processes.start_daemon()
            processes.start_loops(
                (0.05, ["check --format json"]),
                (0.05, ["check"]),
                (0.05, [f"import {SOURCE} {old}/{number:03}.xml" for number in range(OLD)]),
                (0.4, [f"rebuild {SOURCE}", f"rebuild {SOURCE} --events"]),
                (0.4, [f"backup {folder / 'backup'}", "verify", "verify --history"]),
            )
        with env.service() as service:
            for number in range(OLD + 1, OLD + LIVE):
                env.publish(document(number))
                if alone:
                    service.check(service.source(SOURCE))  # type: ignore[arg-type]
                env.wait(lambda number=number: newest(service) == day(number))  # type: ignore[misc]
        assert run_command(env.servers.config, "import", SOURCE, str(old)).returncode == 0
        commands = processes.end()
        failed = [done for done in commands if done["code"] or "Traceback" in str(done["err"])]
        assert not failed, "\n".join(
            f"{command['command'][2:]}: {command['err']}{command['out']}" for command in failed
        )
        assert [log for log in processes.logs() if log["level"] == "error"] == []
        assert run_command(env.servers.config, "check").returncode == 0
        assert list(SnapshotArchive(folder / "snapshots").find_damage()) == []
        assert len(env.rows("outbox")["outbox"]) == 2 * (LIVE - 1)
        return plain(env), Counter(hook["data"]["new"]["sha256"] for hook in env.servers.webhooks)


@pytest.mark.fault(73, 41)
def test_a_release_that_another_process_records_right_before_it_is_placed_is_recorded_once(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(document(1))
        env.publish(document(2))
        with env.service() as one, env.service() as other:
            source = one.source(SOURCE)
            ingest = one.ingest(source)
            place = ingest._timeline.place

            def overtaken(new: NewRelease) -> Placement:
                if other.store.history.count_releases(SOURCE) == 1:
                    other.check(source)  # type: ignore[arg-type]
                return place(new)

            ingest._timeline.place = overtaken  # type: ignore[method-assign]
            candidate = Candidate(data=document(2), origin="x", observed=to_text(env.now), live=True)
            assert ingest.ingest(candidate).outcome == "unchanged"
        assert len(env.rows("outbox")["outbox"]) == 2, "mail and webhook"


def run_when_stored(ingest: ReleaseIngest, run: Callable[[], None]) -> None:
    """Call a function each time that an ingest has stored a snapshot, before the history has its release."""
    store_bytes = ingest._recorder.store_bytes

    def interrupted(*arguments: Any, **more: Any) -> SnapshotInfo:
        stored = store_bytes(*arguments, **more)
        run()
        return stored

    ingest._recorder.store_bytes = interrupted  # type: ignore[method-assign]


def run_successfully(env: Environment, *command: str) -> None:
    assert run_command(env.servers.config, *command).returncode == 0


@pytest.mark.fault(73)
@pytest.mark.parametrize("command", [["rebuild"], ["rebuild", "--events"], ["check"], ["verify", "--history"]], ids=str)
def test_whatever_runs_between_archive_and_history_a_release_is_alerted_once(
    tmp_path: Path, command: list[str]
) -> None:
    with open_environment(tmp_path) as env:
        env.check(document(1))
        env.publish(document(2))
        with env.service() as one:
            ingest = one.ingest(one.source(SOURCE))
            run_when_stored(ingest, lambda: run_successfully(env, *command))
            ingest.ingest(Candidate(data=document(2), origin="x", observed=to_text(env.now), live=True))
        assert len(env.rows("outbox")["outbox"]) == 2, "mail and webhook"
        assert [row["published"] for row in env.rows("releases")["releases"]] == [day(1), day(2)]


@pytest.mark.fault(73)
def test_a_check_is_recorded_although_its_releases_have_other_rows_by_then(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(document(2))
        with env.service() as one:
            latest = one.store.history.find_latest(SOURCE)
            assert latest
            old = tmp_path / "old.xml"
            old.write_bytes(document(1))
            assert run_command(env.servers.config, "import", SOURCE, str(old)).returncode == 0
            assert run_command(env.servers.config, "rebuild").returncode == 0
            result = CheckResult(outcome=Outcome.UNCHANGED, release=latest)
            record_result(SOURCE, "", "ports", result, one.store, started=env.now)
            now = one.store.history.find_latest(SOURCE)
            assert now is not None
            assert now.row != latest.row
            assert one.store.checks.find_last_check(SOURCE)["release_id"] == now.row  # type: ignore[index]


@contextmanager
def open_holding(folder: Path) -> Iterator[Environment]:
    """Open an environment whose source has a release in its history and holds one, which is served."""
    with open_environment(folder) as env:
        env.configure('registry = "ports"\n', 'registry = "ports"\nhold = { min_entries = 2 }\n')
        env.check(document(2))
        assert env.check(document(0).replace(day(0).encode(), day(3).encode())).outcome is Outcome.HELD
        yield env


@pytest.mark.fault(73)
def test_a_held_release_is_accepted_although_another_process_records_a_release_meanwhile(tmp_path: Path) -> None:
    with open_holding(tmp_path) as env, env.service() as one:
        old = tmp_path / "old.xml"
        old.write_bytes(document(1))
        (hold,) = one.store.holds.list_holds(SOURCE)
        ingest = one.ingest(one.source(SOURCE))
        place = ingest._timeline.place

        def overtaken(new: NewRelease) -> Placement:
            placement = place(new)
            if one.store.history.count_releases(SOURCE) == 1:
                assert run_command(env.servers.config, "import", SOURCE, str(old)).returncode == 0
            return placement

        ingest._timeline.place = overtaken  # type: ignore[method-assign]
        assert ingest.decisions.accept(hold.id).outcome is Outcome.CHANGED
        assert [row["published"] for row in env.rows("releases")["releases"]] == [day(2), day(1), day(3)]
        assert len(env.rows("outbox")["outbox"]) == 2, "mail and webhook"


@pytest.mark.fault(73)
@pytest.mark.parametrize("command", [["rebuild"], ["check"], ["verify", "--history"]], ids=str)
def test_a_release_that_another_process_records_while_it_is_accepted_is_accepted_and_alerted_once(
    tmp_path: Path, command: list[str]
) -> None:
    with open_holding(tmp_path) as env, env.service() as one:
        (hold,) = one.store.holds.list_holds(SOURCE)
        ingest = one.ingest(one.source(SOURCE))
        run_when_stored(ingest, lambda: run_successfully(env, *command))
        result = ingest.decisions.accept(hold.id)
        assert result.outcome is Outcome.CHANGED
        assert result.release is not None
        assert result.release.digest == hold.digest
        assert [row["published"] for row in env.rows("releases")["releases"]] == [day(2), day(3)]
        assert [(row["state"], row["decided_by"]) for row in env.rows("held")["held"]] == [("accepted", "operator")]
        assert len(env.rows("outbox")["outbox"]) == 2, "mail and webhook"


@pytest.mark.fault(73)
def test_an_old_release_that_a_check_records_while_it_is_accepted_is_accepted_by_the_operator(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env, env.service() as one:
        env.check(document(1))
        env.check(document(2))
        assert env.check(document(1)).outcome is Outcome.STALE
        (hold,) = one.store.holds.list_holds(SOURCE)
        ingest = one.ingest(one.source(SOURCE))
        record_return = one.archive.record_return

        def interrupted(*arguments: Any) -> int | None:
            sequence = record_return(*arguments)
            if one.store.history.count_releases(SOURCE) == 2:
                assert run_command(env.servers.config, "check").returncode == 0
            return sequence

        with mock.patch.object(one.archive, "record_return", interrupted):
            result = ingest.decisions.accept(hold.id)
        assert result.outcome is Outcome.CHANGED
        assert result.release is not None
        assert result.release.returns == hold.digest
        assert [row["published"] for row in env.rows("releases")["releases"]] == [day(1), day(2), day(1)]
        assert [(row["state"], row["decided_by"]) for row in env.rows("held")["held"]] == [("accepted", "operator")]


@pytest.mark.fault(73)
@pytest.mark.parametrize(("decision", "state"), [("accept", "accepted"), ("reject", "rejected")])
def test_a_decision_during_a_check_that_is_served_the_held_release_stands(
    tmp_path: Path, decision: str, state: str
) -> None:
    with open_holding(tmp_path) as env, env.service() as one:
        (hold,) = one.store.holds.list_holds(SOURCE)
        ingest = one.ingest(one.source(SOURCE))

        def decide() -> None:
            if [row["state"] for row in env.rows("held")["held"]] == ["held"]:
                run_successfully(env, decision, SOURCE, hold.id)

        run_when_stored(ingest, decide)
        served = one.archive.read_snapshot(SOURCE, hold.sha256)
        ingest.ingest(Candidate(data=served, origin="x", observed=to_text(env.now), live=True))
        (row,) = env.rows("held")["held"]
        assert (row["state"], row["decided_by"]) == (state, "operator")
