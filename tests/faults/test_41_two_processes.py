"""Two daemons on one store: each release is in the history once, and each message is sent once."""

from __future__ import annotations

import hashlib
import json
import signal
import threading
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from tests.faults.test_50_kill import _time_passes
from tests.support.environment import Environment, content_of, open_environment
from tests.support.fork_server import ForkServer
from tests.support.port_releases import release, tcp
from watcher.core.model import Content
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.deliver import deliver_all
from watcher.store.new_release import Transition
from watcher.store.snapshot_archive import SnapshotArchive

ROWS = [tcp("a", "1")]


class Watcher:
    """A daemon and its log."""

    def __init__(self, env: Environment, forks: ForkServer) -> None:
        self.process = forks.start("--config", str(env.servers.config), "run")
        self.logs: list[dict[str, object]] = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.logs.append(json.loads(line))

    def events(self, name: str) -> list[dict[str, object]]:
        return [log for log in self.logs if log["event"] == name]

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self._thread.join()
        self.process.stderr.close()
        return code


@pytest.mark.fault(41)
def test_two_daemons_on_one_store_ingest_a_release_once_and_send_each_message_once(
    tmp_path: Path, killing: ForkServer
) -> None:
    with open_environment(tmp_path) as env:
        env.configure("[store]", '[log]\nformat = "json"\n\n[daemon]\njitter = "0s"\n\n[store]')
        env.publish(release(ROWS))
        watchers: list[Watcher] = []
        for number in (0, 1, 2):
            _time_passes(tmp_path)
            if number:
                env.publish(
                    release([*ROWS, *(tcp(f"s{n}", str(10 + n)) for n in range(number))], f"2020-01-{number + 1:02d}")
                )
            with ExitStack() as ends:
                pair = [Watcher(env, killing) for _ in range(2)]
                for watcher in pair:
                    ends.callback(watcher.process.kill)
                env.wait(
                    lambda pair=pair: (
                        all(watcher.events("watching") for watcher in pair)
                        and any(watcher.events("checked") for watcher in pair)
                    )
                )  # type: ignore[misc]
                env.wait(lambda number=number: len(env.servers.mails) >= number <= len(env.servers.webhooks))  # type: ignore[misc]
                assert [watcher.end() for watcher in pair] == [0, 0]
            watchers += pair
        errors = [log for watcher in watchers for log in watcher.logs if log["level"] == "error"]
        assert errors == []
        assert len(env.rows("releases")["releases"]) == 3
        assert list(SnapshotArchive(tmp_path / "snapshots").find_damage()) == []
        assert (len(env.servers.webhooks), len(env.servers.mails)) == (2, 2)
        before = content_of(env.rows())
        with env.service() as service:
            service.ingest(service.source("ports")).rebuild()
        assert content_of(env.rows()) == before


@pytest.mark.fault(41)
def test_a_release_that_another_process_ingested_between_reading_and_writing_is_ingested_once(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release(ROWS))
        data = release([*ROWS, tcp("b", "2")], "2020-01-02")
        env.publish(data)
        sha256 = hashlib.sha256(data).hexdigest()
        with env.service() as one, env.service() as other:
            source = one.source("ports")
            ingest = one.ingest(source)
            compare = ingest._reader.compare

            def overtaken(old: Content, new: Content) -> Transition:
                if other.store.history.find_by_hash("ports", sha256=sha256) is None:
                    other.check(source)  # type: ignore[arg-type] - one source, no collection
                return compare(old, new)

            ingest._reader.compare = overtaken  # type: ignore[method-assign]
            observed = to_text(env.now + timedelta(seconds=1))
            result = ingest.ingest(Candidate(data=data, origin="x", observed=observed, live=True))
            env.now += timedelta(seconds=2)
            deliver_all(one)
        assert result.outcome == "unchanged"
        assert len(env.rows("releases")["releases"]) == 2
        assert (len(env.servers.webhooks), len(env.servers.mails)) == (1, 1)


@pytest.mark.fault(41)
def test_a_release_that_was_overtaken_is_compared_and_rendered_again(tmp_path: Path) -> None:
    with open_environment(tmp_path) as env:
        env.check(release(ROWS))
        second = release([*ROWS, tcp("b", "2")], "2020-01-02")
        third = release([*ROWS, tcp("b", "2"), tcp("c", "3")], "2020-01-03")
        with env.service() as one, env.service() as other:
            ingest, others = (service.ingest(service.source("ports")) for service in (one, other))
            others._is_recovered = True  # it looked at the archive before our bytes were in it
            compare = ingest._reader.compare
            first_seen, seen = (to_text(env.now + timedelta(seconds=seconds)) for seconds in (1, 2))

            def overtaken(old: Content, new: Content) -> Transition:
                if other.store.history.count_releases("ports") == 1:
                    others.ingest(Candidate(data=second, origin="x", observed=first_seen, live=True))
                return compare(old, new)

            ingest._reader.compare = overtaken  # type: ignore[method-assign]
            result = ingest.ingest(Candidate(data=third, origin="x", observed=seen, live=True))
            env.now += timedelta(seconds=3)
            deliver_all(one)
        assert result.outcome == "changed"
        assert len(env.rows("releases")["releases"]) == 3
        services = [[event["service"] for event in hook["data"]["events"]] for hook in env.servers.webhooks]
        assert sorted(services) == [["b"], ["c"]], "each alert compares with the release right before"
