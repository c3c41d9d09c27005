"""Old releases are imported in any order from files, folders and repositories, and give one history."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.environment import content_of, rows
from tests.support.imports import import_files
from tests.support.port_releases import Row, release, reserved, tcp, udp, unassigned
from watcher.core.errors import StoreError, UsageError
from watcher.core.read_settings import ReadSettings
from watcher.formats.catalog import FORMATS
from watcher.monitor import importer
from watcher.monitor.importer import ImportReport
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.result import Outcome
from watcher.monitor.source_parts import assemble_parts
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d" * 32 + b"\nsize 12345\n"
SERIES = [
    ("2019-01-01", [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]),
    (
        "2019-02-01",
        [tcp("a", "1"), udp("b", "2"), tcp("c", "5"), unassigned("3-4"), unassigned("6-9"), Row(name="rdp")],
    ),
    ("2019-02-01", [tcp("a", "1", notes="n"), udp("b", "2"), tcp("c", "6"), reserved("5", "tcp"), Row(name="rdp")]),
    ("2019-03-01", [tcp("a", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp"), Row(name="rdp")]),
    ("2019-04-01", [tcp("z", "1"), udp("b", "2"), unassigned("3-9"), Row(name="rdp")]),
]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "old"
    folder.mkdir()
    paths = []
    for number, (date, records) in enumerate(SERIES):
        paths.append(folder / f"{number}.xml")
        paths[-1].write_bytes(release(records, date))
    return paths


def take(
    folder: Path,
    paths: Sequence[str],
    source: str = "ports",
    settings: ReadSettings = ReadSettings(registry="ports", format="xml"),  # noqa: B008 - never changed
) -> ImportReport:
    folder.mkdir(exist_ok=True)
    with Store(folder / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(source, settings=settings, store=store, archive=SnapshotArchive(folder / "snapshots"))
        )
        return import_files(ingest, paths, settings.format)


def history(folder: Path) -> list[object]:
    return content_of(rows(folder / "history.db"))


def test_every_order_of_import_gives_one_history(tmp_path: Path, files: list[Path]) -> None:
    folder = tmp_path / "in-order"
    take(folder, list(map(str, files)))
    expected = history(folder)
    assert len(rows(folder / "history.db")["releases"]) == len(SERIES)
    orders = list(itertools.permutations(files))
    random.Random(7).shuffle(orders)  # noqa: S311 - no secret
    for number, order in enumerate(orders[:12]):
        for path in order:
            take(tmp_path / str(number), [str(path)])
        assert history(tmp_path / str(number)) == expected


def test_the_files_of_one_command_are_imported_in_the_order_of_their_dates(tmp_path: Path, files: list[Path]) -> None:
    undated = tmp_path / "2018-12-31.csv"
    undated.write_text("no release, but a day in its name")
    given = [files[4], *files[:2], undated, files[3], files[2]]
    items = importer.find_items([*map(str, given), str(files[0].parent)], "xml")
    first = [undated.name, *(name for number in range(3) for name in 2 * [files[number].name])]
    assert [item.name for item in items][: len(first)] == first
    assert len(items) == len(given) + len(files)


def test_importing_again_changes_nothing(tmp_path: Path, files: list[Path]) -> None:
    folder = tmp_path / "store"
    # Two bear one date: they are in the order of their file names.
    assert take(folder, [str(files[0].parent)]).outcomes == {Outcome.BASELINE: 1, Outcome.CHANGED: 4}
    before = rows(folder / "history.db")
    assert take(folder, [str(files[0].parent)]).outcomes == {Outcome.UNCHANGED: 5}
    assert rows(folder / "history.db") == before


def test_the_releases_of_one_command_are_one_transaction_and_each_file_is_synced_once(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    synced: list[str] = []
    take(folder, [str(files[0])])
    sync = os.fsync

    def write_down(file: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        sync(file)

    monkeypatch.setattr(os, "fsync", write_down)
    before = count_transactions(folder)
    take(folder, [*map(str, files)])
    assert count_transactions(folder) == before + 1
    # The four new snapshots, then their folder.
    assert [name.endswith(".tmp") for name in synced] == [True, True, True, True, False]


def count_transactions(folder: Path) -> int:
    """Return how many transactions wrote to the history: SQLite counts them in its header (fileformat2, 1.3.7)."""
    return int.from_bytes((folder / "history.db").read_bytes()[24:28])


def test_a_batch_that_fails_leaves_nothing_and_the_next_import_is_whole(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    take(folder, [*map(str, files[:2])])
    before, snapshots = rows(folder / "history.db"), [*(folder / "snapshots").rglob("*")]

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(StoreError, match="cannot be written: No space left on device"):
            take(folder, [*map(str, files)])
    assert rows(folder / "history.db") == before
    assert [*(folder / "snapshots").rglob("*")] == snapshots
    take(folder, [*map(str, files)])
    take(tmp_path / "other", [*map(str, files)])
    assert history(folder) == history(tmp_path / "other")


def test_an_older_release_goes_where_it_belongs(tmp_path: Path, files: list[Path]) -> None:
    folder = tmp_path / "store"
    take(folder, [str(files[0]), str(files[4])])
    assert take(folder, [str(files[3])]).outcomes == {Outcome.INSERTED: 1}
    tables = rows(folder / "history.db", "releases", "events")
    order = {row["id"]: row["published"] for row in tables["releases"]}
    assert [(order[row["release_id"]], row["summary"]) for row in tables["events"]] == [
        ("2019-04-01", "service name rdp withdrawn (no protocol)"),
        ("2019-04-01", "1/tcp reassigned from a to z"),
    ]


def test_a_file_that_is_no_release_is_refused_by_name_and_the_rest_is_imported(
    tmp_path: Path, files: list[Path]
) -> None:
    (files[0].parent / "page.xml").write_text("<html>404</html>")
    report = take(tmp_path / "store", [str(files[0].parent)])
    assert [(Path(origin).name, reason) for origin, reason in report.refused] == [
        ("page.xml", "line 1: a web page was served in place of the registry")
    ]
    assert sum(report.outcomes.values()) == 5


@pytest.mark.parametrize("at", ["{}/ports.xml", "ports-{}.xml"])
def test_releases_of_one_date_are_in_the_order_of_the_days_of_their_files(tmp_path: Path, at: str) -> None:
    # Content decides between equal days, so some of these would be reversed without the day.
    days = [f"2019-02-{day:02}" for day in range(3, 9)]
    paths = []
    for number, day in enumerate(days):
        paths.append(tmp_path / "old" / at.format(day))
        paths[-1].parent.mkdir(parents=True, exist_ok=True)
        paths[-1].write_bytes(release([tcp("a", str(number + 1))], "2019-02-01"))
    orders = list(itertools.permutations(paths))
    random.Random(7).shuffle(orders)  # noqa: S311 - no secret
    for number, order in enumerate([paths, paths[::-1], *orders[:4]]):
        folder = tmp_path / str(number)
        for path in order:
            take(folder, [str(path)])
        assert ports_in_order(folder) == ["1", "2", "3", "4", "5", "6"]
        assert history(folder) == history(tmp_path / "0")
        rebuild(folder)
        assert history(folder) == history(tmp_path / "0")


@pytest.mark.parametrize("at", ["{}.xml", "v{}/ports.xml"])
def test_releases_of_one_date_from_files_without_a_day_are_in_the_order_of_their_names(tmp_path: Path, at: str) -> None:
    # In the order of their digests, or of their names as text (10 before 8), they would be another history.
    paths = [tmp_path / "old" / at.format(number) for number in range(7, 12)]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(release([tcp("a", str(number + 1))], "2019-02-01"))
    for number, order in enumerate((paths, paths[::-1], paths[2:] + paths[:2])):
        folder = tmp_path / str(number)
        for path in order:
            take(folder, [str(path)])
        assert ports_in_order(folder) == ["1", "2", "3", "4", "5"]
        rebuild(folder)
        assert history(folder) == history(tmp_path / "0")


def test_a_name_with_a_day_counts_before_one_without(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.xml", "2019-02-03.xml", "2019-02-04.xml")]
    for path, port in zip(paths, "221", strict=True):
        path.write_bytes(release([tcp("a", port)], "2019-02-01"))
    for number, order in enumerate(itertools.permutations(paths)):
        for path in order:
            take(tmp_path / str(number), [str(path)])
        assert ports_in_order(tmp_path / str(number)) == ["2", "1"], order


def test_of_the_same_release_in_two_folders_the_earlier_day_counts(tmp_path: Path) -> None:
    paths = []
    for day, port in (("2019-02-03", "1"), ("2019-02-04", "2"), ("2019-02-05", "1"), ("2019-02-06", "2")):
        paths.append(tmp_path / day / "ports.xml")
        paths[-1].parent.mkdir()
        paths[-1].write_bytes(release([tcp("a", port)], "2019-02-01"))
    for number, order in enumerate(itertools.permutations(paths)):
        for path in order:
            take(tmp_path / str(number), [str(path)])
        assert ports_in_order(tmp_path / str(number)) == ["1", "2"], order
        assert history(tmp_path / str(number)) == history(tmp_path / "0")


def ports_in_order(folder: Path) -> list[str]:
    """The port of the one entry of each release, in the order of the history."""
    with Store(folder / "history.db") as store:
        return [
            item.key.part("port")
            for stored in store.history.list_releases("ports")
            for item in store.history.read_content("ports", stored).items.values()
            if item.key.part("port")
        ]


def rebuild(folder: Path) -> None:
    with Store(folder / "history.db") as store:
        archive = SnapshotArchive(folder / "snapshots")
        ReleaseIngest(
            assemble_parts("ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive)
        ).rebuild()


def git(repository: Path, *arguments: str, when: int = 0) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    stamp = f"{1_550_000_000 + when * 86400} +0000"
    environment |= {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp, "HOME": str(repository)}
    subprocess.run(
        ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(repository), *arguments],
        check=True, capture_output=True, env=environment,
    )  # fmt: skip


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Five releases in a folder of a repository, with a deletion, an error page and other files between."""
    folder = tmp_path / "mirror"
    (folder / "assignments").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    path = folder / "assignments" / "ports.xml"
    for number, (date, records) in enumerate(SERIES):
        path.write_bytes(release(records, date))
        git(folder, "add", ".", when=number)
        git(folder, "commit", "-q", "-m", date, when=number)
        if number == 1:
            git(folder, "rm", "-q", "assignments/ports.xml", when=number)
            git(folder, "commit", "-q", "-m", "gone", when=number)
            path.parent.mkdir(exist_ok=True)
            path.write_text("<html>maintenance</html>")
            (folder / "other").write_text("x")
            git(folder, "add", ".", when=number)
            git(folder, "commit", "-q", "-m", "a page", when=number)
    return folder


