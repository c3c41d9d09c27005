"""Changes, events and sentences are the same however the two releases were read.

A release is read whole, after the one before it (as an import of a series does) or before it (as a process does that
finds one release and then reads the newest one of the history). The order of its items differs each time.
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from tests.support import real_data
from watcher.core.errors import ParseError
from watcher.core.model import ChangeSet, Content, Event
from watcher.core.read_settings import ReadSettings
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.diff.item_map import ItemMap
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.registries.context import ItemIndexes
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SEED = 20261129
SAMPLE = 3  # groups of each bundle
BUNDLES = (real_data.IANA_BUNDLE, real_data.RECENT_IANA_BUNDLE)
SLICES = 16
_LARGE = 1_000_000  # bytes: of a longer series the sample has the end

Series = Iterable[tuple[str, bytes]]
Judgement = tuple[ChangeSet, tuple[Event, ...]]


def judge(rules: str, series: Series) -> Iterator[tuple[str, dict[str, Judgement]]]:
    """Yield the name of each release with its changes and events against the one before it, by the order of reading."""
    registry = REGISTRIES[rules]
    reader, indexes, chance = IncrementalReader(registry), ItemIndexes(), random.Random(SEED)  # noqa: S311 - no secret
    old: tuple[Content, Content, bytes] | None = None
    for name, data in series:
        try:
            following = reader.read(data)
        except ParseError:
            continue
        whole = read_content(data, registry)
        if old is not None:
            other = IncrementalReader(registry)
            first = other.read(data)
            yield (
                name,
                {
                    "whole": explain(registry, old[0], whole),
                    "after the one before": explain(registry, old[1], following, None, indexes),
                    "before the one before": explain(registry, other.read(old[2]), first),
                    "in any order": explain(registry, shuffle(old[0], chance), shuffle(whole, chance)),
                },
            )
        old = whole, following, data


def shuffle(content: Content, chance: random.Random) -> Content:
    items = ItemMap()
    pairs = [*content.items.items()]
    chance.shuffle(pairs)
    items.update(pairs)
    return replace(content, items=items, delta=None)


def assert_same(rules: str, group: str, series: Series) -> int:
    """Compare the judgements of each release of a series; return how many releases were compared."""
    compared = 0
    for name, judgements in judge(rules, series):
        wanted = judgements.pop("whole")
        for order, found in judgements.items():
            assert found == wanted, (group, name, order)
        compared += 1
    return compared


def documents(bundle: str, group: str) -> Series:
    return real_data.group_documents(bundle, group)


def sampled_groups(bundle: str) -> list[str]:
    groups = [group for group, versions in real_data.bundle_versions(bundle).items() if len(versions) > 1]
    return sorted({"pcep", *random.Random(SEED).sample(groups, SAMPLE)})  # noqa: S311 - no secret


@pytest.mark.parametrize("bundle", BUNDLES)
def test_some_groups_are_judged_the_same_however_they_are_read(bundle: str) -> None:
    compared = 0
    for group in sampled_groups(bundle):
        series = [*documents(bundle, group)]
        is_small = group == "pcep" or sum(len(data) for _, data in series) < _LARGE
        compared += assert_same("iana", group, series if is_small else series[-3:])
    assert compared > 12


def test_some_port_releases_are_judged_the_same_however_they_are_read() -> None:
    assert assert_same("ports", "ports", real_data.ports_releases(real_data.ports_dates()[100:102])) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bundle", BUNDLES)
@pytest.mark.parametrize("number", range(SLICES))
def test_every_group_is_judged_the_same_however_it_is_read(bundle: str, number: int) -> None:
    for group in [*real_data.bundle_versions(bundle)][number::SLICES]:
        assert_same("iana", group, documents(bundle, group))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_many_port_releases_are_judged_the_same_however_they_are_read() -> None:
    dates = real_data.ports_dates()
    assert assert_same("ports", "ports", real_data.ports_releases([*dates[::12], dates[-1]])) > 25


def test_one_import_and_one_process_for_each_release_give_one_history(tmp_path: Path) -> None:
    series = [data for _, data in documents(real_data.IANA_BUNDLE, "pcep")]
    assert len(series) == 36
    at_once = import_series(tmp_path / "at once", [series])
    assert len(at_once) > 300
    assert import_series(tmp_path / "one by one", [[data] for data in series]) == at_once


def import_series(folder: Path, processes: Iterable[Sequence[bytes]]) -> list[Event]:
    """Import some releases after the others, as each process does it, with nothing read before; return all events."""
    folder.mkdir()
    for releases in processes:
        with Store(folder / "history.db") as store:
            ingest = ReleaseIngest(
                assemble_parts(
                    "pcep",
                    settings=ReadSettings(registry="iana", format="xml"),
                    store=store,
                    archive=SnapshotArchive(folder / "snapshots"),
                )
            )
            for data in releases:
                ingest.ingest(Candidate(data=data, origin="a test"))
            events = [stored.event for stored in store.history.events.find(EventQuery())]
    return events


def test_two_processes_judge_the_same() -> None:
    real_data.bundle_versions(real_data.RECENT_IANA_BUNDLE)  # skips where there are no real releases
    # Sets of texts have another order in each process.
    digests = {
        subprocess.run(
            [sys.executable, "-m", __name__, "pcep", "dhcpv6-parameters"],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[2],
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def print_digest(group: str) -> None:
    """Print a digest of everything that the last releases of a group changed."""
    registry = REGISTRIES["iana"]
    contents = [read_content(data, registry) for _, data in [*documents(real_data.IANA_BUNDLE, group)][-6:]]
    answers = [explain(registry, *pair) for pair in (*pairwise(contents), (contents[0], contents[-1]))]
    sys.stdout.write(hashlib.sha256(repr(answers).encode()).hexdigest())


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print_digest(argument)
