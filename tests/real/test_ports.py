"""335 real releases of the port registry, 2017 to 2023: exact, complete, in the registry's own words."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.monitor.test_importer import history
from tests.support import real_data
from tests.support.change_sets import apply, invert
from tests.support.imports import import_files
from tests.support.port_releases import PORTS
from watcher.core.errors import ParseError
from watcher.core.model import ChangeSet, Content, Event, Item, ItemKey, Section
from watcher.core.read_settings import ReadSettings
from watcher.diff.classify import explain
from watcher.diff.compare import compare
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.formats.iana_xml import reader
from watcher.formats.iana_xml.reader import read_whole
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.registries.context import ItemIndexes
from watcher.registries.shared.assignment import is_assigned
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SLICES = 8  # so that several processes can share the work
# What some releases changed: the id of an event, and words of its sentence.
EXAMPLES = (
    ("2020-07-07", "port-assigned", "7234/tcp assigned to asa-gateways (was unassigned)"),
    ("2017-12-22", "port-assigned", "5683/tcp assigned to coap (was reserved)"),
    ("2018-01-16", "service-name-registered", "iqp"),
    ("2017-05-18", "port-deassigned", "47/tcp"),
    ("2018-04-19", "port-deassigned", "toruxserver"),
    ("2019-01-09", "service-moved", "cfg-cloud moved from 8010/tcp to 8015/tcp; 8010 is now reserved"),
    ("2018-03-27", "service-renamed", "nvm-express renamed to nvme"),
    ("2017-05-16", "service-renamed", "visicron-vs renamed to trueconf"),
    ("2022-04-14", "service-renamed", "core-rd-dtls renamed to core-rd-tls"),
    ("2017-08-24", "port-reassigned", "csd-mgmt-port to xplat-replicate"),
    ("2018-12-19", "port-reassigned", "862/udp"),
    ("2017-06-05", "contact-changed", "smtp 25/tcp"),
    ("2019-02-19", "contact-updated", "Reijo_Sirila"),
    ("2019-08-09", "unauthorized-use-reported", "mtrace 33435/udp"),
    ("2021-10-25", "registry-note-changed", "expert"),
)
COMPARED = ("2017-12-23", "2018-01-16", "2019-01-09")


def before(date: str) -> str:
    dates = real_data.ports_dates()
    return dates[dates.index(date) - 1]


@cache
def contents() -> Mapping[str, Content]:
    """Return the releases that a few tests compare, by date. Read one after the other, which takes a fifth as long."""
    incremental = IncrementalReader(PORTS)
    dates = sorted({*COMPARED, *map(before, COMPARED)})
    return {date: incremental.read(data) for date, data in real_data.ports_releases(dates)}


def explained(date: str) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return what one of these releases changed after the one before it."""
    return explain(PORTS, contents()[before(date)], contents()[date])


