"""Releases that are archived first and become a history later: that which an import of all of them makes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.environment import content_of, open_environment, rows
from tests.support.imports import import_files
from tests.support.port_releases import Row, release, reserved, tcp, udp, unassigned
from watcher.core.operations import HoldState
from watcher.core.read_settings import ReadSettings
from watcher.formats.iana_xml import published_date
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import Outcome
from watcher.monitor.source_parts import assemble_parts
from watcher.store.repeated_snapshot import Observation
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

SERIES = [
    ("2019-01-01", [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]),
    ("2019-02-01", [tcp("a", "1"), udp("b", "2"), tcp("c", "5"), unassigned("3-4"), unassigned("6-9")]),
    ("2019-02-01", [tcp("a", "1", notes="n"), udp("b", "2"), tcp("c", "6"), reserved("5", "tcp"), Row(name="rdp")]),
    ("2019-03-01", [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]),
    ("2019-04-01", [tcp("z", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp")]),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    (tmp_path / "old").mkdir()
    paths = [tmp_path / "old" / f"{number}.xml" for number in range(len(SERIES))]
    for path, (date, records) in zip(paths, SERIES, strict=True):
        path.write_bytes(release(records, date))
    return paths


@contextmanager
def open_ingest(folder: Path, suffix: str = "xml") -> Iterator[ReleaseIngest]:
    """Open the history in a folder as one command does."""
    folder.mkdir(exist_ok=True)
    settings = ReadSettings(registry="ports", format=suffix)
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "snapshots")
        yield ReleaseIngest(assemble_parts("ports", settings=settings, store=store, archive=archive))


def history(folder: Path) -> list[object]:
    return content_of(rows(folder / "history.db"))


def import_one(folder: Path, path: Path, *, archive_only: bool) -> Outcome:
    with open_ingest(folder, path.suffix[1:]) as ingest:
        (outcome,) = import_files(ingest, [path], path.suffix[1:], archive_only=archive_only).outcomes
    return outcome


def test_archived_and_imported_releases_in_any_order_give_one_history(tmp_path: Path, files: list[Path]) -> None:
    with open_ingest(tmp_path / "in-order") as ingest:
        import_files(ingest, files, "xml")
    chance = random.Random(11)  # noqa: S311 - no secret
    for number in range(20):
        folder = tmp_path / str(number)
        for path in chance.sample(files, len(files)):
            import_one(folder, path, archive_only=chance.random() < 0.7)
        with open_ingest(folder) as ingest:
            if number % 2:
                assert ingest.rebuild().releases == len(SERIES)
            else:  # a release that is known makes the others, too
                assert import_files(ingest, files[:1], "xml").outcomes.total() == 1
        assert history(folder) == history(tmp_path / "in-order")


def test_an_archived_release_is_in_no_history_until_the_next_import(tmp_path: Path, files: list[Path]) -> None:
    assert import_one(tmp_path, files[0], archive_only=False) is Outcome.BASELINE
    before = history(tmp_path)
    assert import_one(tmp_path, files[1], archive_only=True) is Outcome.ARCHIVED
    assert import_one(tmp_path, files[1], archive_only=True) is Outcome.UNCHANGED
    assert history(tmp_path) == before
    assert (
        import_one(tmp_path, files[0], archive_only=True) is Outcome.UNCHANGED
    )  # known: ingested, and so is the other
    assert len(rows(tmp_path / "history.db")["releases"]) == 2
    assert len({*(tmp_path / "snapshots/ports").iterdir()}) == 2


def test_an_import_in_the_same_process_makes_releases_of_what_was_archived(tmp_path: Path, files: list[Path]) -> None:
    with open_ingest(tmp_path) as ingest:
        for number, path in enumerate(files[:3]):
            import_files(ingest, [path], "xml", archive_only=number == 1)
    assert len(rows(tmp_path / "history.db")["releases"]) == 3


def test_what_is_no_release_is_refused_at_once_and_what_cannot_be_judged_at_the_rebuild(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    (page := tmp_path / "page.xml").write_bytes(b"<html>")
    with open_ingest(tmp_path) as ingest:
        report = import_files(ingest, [page, *files[:2]], "xml", archive_only=True)
        assert (len(report.refused), report.outcomes[Outcome.ARCHIVED]) == (1, 2)
        assert len([*SnapshotArchive(tmp_path / "snapshots").list_snapshots("ports")]) == 2
        monkeypatch.setattr("watcher.monitor.release_reader.explain", lambda *_: 1 / 0)
        assert len(ingest.rebuild().left_out) == 1
        monkeypatch.undo()
        # It was refused, so it is judged again.
        assert import_files(ingest, files[:2], "xml", archive_only=True).outcomes[Outcome.ARCHIVED] == 0
    assert len(rows(tmp_path / "history.db")["releases"]) == 2


def test_a_release_that_was_held_or_rejected_is_ingested(tmp_path: Path, files: list[Path]) -> None:
    archive = SnapshotArchive(tmp_path / "snapshots")
    seen = Observation(observed="2019-01-02T00:00:00Z", origin="x", live=True, accepted=False)
    archive.store_snapshot(files[0].read_bytes(), seen, source="ports", registry="ports", format="xml")
    assert import_one(tmp_path, files[0], archive_only=True) is Outcome.BASELINE


def test_a_table_without_a_date_is_ingested(tmp_path: Path) -> None:
    header = "Service Name,Port Number,Transport Protocol,Description\n"
    for day, text in (("2019-01-01", "a,1,tcp,\n"), ("2019-01-02", "a,2,tcp,\n"), ("2019-01-03", "a,1,tcp,\n")):
        (tmp_path / f"{day}.csv").write_text(header + text)
    outcomes = [import_one(tmp_path, path, archive_only=True) for path in sorted(tmp_path.glob("*.csv"))]
    assert Outcome.ARCHIVED not in outcomes
    assert len(rows(tmp_path / "history.db")["releases"]) == 3


ROOT = b'<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">'
DATE = b"<updated>2020-01-02</updated>"


@pytest.mark.parametrize(
    ("head", "date"),
    [
        (ROOT + b"<title>t</title>" + DATE, "2020-01-02"),
        (b"<!-- <registry>" + DATE + b" -->" + ROOT, None),
        (ROOT + b"<registry id='x'>" + DATE, None),
        (ROOT + b"<record/>" + DATE, None),
        (ROOT + b"<people><person id='a'>" + DATE, None),
        (ROOT + b"<!-- " + DATE + b" -->", None),
        (ROOT + b"<updated>2020-13-02</updated>", None),
        (ROOT + b" " * 9000 + DATE, None),
        (DATE, None),
        (b"<html>" + DATE, None),
    ],
)
def test_the_date_of_a_document_is_that_of_its_root_or_unknown(head: bytes, date: str | None) -> None:
    assert published_date(b"<?xml version='1.0'?>" + head) == date


def test_a_cut_file_is_refused_and_a_document_without_a_plain_date_is_ingested(
    tmp_path: Path, files: list[Path]
) -> None:
    (cut := tmp_path / "cut.xml").write_bytes(files[0].read_bytes()[:-20])
    (other := tmp_path / "other.xml").write_bytes(files[1].read_bytes().replace(b"<updated>", b"<!-- --><updated>"))
    with open_ingest(tmp_path) as ingest:
        report = import_files(ingest, [cut, other], "xml", archive_only=True)
    assert [origin for origin, _ in report.refused] == [str(cut)]
    assert {*report.outcomes} == {Outcome.BASELINE}


@pytest.mark.parametrize("archive_only", [False, True])
def test_a_check_that_is_served_an_archived_release_has_seen_it(tmp_path: Path, archive_only: bool) -> None:
    first, second = (release([tcp("a", str(port))], f"2021-01-0{port}") for port in (1, 2))
    (tmp_path / "second.xml").write_bytes(second)
    with open_environment(tmp_path) as env:
        env.check(first)
        with env.service() as service:
            ingest = service.ingest(service.source("ports"))
            import_files(ingest, [tmp_path / "second.xml"], "xml", archive_only=archive_only)
        assert env.check(second).outcome is Outcome.UNCHANGED
        (snapshot,) = [info for info in SnapshotArchive(tmp_path / "snapshots").list_snapshots() if info.number == 1]
        assert (snapshot.live, snapshot.observed is None) == (True, False)
        assert rows(tmp_path / "history.db")["releases"][-1]["live"]
        assert env.alerts == []


@pytest.mark.parametrize("archive_only", [False, True])
def test_the_hold_of_a_release_that_is_archived_in_other_bytes_ends_with_the_rebuild(
    tmp_path: Path, archive_only: bool
) -> None:
    many = [tcp(f"s{port}", str(port)) for port in range(1, 600)]
    (tmp_path / "other.xml").write_bytes(release(many[:3], "2021-01-02") + b"\n")
    with open_environment(tmp_path) as env:
        env.check(release(many, "2021-01-01"))
        assert env.check(release(many[:3], "2021-01-02")).outcome is Outcome.HELD
        with env.service() as service:
            ingest = service.ingest(service.source("ports"))
            import_files(ingest, [tmp_path / "other.xml"], "xml", archive_only=archive_only)
            ingest.rebuild()
            (hold,) = service.store.holds.list_holds("ports")
        assert (hold.state, hold.by) == (HoldState.ACCEPTED, "import")
