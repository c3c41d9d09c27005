"""Random lists against real releases: `history --inventory` gives what a filter over everything gives."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support import real_data
from tests.support.shared_folder import fill_once
from watcher.core.model import Comparison, Event, Section
from watcher.core.read_settings import ReadSettings
from watcher.core.value_ranges import parse_ranges
from watcher.inventory.model import Inventory, ListEntry
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.catalog import REGISTRIES
from watcher.reports.inventories import select_events
from watcher.store.event_query import EventQuery
from watcher.store.history_rows import StoredEvent
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SEED = 14
YEARLY = 1  # of the port releases of each year, drawn with the seed
GROUPS = (*("tls-parameters", "dns-parameters", "cose"), *("http-fields", "http-status-codes", "bootp-dhcp-parameters"))
VERSIONS = 6  # of each group, drawn with the seed, and its last one


def draw_port_dates() -> list[str]:
    """Return dates of releases of every year, and the last one."""
    drawn = random.Random(SEED)  # noqa: S311 - a sample
    dates = real_data.ports_dates()
    years = sorted({date[:4] for date in dates})
    sample = [drawn.sample([date for date in dates if date.startswith(year)], YEARLY) for year in years]
    return sorted({*chain.from_iterable(sample), dates[-1]})


def draw_versions(group: str) -> Iterator[bytes]:
    """Yield some versions of a registry group in order, and its last one."""
    versions = [
        (month, blob, bundle)
        for bundle in (real_data.IANA_BUNDLE, real_data.RECENT_IANA_BUNDLE)
        for month, blob in real_data.bundle_versions(bundle).get(group, ())
    ]
    drawn = random.Random(f"{SEED} {group}").sample(versions, min(VERSIONS, len(versions)))  # noqa: S311 - a sample
    for month, _, _ in sorted({*drawn, versions[-1]}):
        yield real_data.iana_document(group, month)


def write_history(folder: Path) -> None:
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "kept")

        def ingest_all(source: str, registry: str, releases: Iterable[bytes]) -> None:
            settings = ReadSettings(registry=registry, format="xml")
            ingest = ReleaseIngest(assemble_parts(source, settings=settings, store=store, archive=archive))
            for number, data in enumerate(releases):
                ingest.ingest(Candidate(data=data, origin=str(number)))

        ingest_all("ports", "ports", (data for _, data in real_data.ports_releases(draw_port_dates())))
        for group in GROUPS:
            ingest_all(f"iana.{group}", "iana", draw_versions(group))


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with Store(fill_once(tmp_path_factory, "inventories", write_history) / "history.db") as store:
        yield store


def read_comparisons(history: Store, source: str) -> list[Comparison]:
    releases = history.history.list_releases(source)
    return [history.history.events.read_comparison(source, new, old) for old, new in pairwise(releases)]


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
    if entry.code and any(map(partial(is_same_code, entry.code), event.values)):
        return True
    names = {*event.service.split(", "), *event.values}
    rules = REGISTRIES["ports" if comparison.source == "ports" else "iana"]
    for place in event.changes:
        change = comparison.changes.changes[place]
        for item in (change.before, change.after):
            if item is not None and item.section is Section.ENTRY:
                names.update(rules.names(item))
    plain = {"".join(filter(str.isalnum, name.lower())) for name in names if name}
    return any("".join(filter(str.isalnum, name.lower())) in plain for name in entry.names)


def is_same_code(code: str, value: str) -> bool:
    mine, theirs = parse_ranges(code), parse_ranges(value)
    if not theirs:
        return code.strip().casefold() == value.strip().casefold()
    return any(
        one.overlaps(other)
        or (one.space == "" and other.space.startswith("octets") and one.low <= other.high and other.low <= one.high)
        for one in mine
        for other in theirs
    )


def compare_with_filter(
    history: Store, source: str, all_events: list[StoredEvent], entries: st.SearchStrategy[ListEntry], examples: int
) -> None:
    """Compare what random lists select with what a filter over all events of a source gives."""
    comparisons = read_comparisons(history, source)
    sizes: Counter[bool] = Counter()

    @given(st.lists(entries, min_size=1, max_size=12).map(tuple))
    @settings(deadline=None, max_examples=examples)
    def compare(listed: tuple[ListEntry, ...]) -> None:
        inventory = Inventory(name="x", list_format="list", sources=(source,), entries=listed)
        selected = select_events(history.history, all_events, inventory)
        by_release: dict[int, list[str]] = {}
        for stored in selected:
            by_release.setdefault(stored.release.place, []).append(stored.event.fingerprint)
        found = [fingerprint for place in sorted(by_release) for fingerprint in sorted(by_release[place])]
        assert found == expected_events(comparisons, listed)
        sizes[bool(found)] += 1

    compare()
    assert sizes[True] > sizes[False] / 4  # most lists are about something


def test_random_lists_of_ports_give_what_a_filter_over_the_whole_history_gives(history: Store) -> None:
    assert {date[:4] for date in draw_port_dates()} == {str(year) for year in range(2017, 2024)}
    all_events = history.history.events.find(EventQuery(sources=("ports",)))
    names = sorted({name for stored in all_events for name in stored.event.service.split(", ") if name})
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
    compare_with_filter(history, "ports", all_events, entries, 30)


@pytest.mark.parametrize("group", GROUPS)
def test_random_lists_of_codes_give_what_a_filter_over_the_whole_history_gives(history: Store, group: str) -> None:
    source = f"iana.{group}"
    all_events = history.history.events.find(EventQuery(sources=(source,)))
    values = sorted({value for stored in all_events for value in stored.event.values})
    rows = history.history.events.read_names(stored.row for stored in all_events)
    names = sorted({name for listed in rows.values() for name in listed if name})
    assert len(values) > 5
    entries = st.builds(
        ListEntry,
        name=st.just("") | st.sampled_from(names) | st.sampled_from(names).map(str.upper),
        code=st.just("") | st.sampled_from(values) | st.integers(0, 300).map(str),
    )
    compare_with_filter(history, source, all_events, entries, 12)