@pytest.mark.parametrize("number", range(SLICES))
def test_every_release_reads_with_exact_differences_and_the_expected_events(number: int) -> None:
    dates = real_data.ports_dates()
    size = -(-len(dates) // SLICES)
    incremental = IncrementalReader(PORTS)
    old: Content | None = None
    indexes = ItemIndexes()  # carried from release to release, as a check and an import do
    removed: list[str] = []
    # Each slice begins with the last of the one before: no pair is left out.
    for date, data in real_data.ports_releases(dates[max(number * size - 1, 0) : (number + 1) * size]):
        new = incremental.read(data)
        assert new.published == date
        assert [problem.code for problem in new.problems] == ["duplicate_key"]
        assert new.entries == data.count(b"<record")
        if old is not None:
            changes, events = explain(PORTS, old, new, indexes=indexes)
            assert apply(changes, old.items) == new.items
            assert apply(invert(changes), new.items) == old.items
            removed += [f"{date} {name}" for event in events for name in false_removals(event, old, new)]
            described = [(event.id, event.summary) for event in events]
            for _, expected, words in (example for example in EXAMPLES if example[0] == date):
                assert any(event == expected and words in summary for event, summary in described), (words, described)
        old = new
    assert removed == []


def test_every_example_is_a_release_with_one_before_it() -> None:
    assert {date for date, _, _ in EXAMPLES} <= set(real_data.ports_dates()[1:])


def test_releases_far_apart_differ_exactly() -> None:
    """Nine releases, each read once: the first, the last and seven between, in pairs from days to seven years apart."""
    dates = real_data.ports_dates()
    chosen = sorted({dates[0], dates[-1], *random.Random(20261124).sample(dates[1:-1], 7)})  # noqa: S311 - no secret
    incremental = IncrementalReader(PORTS)
    contents = [incremental.read(data) for _, data in real_data.ports_releases(chosen)]
    for one, other in [*pairwise(contents), (contents[0], contents[-1]), (contents[-1], contents[1])]:
        changes = compare(one, other, PORTS.pairing_rules(one, other))
        assert apply(changes, one.items) == other.items
        assert apply(invert(changes), other.items) == one.items


def false_removals(event: Event, old: Content, new: Content) -> Iterator[str]:
    """Yield a line for each service reported as removed that only has another name or another port."""
    if event.id not in ("port-deassigned", "port-released", "service-name-withdrawn"):
        return
    if event.id == "service-name-withdrawn" and not event.ports:
        return
    # A name that had two ports and lost one has not moved: only a port that is new to it shows a move.
    # A name that stays without a port (47/tcp ni-ftp, 2017-05-18) has lost its port, not moved.
    arrived = {
        (item.key.part("name"), protocol)
        for item, protocol in _services(new)
        if item.key.part("port") and _at(item) not in old.items
    }
    places = {(item.key.part("port"), protocol) for item, protocol in _services(new)}
    before_places = {(item.key.part("port"), protocol): item.key.part("name") for item, protocol in _services(old)}
    for protocol in event.protocols or ("",):
        if event.id != "service-name-withdrawn" and (event.service, protocol) in arrived:
            yield f"{event.summary}: the name has another port"
        for port in event.ports:
            if (port, protocol) in places and before_places.get((port, protocol)) == event.service:
                yield f"{event.summary}: the port has a service"


def _at(item: Item) -> ItemKey:
    return item.section, item.key


def _services(content: Content) -> Iterator[tuple[Item, str]]:
    for (section, key), item in content.items.items():
        if section is Section.ENTRY and is_assigned(item) and key.part("name"):
            yield item, key.part("protocol")


def test_a_reserved_row_of_the_other_protocol_is_part_of_the_assignment() -> None:
    events = explained("2018-01-16")[1]
    assert not [event for event in events if event.id == "port-reserved" and "8004" in event.ports]
    assert any(event.id == "port-assigned" and "8004" in event.ports for event in events)


def test_a_new_date_alone_is_no_event() -> None:
    changes, events = explained("2017-12-23")
    assert (len(changes.changes), events) == (1, ())


def test_a_move_has_the_rows_that_were_redrawn_for_it() -> None:
    changes, events = explained("2019-01-09")
    moved = next(event for event in events if event.id == "service-moved")
    touched = {changes.changes[index].item.key.part("port") for index in moved.changes}
    assert {"8010", "8015"} <= touched
    # The two contacts of which only the date changed are quiet as well.
    assert sum(change.quiet for change in changes.changes if change.section is Section.ENTRY) == 6


def test_reading_in_chunks_gives_the_same_as_reading_whole() -> None:
    for date in ("2017-03-10", "2020-04-07", "2023-12-27"):
        data = real_data.ports_release(date)
        whole, cut = read_whole(data, PORTS.columns), reader.read(data, PORTS.columns)
        assert [row.fields for row in whole.rows] == [row.fields for row in cut.rows]
        assert [row.fields for row in whole.contacts] == [row.fields for row in cut.contacts]
        assert whole.headers == cut.headers


def test_in_order_out_of_order_and_rebuilt_is_one_history(tmp_path: Path) -> None:
    dates = ("2018-12-19", "2019-01-08", "2019-01-09", "2019-02-19", "2020-07-07")
    files = []
    for date, data in real_data.ports_releases(dates):
        files.append(tmp_path / f"{date}.xml")
        files[-1].write_bytes(data)
    # Two before all others, one after them, two between: test_release_writer has every order of a small series.
    out_of_order = [files[index] for index in (3, 1, 0, 4, 2)]
    histories = []
    for name, order in (("in-order", files), ("out-of-order", out_of_order)):
        folder = tmp_path / name
        folder.mkdir()
        with Store(folder / "history.db") as store:
            archive = SnapshotArchive(folder / "snapshots")
            ingest = ReleaseIngest(
                assemble_parts(
                    "ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive
                )
            )
            for path in order:
                import_files(ingest, [path], "xml")
            histories.append(history(folder))
            if order is out_of_order:
                assert ingest.rebuild().releases == len(dates)
                histories.append(history(folder))
    assert histories[0] == histories[1] == histories[2]


@pytest.mark.parametrize("name", ["truncated-2019-02-12.xml", "error-pages"])
def test_a_file_served_in_place_of_a_release_is_refused(name: str) -> None:
    path = next(real_data.accidents().rglob(name))
    files = [path] if path.is_file() else sorted(path.iterdir())
    assert files
    for file in files:
        with pytest.raises(ParseError):
            read_content(file.read_bytes(), PORTS)
