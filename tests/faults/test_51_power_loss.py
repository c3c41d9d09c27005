"""Whatever the moment at which the power goes, what was acknowledged is there; the rest is whole or not there.

Python's own SQLite takes no VFS from Python, apsw brings a SQLite of its own: so what is replayed through apsw is every
statement that our code gave to the real database during a real series (schema, migration, releases, events, holds,
checks, deliveries), as SQLite itself recorded it, with the pragmas and transactions that `Store` gave. What is
left on the disk is then opened by `Store`, as after a power cut.
"""

from __future__ import annotations

import random
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from unittest import mock

import apsw
import pytest

from tests.support.history_template import made_by_migrations
from tests.support.lossy_disk import Disk, LossyVfs, PowerCut
from tests.support.port_releases import release, tcp, unassigned
from tests.support.raw_sql import connection
from watcher.core.errors import StoreError
from watcher.core.operations import Delivery
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store.check_log import Check
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.sqlite_copy import find_damage
from watcher.store.store import Store

WRITES = (
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "CREATE",
    "ALTER",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SAVEPOINT",
    "RELEASE",
)
LEADING = re.compile(r"(\s*--[^\n]*(\n|$))*\s*")  # comments: also what the full-text index says to itself
CUTS = 40


class Recorded(sqlite3.Connection):
    """A connection that records its statements."""

    said: list[str]

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]
        self.set_trace_callback(self.said.append)


@contextmanager
def with_delivery(store: Store, delivery: Delivery) -> Iterator[None]:
    """Add a delivery to every transaction."""

    @contextmanager
    def transaction() -> Iterator[None]:
        with Store.transaction(store):
            yield
            store.outbox.add_deliveries([delivery], now=delivery.created)

    with mock.patch.object(store, "transaction", transaction):
        yield


def series(store: Store, archive: SnapshotArchive) -> None:
    """Releases, a held one among them, with what a check writes beside them."""
    ingest = ReleaseIngest(
        assemble_parts("ports", settings=ReadSettings(registry="ports", format="xml"), store=store, archive=archive)
    )
    at = datetime(2020, 1, 1, tzinfo=UTC)
    rows = [tcp("a", "1"), tcp("b", "2"), unassigned("3-9")]
    for number in range(6):
        data = release(
            [*rows, *(tcp(f"n{extra}", str(20 + extra)) for extra in range(4 * number))], f"2020-01-{number + 1:02}"
        )
        if number == 3:
            data = release(rows[:1], "2019-06-01")  # goes back: held
        now = (at + timedelta(days=number)).strftime("%Y-%m-%dT%H:%M:%SZ")
        delivery = Delivery(
            id=f"d{number}", channel="noc", recipient="", source="ports", release="", body="x" * 600, created=now
        )
        with with_delivery(store, delivery):
            result = ingest.ingest(Candidate(data=data, origin="test:", observed=now, live=True))
        check = Check(
            source="ports", at=now, outcome=result.outcome, reason=result.reason, message=result.message,
            sha256=result.sha256, release=result.release.digest if result.release else None, seconds=0.1,
        )  # fmt: skip
        store.checks.record_check(check, url="http://x/", registry="ports", validators=(f'"{number}"', None))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the database that our code made; `Recorded.said` has the statements that made it."""
    folder = tmp_path_factory.mktemp("series")
    Recorded.said = []
    connect = sqlite3.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, factory=Recorded, **more))
        with made_by_migrations(), Store(folder / "history.db") as store:
            patch.undo()
            series(store, SnapshotArchive(folder / "snapshots"))
    return folder / "history.db"


@pytest.fixture(scope="module")
def statements(real: Path) -> Sequence[str]:
    """Return the statements that our code gives to SQLite, the pragmas first."""
    texts = [text[LEADING.match(text).end() :] for text in Recorded.said]  # type: ignore[union-attr]
    statements = [text for text in texts if text.startswith(("PRAGMA", *WRITES))]
    # A statement is reported once more for each trigger that it fires.
    return [text for text, _ in groupby(statements)]


def state(connection: sqlite3.Connection) -> dict[str, list[tuple[object, ...]]]:
    """Every row but those of the full-text indexes, which each version of SQLite lays out its own way."""
    named = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1")
    tables = [name for (name,) in named if "_fts" not in name]
    return {name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr) for name in tables}  # noqa: S608


def commits(executed: Sequence[str]) -> Iterator[int]:
    return (number for number, statement in enumerate(executed, 1) if statement == "COMMIT")


@pytest.fixture(scope="module")
def states(statements: Sequence[str]) -> list[dict[str, list[tuple[object, ...]]]]:
    """The tables after each commit, none included."""
    tables: list[dict[str, list[tuple[object, ...]]]] = [{}]
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as undisturbed:
        for statement in statements:
            if not statement.startswith("PRAGMA"):
                undisturbed.execute(statement)
            if statement == "COMMIT":
                tables.append(state(undisturbed))
    return tables


def run(disk: Disk, statements: Sequence[str], pragmas: Sequence[str]) -> list[int]:
    """Give the statements to SQLite until the power goes; return the disk's steps at each acknowledged commit."""
    vfs = LossyVfs(disk)
    acknowledged = []
    connection = None
    try:
        connection = apsw.Connection("/history.db", vfs="lossy")
        for statement in pragmas:
            connection.execute(statement).fetchall()
        for statement in statements:
            if not statement.startswith("PRAGMA"):
                connection.execute(statement)
            if statement == "COMMIT":
                acknowledged.append(disk.steps)
    except (apsw.Error, PowerCut):
        assert disk.dark
    if connection is not None:
        with suppress(apsw.Error, PowerCut):  # without power it cannot end well
            connection.close()
    vfs.unregister()
    return acknowledged


