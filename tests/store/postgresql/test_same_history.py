"""Both databases have the same rows after the same work, ids and times included, and give the same answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.test_moves import MOVE
from tests.store.test_release_writer import SERIES
from tests.support import real_data
from tests.support.fake_clock import FakeClock
from tests.support.imports import import_files
from tests.support.port_releases import release, tcp
from tests.support.postgresql import PostgresqlServer
from watcher.cli.context import load_settings
from watcher.core.model import Severity
from watcher.core.operations import Acknowledgement
from watcher.core.read_settings import ReadSettings
from watcher.core.times import to_text
from watcher.monitor.candidate import Candidate
from watcher.monitor.deliver import deliver_all
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.monitor import Monitor
from watcher.monitor.source_parts import assemble_parts
from watcher.store.event_query import EventQuery
from watcher.store.location import HistoryLocation
from watcher.store.outbox import STATES, DeliveryQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store
from watcher.store.transfer import TABLES, find_difference

CONFIG = """
[store]
{store}
[fetch]
allow_files = true
[[channel]]
name = "file"
type = "file"
path = "alerts.jsonl"
[[channel]]
name = "noc"
type = "email"
to = ["noc@example.org", "soc@example.org"]
operator = true
[smtp]
host = "127.0.0.1"
port = 9
[[source]]
name = "ports"
url = "{ports}"
registry = "ports"
[[source]]
name = "table"
url = "{table}"
registry = "iana"
format = "csv"
key = ["id"]
"""
TABLE = "id,name\n1,one\n2,two\n3,three\n"


def compare_rows(one: HistoryLocation, other: HistoryLocation) -> dict[str, int]:
    """Compare every row of two histories; return how many each table has."""
    numbers = {}
    with Store(one, read_only=True) as first, Store(other, read_only=True) as second:
        with first.database.snapshot(), second.database.snapshot():
            for table in TABLES:
                assert find_difference(first.database, second.database, table) is None
                numbers[table] = first.database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608
        assert ask(first) == ask(second)
    return numbers


def ask(store: Store) -> list[object]:
    """Return what a history answers to many questions."""
    history, events, versions = store.history, store.history.events, store.history.versions
    sources = history.list_sources()
    queries = [
        EventQuery(),
        EventQuery(limit=7),
        EventQuery(since="latest"),
        EventQuery(until="2020-03-01", kinds=("added", "removed")),
        EventQuery(ports=((0, 50), (443, 8080))),
        EventQuery(services=("one", "TWO", "token")),
        EventQuery(protocols=("udp",), events=("port-*", "[!p]*")),
        EventQuery(severity=Severity.NOTICE, text="two service"),
        EventQuery(text="tls 1.3"),
        EventQuery(document="rfc7001"),
    ]
    answers: list[object] = [events.find(query) for query in queries]
    answers += [versions.search(text, limit=20) for text in ("two", "session tok", "Ann ", "ex am", "x.509", "é")]
    for source in sources:
        stored = history.list_releases(source)
        answers += [stored, history.read_key_columns(source), versions.find(source, names=["ONE", "two", "http"])]
        answers += [versions.find(source, ports=[(0, 30), (443, 443)]), *history.read_records([source, "none"])]
        answers += [events.read_comparison(source, after, before) for before, after in pairwise(stored)]
        if stored:
            old, new = history.read_content_pair(source, stored[0], stored[-1])
            answers += [dict(old.items), dict(new.items), old.delta, new.delta]
            rows = [version.row for version in versions.find(source, at=stored[-1])][:40]
            links = versions.follow(source, rows)
            answers += [links, events.find_by_versions(links.versions.values()), events.read_names(range(40))]
            answers.append(versions.list_port_states(source, stored[-1], "tcp"))
    answers += [store.checks.read_streaks(sources), store.checks.read_summaries(sources), events.count_ids()]
    answers += [store.outbox.find_deliveries(DeliveryQuery(states=STATES)), store.outbox.count_by_state()]
    answers += [store.outbox.find_deliveries(DeliveryQuery(since="latest", limit=2)), store.outbox.list_pending()]
    answers += [store.outbox.list_due("2099-01-01T00:00:00Z"), store.outbox.list_gathered("2099-01-01T00:00:00Z")]
    answers += [store.holds.list_holds(), store.alarms.list_alarms(), store.channel_failures.list_failures()]
    answers += [store.acknowledgements.read_all(), store.deadlines.find_candidates(), store.deadlines.list_marks()]
    return answers


@pytest.fixture
def twice(postgresql_server: PostgresqlServer, tmp_path: Path) -> Callable[[Callable[[HistoryLocation], None]], Any]:
    """Return a function that does some work in both databases and compares them; it returns the rows of each table."""
    places: tuple[HistoryLocation, ...] = (tmp_path / "history.db", postgresql_server.new_location())

    def do_twice(work: Callable[[HistoryLocation], None]) -> dict[str, int]:
        for place in places:
            work(place)
        return compare_rows(*places)

    return do_twice


@contextmanager
def open_monitor(folder: Path, location: HistoryLocation, clock: FakeClock) -> Iterator[Monitor]:
    store = f'path = "{location}"' if isinstance(location, Path) else f'url = "{location}"'
    urls = {name: (folder / name).as_uri() for name in ("ports", "table")}
    config = folder / "config.toml"
    config.write_text(f"{CONFIG.format(store=store, **urls)}".replace("[fetch]", 'snapshots = "kept"\n[fetch]'))
    config.chmod(0o600)
    with Monitor(load_settings(config), clock=clock) as monitor:
        yield monitor


def test_checks_holds_alerts_deliveries_and_a_rebuild(
    twice: Callable[[Callable[[HistoryLocation], None]], Any], tmp_path: Path
) -> None:
    def work(location: HistoryLocation) -> None:
        folder = tmp_path / ("sqlite" if isinstance(location, Path) else "postgresql")
        folder.mkdir()
        folder = folder.rename(tmp_path / "place")  # the URLs are in the rows
        clock = FakeClock()
        outcomes = []

        def check(name: str, data: bytes | None) -> None:
            clock.advance(timedelta(hours=7))
            if data is None:
                (folder / name).unlink()
            else:
                (folder / name).write_bytes(data)
                os.utime(folder / name, (clock.now().timestamp(),) * 2)  # the ETag of a file
            with open_monitor(folder, location, clock) as monitor:
                outcomes.append(monitor.check(monitor.source(name)).outcome)  # type: ignore[arg-type]
                deliver_all(monitor)

        for data in SERIES.values():
            check("ports", data)
            check("ports", data)
        check("ports", b"<html>")
        check("ports", release([tcp("keep", "1")], "2020-06-01"))
        check("table", TABLE.encode())
        check("table", None)
        check("table", (TABLE + "4,four\n").encode())
        check("table", b"id,name\n")
        with open_monitor(folder, location, clock) as monitor:
            store = monitor.store
            for hold in store.holds.list_holds():
                if hold.state == "held":
                    monitor.ingest(monitor.source(hold.source)).decisions.accept(hold.id)
            event = store.history.events.find(EventQuery())[0]
            note = Acknowledgement(
                source=event.source, fingerprint=event.event.fingerprint, note="“ok”", at=to_text(clock.now())
            )
            with store.transaction():
                store.acknowledgements.record([note, note])
                store.checks.record_skip("ports", to_text(clock.now()))
            store.outbox.correct_times("2020-01-01T00:00:00Z")
            store.outbox.requeue_channel("noc", now=to_text(clock.now()))
            monitor.ingest(monitor.source("ports")).rebuild()
            store.merge_search_index()
        assert {"baseline", "changed", "unchanged", "held", "failed"} <= set(outcomes)
        folder.rename(tmp_path / ("done" + str(isinstance(location, Path))))

    numbers = twice(work)
    assert [table for table in TABLES if not numbers[table]] == [
        *("event_sides", "leftovers", "moves", "troubles", "deadline_runs", "deadline_marks")
    ]


def test_entries_that_move_between_groups(
    twice: Callable[[Callable[[HistoryLocation], None]], Any], tmp_path: Path
) -> None:
    def work(location: HistoryLocation) -> None:
        archive = SnapshotArchive(tmp_path / f"kept {isinstance(location, Path)}")
        with Store(location) as store:
            for name, data in (*MOVE, *reversed(MOVE)):
                ingest = ReleaseIngest(
                    assemble_parts(
                        f"iana.{name}",
                        settings=ReadSettings(registry="iana", format="xml"),
                        store=store,
                        archive=archive,
                        collection="iana",
                    )
                )
                ingest.ingest(Candidate(data=data, origin=name))

    numbers = twice(work)
    assert numbers["moves"] > 0
    assert numbers["event_sides"] > 0


def test_a_batch_of_imported_releases_of_which_some_are_refused(
    twice: Callable[[Callable[[HistoryLocation], None]], Any], tmp_path: Path
) -> None:
    files = [tmp_path / f"{number}.xml" for number in range(5)]
    rows = [tcp("one", "1"), tcp("two", "2")]
    for number, path in enumerate(files):
        path.write_bytes(release([*rows, tcp(f"n{number}", str(10 + number))], f"2020-01-0{number + 1}"))
    files[1].write_text("<html>no release</html>")
    files[4].write_bytes(files[3].read_bytes())  # known

    def work(location: HistoryLocation) -> None:
        with Store(location) as store:
            ingest = ReleaseIngest(
                assemble_parts(
                    "ports",
                    settings=ReadSettings(registry="ports", format="xml"),
                    store=store,
                    archive=SnapshotArchive(tmp_path / f"kept {isinstance(location, Path)}"),
                )
            )
            report = import_files(ingest, files, "xml")
            assert (sum(report.outcomes.values()), len(report.refused)) == (4, 1)

    assert twice(work)["releases"] == 3


def test_real_releases_of_registry_groups(
    twice: Callable[[Callable[[HistoryLocation], None]], Any], tmp_path: Path
) -> None:
    names = ("tls-parameters", "dns-parameters", "media-types")
    releases = [
        (f"iana.{name}", data)
        for name in names
        for _, data in [*real_data.group_documents(real_data.RECENT_IANA_BUNDLE, name)][-3:]
    ]

    def work(location: HistoryLocation) -> None:
        archive = SnapshotArchive(tmp_path / f"kept {isinstance(location, Path)}")
        with Store(location) as store:
            for name, data in releases:
                ingest = ReleaseIngest(
                    assemble_parts(
                        name,
                        settings=ReadSettings(registry="iana", format="xml"),
                        store=store,
                        archive=archive,
                        collection="iana",
                    )
                )
                ingest.ingest(Candidate(data=data, origin="git:x"))

    numbers = twice(work)
    assert numbers["releases"] == len(releases)
    assert numbers["versions"] > 3_000
    assert numbers["changes"] > 20