@pytest.mark.parametrize("bare", [False, True])
def test_each_commit_that_changed_a_path_is_imported(tmp_path: Path, repository: Path, bare: bool) -> None:
    if bare:
        git(tmp_path, "clone", "-q", "--bare", str(repository), "clone.git")
        repository = tmp_path / "clone.git"
    report = take(tmp_path / "store", [f"git:{repository}:assignments/ports.xml"])
    assert sum(report.outcomes.values()) == 5
    assert len(report.refused) == 1
    receipts = list(SnapshotArchive(tmp_path / "store" / "snapshots").list_snapshots("ports"))
    assert min(str(receipt.observed) for receipt in receipts) == "2019-02-12T19:33:20Z"
    assert all(receipt.origin.startswith(f"git:{repository}:assignments/ports.xml@") for receipt in receipts)


def test_commits_are_in_their_order_whatever_their_author_dates_say(tmp_path: Path) -> None:
    folder = tmp_path / "mirror"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number, when in enumerate((3, 3, 3, 1, 4)):
        (folder / "ports.xml").write_bytes(release([tcp("a", str(number + 1))], "2019-02-01"))
        git(folder, "add", ".", when=when)
        git(folder, "commit", "-q", "-m", "x", when=when)
    take(tmp_path / "store", [f"git:{folder}:ports.xml"])
    assert ports_in_order(tmp_path / "store") == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/no/such/place", "no such file or folder"),
        (f"/{'long' * 100}", "cannot be read: File name too long"),
        ("git:/no/such/place:x.xml", "cannot change to"),
        ("git:~no-such-user/place:x.xml", "cannot change to"),
        (f"git:/{'long' * 100}:x.xml", "cannot change to"),
        ("git:x.xml", "a repository is written git:REPO:PATH"),
        ("git:{repository}:other.xml", "no commit of this repository has a file other.xml"),
        ("{empty}", "no file in this folder ends in .xml"),
    ],
)
def test_a_path_that_cannot_be_imported_is_named(tmp_path: Path, repository: Path, path: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=message):
        take(tmp_path / "store", [path.format(repository=repository, empty=tmp_path / "empty")])