def pragmas(statements: Sequence[str], mode: str) -> list[str]:
    """Return the pragmas of `Store` for this journal; a WAL without shared memory needs the file for itself."""
    settings = [statement for statement in statements if statement.startswith("PRAGMA") and "=" in statement]
    kept = [statement for statement in settings if "journal_mode" not in statement]
    assert len(kept) < len(settings)
    alone = ["PRAGMA locking_mode = EXCLUSIVE"] if mode == "wal" else []
    return [*alone, *kept, f"PRAGMA journal_mode = {mode}"]


@pytest.mark.fault(51)
def test_what_was_recorded_is_what_was_done(real: Path, states: list[dict[str, list[tuple[object, ...]]]]) -> None:
    last = states[-1]
    with closing(sqlite3.connect(real)) as connection:
        assert state(connection) == last
    assert len(states) > 12
    assert all(last[table] for table in ("releases", "versions", "changes", "events", "held", "checks", "outbox"))


def cuts(statements: Sequence[str], given: Sequence[str], chance: random.Random) -> list[int]:
    """Moments to cut the power at: right after each commit, where most is promised, and anywhere."""
    whole = Disk()
    after = [step + 1 for step in run(whole, statements, given)]
    assert len(after) > 10
    return [*after, *(chance.randint(1, whole.steps) for _ in range(CUTS))]


@pytest.mark.fault(51)
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_what_was_acknowledged_survives_a_power_cut_at_any_moment(
    tmp_path: Path, mode: str, statements: Sequence[str], states: list[dict[str, list[tuple[object, ...]]]]
) -> None:
    given = pragmas(statements, mode)
    chance = random.Random(f"power {mode}")  # noqa: S311
    seen = set()
    for number, moment in enumerate(cuts(statements, given, chance)):
        disk = Disk(cut_at=moment)
        acknowledged = len(run(disk, statements, given))
        path = tmp_path / str(number) / "history.db"
        path.parent.mkdir()
        disk.leave(path.parent, chance)
        if not path.exists() or path.stat().st_size == 0:
            assert acknowledged == 0, moment
            continue
        with closing(sqlite3.connect(path)) as found:
            left = state(found)
            assert find_damage(found, thorough=True) is None, moment
        at = [count for count in (acknowledged, acknowledged + 1) if count < len(states) and states[count] == left]
        assert at, f"cut at step {moment}: {acknowledged} commits were acknowledged"
        seen.add(at[0])
        with Store(path) as ours:  # goes on from there
            ours.verify(thorough=True)
    assert len(seen) > 10


@pytest.mark.fault(51)
@pytest.mark.parametrize("careless", ["OFF", "FULL"])
def test_fewer_syncs_lose_something_and_it_is_noticed(
    tmp_path: Path, careless: str, statements: Sequence[str], states: list[dict[str, list[tuple[object, ...]]]]
) -> None:
    # FULL does not sync the folder after the journal is deleted: a commit can be rolled back by the journal's return.
    given = [*pragmas(statements, "delete"), f"PRAGMA synchronous = {careless}"]
    chance = random.Random(careless)  # noqa: S311
    lost = 0
    for number, moment in enumerate(cuts(statements, given, chance)):
        disk = Disk(cut_at=moment)
        acknowledged = len(run(disk, statements, given))
        folder = tmp_path / str(number)
        folder.mkdir()
        disk.leave(folder, chance)
        try:
            with Store(folder / "history.db") as ours:
                ours.verify(thorough=True)
                lost += acknowledged > 0 and state(connection(ours).conn) not in states[acknowledged:]
        except StoreError:
            lost += 1
    assert lost > 0
