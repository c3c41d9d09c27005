"""Random lists against real port releases: `history --inventory` gives what a filter over everything gives."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import real_data
from watcher.core.model import Comparison, Event, Section
from watcher.core.read_settings import ReadSettings
from watcher.inventory.model import Inventory, ListEntry
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.reports.inventories import select_events
from watcher.store.event_query import EventQuery
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

STEP = 40  # every so many releases: 9 of 335, with the last


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder = tmp_path_factory.mktemp("inventories")
    dates = [*real_data.ports_dates()[::-STEP]][::-1]
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "kept")
        ingest = ReleaseIngest(
            "ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive
        )
        for date, data in real_data.ports_releases(dates):
            ingest.ingest(Candidate(data=data, origin=date))
        yield store


@pytest.fixture(scope="module")
def comparisons(history: Store) -> list[Comparison]:
    releases = history.history.list_releases("ports")
    return [history.history.events.read_comparison("ports", new, old) for old, new in pairwise(releases)]


def expected_events(comparisons: list[Comparison], entries: tuple[ListEntry, ...]) -> list[str]:
    return [
        event.fingerprint
        for comparison in comparisons
        for event in sorted(comparison.events, key=lambda event: event.fingerprint)
        if any(is_about(event, comparison, entry) for entry in entries)
    ]


def is_about(event: Event, comparison: Comparison, entry: ListEntry) -> bool:
    """Compare one event and one entry in the plainest way: by numbers, and by the names before and after."""
    if entry.protocol and event.protocols and entry.protocol not in event.protocols:
        return False
    if entry.ports is not None:
        for text in event.ports:
            low, _, high = text.partition("-")
            if int(low) <= entry.ports[1] and entry.ports[0] <= int(high or low):
                return True
    items = [item for place in event.changes for item in vars_of(comparison, place)]
    names = {item.key.part("name") for item in items if item.section is Section.ENTRY}
    names |= {*event.service.split(", "), *event.values}
    plain = {"".join(filter(str.isalnum, name.lower())) for name in names if name}
    return any("".join(filter(str.isalnum, name.lower())) in plain for name in entry.names)


def vars_of(comparison: Comparison, place: int) -> list:  # type: ignore[type-arg]
    change = comparison.changes.changes[place]
    return [item for item in (change.before, change.after) if item is not None]


def test_random_lists_give_what_a_filter_over_the_whole_history_gives(
    history: Store, comparisons: list[Comparison]
) -> None:
    all_events = history.history.events.find(EventQuery(sources=("ports",)))
    names = sorted({name for comparison in comparisons for event in comparison.events for name in names_of(event)})
    ports = sorted({int(text.partition("-")[0]) for stored in all_events for text in stored.event.ports})
    assert len(names) > 300
    assert len(ports) > 200
    port = st.sampled_from(ports) | st.integers(0, 65535)
    ranges = st.tuples(port, st.sampled_from([0, 0, 0, 1, 10, 300])).map(lambda pair: (pair[0], min(sum(pair), 65535)))
    entries = st.builds(
        ListEntry,
        name=st.just("") | st.sampled_from(names) | st.sampled_from(names).map(str.upper),
        ports=st.none() | ranges,
        protocol=st.sampled_from(["", "tcp", "udp", "sctp"]),
    )

    @given(st.lists(entries, min_size=1, max_size=12).map(tuple))
    @settings(deadline=None, max_examples=40)
    def compare(listed: tuple[ListEntry, ...]) -> None:
        inventory = Inventory(name="x", list_format="list", sources=("ports",), entries=listed)
        selected = select_events(history.history, all_events, inventory)
        by_release: dict[int, list[str]] = {}
        for stored in selected:
            by_release.setdefault(stored.release.place, []).append(stored.event.fingerprint)
        found = [fingerprint for place in sorted(by_release) for fingerprint in sorted(by_release[place])]
        assert found == expected_events(comparisons, listed)

    compare()


def names_of(event: Event) -> list[str]:
    return [name for name in event.service.split(", ") if name]