def test_a_folder_that_cannot_be_read_is_refused_and_the_others_are_imported(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = files[0].parent / "closed"
    closed.mkdir()
    scan = os.scandir

    def refuse(path: str | os.PathLike[str]) -> object:  # the tests may run as root, who can read every folder
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(closed))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    report = take(tmp_path / "store", [str(files[0].parent)])
    assert report.refused == [(str(closed), "Permission denied")]
    assert sum(report.outcomes.values()) == 5


def test_a_git_lfs_pointer_and_a_name_in_another_encoding_do_not_end_the_import(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    (folder / "a.xml").write_bytes(LFS_POINTER)
    Path(os.fsdecode(bytes(folder) + b"/b\xff.XML")).write_bytes(release([tcp("a", "1")], "2019-02-01"))
    report = take(tmp_path / "store", [str(folder)])
    assert [(Path(origin).name, reason.partition(",")[0]) for origin, reason in report.refused] == [
        ("a.xml", "is a Git LFS pointer")
    ]
    (receipt,) = SnapshotArchive(tmp_path / "store" / "snapshots").list_snapshots("ports")
    assert receipt.origin == f"{folder}/b\\xff.XML"


RECORDS = "File-Date: 2019-02-01\n%%\nType: a\nSubtag: x\n%%\n"


@pytest.mark.parametrize(
    "name", ["language-subtag-registry", "lsr.2019-02-01", "lsr.txt", "lsr.TXT", "a.record-jar", "a.jar"]
)
def test_record_jars_are_found_in_a_folder_whatever_their_suffix(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(RECORDS)
    (tmp_path / ".hidden").write_text("x")
    (tmp_path / "page.html").write_text("x")
    items = importer.find_items([str(tmp_path)], *FORMATS["record-jar"].file_suffixes)
    assert [item.name for item in items] == [name]


TABLES = {"2019-01-08": "1,one\n", "2019-02-01": "1,one\n2,two\n", "2019-03-01": "1,uno\n2,two\n"}


def take_tables(folder: Path, paths: Sequence[str]) -> ImportReport:
    return take(folder, paths, "t", ReadSettings(registry="iana", format="csv"))


def dates(folder: Path) -> list[tuple[str, str]]:
    return [(row["dated"], row["observed"]) for row in sorted(rows(folder / "history.db")["releases"], key=by_place)]


def by_place(row: Mapping[str, int]) -> int:
    return row["place"]


def test_a_table_counts_for_the_day_its_file_is_called_after(tmp_path: Path) -> None:
    names = ("a-{}.csv", "{}/b.csv", "2001-01-01/c_{}.csv")
    files = []
    for name, (date, text) in zip(names, TABLES.items(), strict=True):
        files.append(tmp_path / name.format(date.replace("-", "") if name.startswith("a") else date))
        files[-1].parent.mkdir(exist_ok=True)
        files[-1].write_text("Value,Name\n" + text)
    for number, order in enumerate(itertools.permutations(files)):
        folder = tmp_path / f"store-{number}"
        for path in order:
            take_tables(folder, [str(path)])
        assert dates(folder) == [(date, f"{date}T00:00:00Z") for date in TABLES]
        assert history(folder) == history(tmp_path / "store-0")


def test_of_the_same_table_under_two_dates_the_earlier_counts(tmp_path: Path) -> None:
    for date in ("2019-02-01", "2019-01-08"):
        (tmp_path / f"{date}.csv").write_text("Value,Name\n1,one\n")
        take_tables(tmp_path / "store", [str(tmp_path / f"{date}.csv")])
    assert dates(tmp_path / "store") == [("2019-01-08", "2019-01-08T00:00:00Z")]


def states(folder: Path) -> list[tuple[str, str]]:
    """The days on which something else began to stand, and what."""
    with Store(folder / "history.db") as store:
        queries = store.history
        return [
            (
                stored.dated,
                "".join(item.fields.get("Name", "") for item in queries.read_content("t", stored).items.values()),
            )
            for stored in queries.list_releases("t")
        ]


@pytest.mark.parametrize("word", ["ABA", "ABAA", "AABA", "ABAB", "ABBA", "AAABCA", "ABACBA", "AA"])
def test_a_state_that_came_back_is_in_the_history_again_in_whatever_order_it_is_imported(
    tmp_path: Path, word: str
) -> None:
    days = [f"2019-{month:02}-01" for month in range(1, len(word) + 1)]
    files = []
    for day, name in zip(days, word, strict=True):
        files.append(tmp_path / f"{day}.csv")
        files[-1].write_text(f"Value,Name\n1,{name}\n")
    expected = [(day, name) for day, name, before in zip(days, word, " " + word, strict=False) if name != before]
    orders = list(itertools.permutations(files))
    random.Random(7).shuffle(orders)  # noqa: S311 - no secret
    first: list[object] = []
    for number, order in enumerate(dict.fromkeys([(*files,), (*files[::-1],), *orders[:24]])):
        folder = tmp_path / f"store-{number}"
        for path in order:
            take_tables(folder, [str(path)])
        assert states(folder) == expected, order
        first = first or history(folder)
        assert history(folder) == first
        before = rows(folder / "history.db")
        take_tables(folder, list(map(str, order)))
        assert rows(folder / "history.db") == before
        with Store(folder / "history.db") as store:
            archive = SnapshotArchive(folder / "snapshots")
            ingest = ReleaseIngest(
                assemble_parts("t", settings=ReadSettings(registry="iana", format="csv"), store=store, archive=archive)
            )
            assert ingest.rebuild().releases == len(expected)
        assert history(folder) == first


@pytest.mark.parametrize(
    "name", ["2019-01-08/old/a.csv", "2019-13-40.csv", "12019-01-08.csv", "RFC2019.csv", "2019-01-082.csv"]
)
def test_what_only_looks_like_a_date_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("Value,Name\n1,one\n")
    take_tables(tmp_path / "store", [str(tmp_path / name)])
    assert dates(tmp_path / "store") == [("", None)]


def test_a_document_with_a_date_is_not_dated_by_its_file_name(tmp_path: Path) -> None:
    path = tmp_path / "2020-01-01.xml"
    path.write_bytes(release(SERIES[0][1], "2019-01-01"))
    take(tmp_path / "store", [str(path)])
    assert dates(tmp_path / "store") == [("2019-01-01", None)]
