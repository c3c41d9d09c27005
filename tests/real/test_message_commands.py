"""The command in a message works: for every kind of event of real releases it is run on their history."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.support import real_data
from watcher.cli import watcher
from watcher.core.event_details import EventDetails
from watcher.core.model import Event
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.event_details import describe_events
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

STEP = 80  # every so many port releases, with the last
GROUPS = ("dns-parameters", "smi-numbers", "multicast-addresses", "ospfv2-parameters", "tls-extensiontype-values")
MONTHS = ("2017-01-03", "2017-12-05", "2018-09-06", "2020-04-04", "2021-12-01")
MOST = 2  # commands for each kind of event of each registry


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    dates = [*real_data.ports_dates()[::-STEP]][::-1]
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "snapshots")
        sources = {"ports": [*real_data.ports_releases(dates)]}
        sources |= {f"iana.{group}": list(documents(group)) for group in GROUPS}
        for source, releases in sources.items():
            rules = ReadSettings(registry="ports" if source == "ports" else "iana", format="xml")
            ingest = ReleaseIngest(assemble_parts(source, settings=rules, store=store, archive=archive))
            for date, data in releases:
                ingest.ingest(Candidate(data=data, origin=date))
    path = folder / "config.toml"
    path.write_text("")
    path.chmod(0o600)
    return path


def documents(group: str) -> Iterator[tuple[str, bytes]]:
    """Yield a group as of the months in which it differs from the one before."""
    last = b""
    for tag in MONTHS:
        data = real_data.iana_document(group, tag)
        if data != last:
            yield tag, data
        last = data


@pytest.fixture(scope="module")
def events(config: Path) -> list[tuple[Event, EventDetails]]:
    """Return the first events of each kind of each registry, with their details."""
    chosen = []
    numbers: Counter[tuple[str, str]] = Counter()
    with Store(config.parent / "history.db", create=False) as store:
        for source in store.history.list_sources():
            for old, new in pairwise(store.history.list_releases(source)):
                comparison = store.history.events.read_comparison(source, new, old)
                for event, details in zip(comparison.events, describe_events(comparison), strict=True):
                    numbers[source, event.id] += 1
                    if numbers[source, event.id] <= MOST:
                        chosen.append((event, details))
    return chosen


def test_there_are_events_of_many_kinds(events: list[tuple[Event, EventDetails]]) -> None:
    assert len({event.id for event, _ in events}) >= 30
    assert len(events) >= 80


def test_the_command_of_a_message_shows_its_event(config: Path, events: list[tuple[Event, EventDetails]]) -> None:
    runner, failures = CliRunner(), []
    for event, details in events:
        program, *arguments = shlex.split(details.command)
        assert program == "watcher"
        result = runner.invoke(watcher, ["--config", str(config), *arguments])
        if result.exit_code or event.id not in result.output:
            failures.append(f"{event.id}: {details.command}: {result.output[:200]}")
    assert failures == []
