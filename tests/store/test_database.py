"""A database is opened or refused with a clear error, and a transaction is all or nothing."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from unittest import mock

import pytest
import sqlite_utils

from tests.support.history_template import made_by_migrations, make_template, open_history
from tests.support.port_releases import release, tcp
from tests.support.raw_sql import INSERT_SOURCE, connection, insert_source, list_source_names
from watcher.core.errors import StoreError
from watcher.core.read_settings import ReadSettings
from watcher.monitor.candidate import Candidate
from watcher.monitor.ingest import ReleaseIngest
from watcher.monitor.source_parts import assemble_parts
from watcher.store import database as module
from watcher.store import schema
from watcher.store.database import MIGRATIONS, SqliteDatabase, journal_mode
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store


@pytest.fixture(autouse=True)
def _migrations() -> Iterator[None]:
    with made_by_migrations():
        yield


def _count(store: Store, table: str) -> int:
    return int(connection(store).execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - the tests' own


def test_the_listed_migrations_are_those_of_the_schema() -> None:
    with sqlite_utils.Database(memory=True) as empty:
        assert [migration.name for migration in schema.migrations.pending(empty)] == MIGRATIONS


def test_an_up_to_date_file_is_opened_without_loading_the_migrations(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db"):
        pass
    script = "import sys, pathlib; from watcher.store.store import Store as D; D(pathlib.Path('history.db'))"
    loaded = f"{script}; print('sqlite_utils' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def pragma(store: Store, name: str) -> object:
    return connection(store).execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_database_is_created_empty_with_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "history.db"
    with Store(path) as store:
        tables = {name for (name,) in connection(store).execute("SELECT name FROM sqlite_schema")}
        assert {"sources", "snapshots", "releases", "versions", "changes", "events", "checks", "outbox"} <= tables
        assert _count(store, "releases") == 0
    assert path.is_file()


def test_the_history_that_tests_begin_with_is_what_the_migrations_make(tmp_path: Path) -> None:
    made, copied = tmp_path / "made.db", tmp_path / "a" / "copied.db"
    with Store(made):
        pass
    make_template()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "apply_pending", None)
        open_history(SqliteDatabase.__new__(SqliteDatabase), copied)
    dumps = []
    for path in (made, copied):
        with closing(sqlite3.connect(path)) as plain:
            plain.execute("UPDATE _sqlite_migrations SET applied_at = ''")
            dumps.append([*plain.iterdump()])
    assert dumps[0] == dumps[1]
    assert [path.name for path in copied.parent.iterdir()] == ["copied.db"]
    assert copied.stat().st_mode == made.stat().st_mode


def test_a_database_that_is_not_to_be_created_must_exist(tmp_path: Path) -> None:
    path = tmp_path / "a" / "history.db"
    with pytest.raises(StoreError, match="there is no history yet; run `watcher check` or `watcher import` first"):
        Store(path, create=False)
    assert list(tmp_path.iterdir()) == []


def test_the_pragmas_make_commits_durable_and_check_references(tmp_path: Path) -> None:
    for _ in range(2):
        with Store(tmp_path / "history.db") as store:
            assert pragma(store, "journal_mode") == journal_mode()
            assert pragma(store, "synchronous") == 3  # EXTRA
            assert pragma(store, "foreign_keys") == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["history.db"]


def test_a_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    with (
        Store(tmp_path / "history.db") as store,
        pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"),
        store.transaction(),
    ):
        connection(store).execute("INSERT INTO snapshots VALUES (7, 'x', 1, NULL, 7)")


def test_opening_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with Store(path) as store, store.transaction():
        connection(store).execute(INSERT_SOURCE, ["kept"])
    before = path.read_bytes()
    with Store(path, create=False):
        pass
    assert path.read_bytes() == before
    assert list_source_names(path) == ["kept"]


@pytest.mark.fault(55)
def test_a_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with Store(path) as store:
        connection(store).execute(
            """INSERT INTO _sqlite_migrations (migration_set, name, applied_at)
            SELECT migration_set, 'version_1000', applied_at FROM _sqlite_migrations LIMIT 1"""
        )
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"history\.db: written by a newer registry-watcher \(version_1000\); upgrade"):
        Store(path)
    assert path.read_bytes() == before


@pytest.mark.fault(55)
def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE photos (id INTEGER)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="is another program's database"):
        Store(path)
    assert path.read_bytes() == before


def as_text(path: Path) -> None:
    path.write_text("These are my notes, and they are not a database.\n" * 100)


def as_folder(path: Path) -> None:
    path.mkdir()


def with_a_file_as_its_folder(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("in the way")


def with_its_schema_overwritten(path: Path) -> None:
    with Store(path):
        pass
    data = bytearray(path.read_bytes())
    data[100:2000] = b"\xff" * 1900
    path.write_bytes(data)


def cut_in_its_first_page(path: Path) -> None:
    with Store(path):
        pass
    path.write_bytes(path.read_bytes()[:1000])


def cut_after_its_first_page(path: Path) -> None:
    with Store(path):
        pass
    path.write_bytes(path.read_bytes()[:8192])


@pytest.mark.fault(54)
@pytest.mark.parametrize(
    "make",
    [
        as_text,
        as_folder,
        with_a_file_as_its_folder,
        with_its_schema_overwritten,
        cut_in_its_first_page,
        cut_after_its_first_page,
    ],
)
def test_a_broken_database_is_refused_with_its_path(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "store" / "history.db"
    path.parent.mkdir()
    make(path)
    with pytest.raises(StoreError, match=r"store/history\.db: cannot be used as the history"):
        Store(path)


def test_a_transaction_that_raises_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.db"

    def half(store: Store) -> None:
        with store.transaction():
            connection(store).execute(INSERT_SOURCE, ["half"])
            assert _count(store, "sources") == 1
            raise KeyboardInterrupt

    with Store(path) as store:
        with pytest.raises(KeyboardInterrupt):
            half(store)
        assert _count(store, "sources") == 0
        with store.transaction():
            connection(store).execute(INSERT_SOURCE, ["whole"])
    assert list_source_names(path) == ["whole"]


def test_an_inner_transaction_that_raises_rolls_back_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "history.db"

    def inner(store: Store) -> None:
        with store.transaction():
            connection(store).execute(INSERT_SOURCE, ["inner"])
            raise ValueError

    with Store(path) as store, store.transaction():
        connection(store).execute(INSERT_SOURCE, ["outer"])
        with pytest.raises(ValueError, match=r"^$"):
            inner(store)
    assert list_source_names(path) == ["outer"]


def test_an_inner_transaction_is_committed_with_the_outer_one(tmp_path: Path) -> None:
    path = tmp_path / "history.db"

    def outer(store: Store) -> None:
        with store.transaction():
            with store.transaction():
                connection(store).execute(INSERT_SOURCE, ["inner"])
            assert list_source_names(path) == []
            raise ValueError

    with Store(path) as store, pytest.raises(ValueError, match=r"^$"):
        outer(store)
    assert list_source_names(path) == []


def test_an_uncommitted_row_is_lost_when_the_connection_closes(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    store = Store(path)
    connection(store).execute("BEGIN IMMEDIATE")
    connection(store).execute(INSERT_SOURCE, ["lost"])
    store.close()
    assert list_source_names(path) == []


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait for a lock."""
    monkeypatch.setattr(module, "BUSY_SECONDS", 0)


@pytest.mark.fault(53)
def test_a_history_that_another_process_writes_to_is_a_store_error(tmp_path: Path, impatient: None) -> None:
    path = tmp_path / "history.db"
    with Store(path) as ours, Store(path) as other:
        with other.transaction():
            connection(other).execute(INSERT_SOURCE, ["other"])
            with (
                pytest.raises(StoreError, match=r"history\.db: another task of this process is writing .*try again"),
                ours.transaction(),
            ):
                connection(ours).execute(INSERT_SOURCE, ["ours"])
        with ours.transaction():
            connection(ours).execute(INSERT_SOURCE, ["ours"])
    assert list_source_names(path) == ["other", "ours"]


@pytest.mark.fault(53)
def test_a_history_that_is_locked_when_it_is_opened_is_a_store_error(tmp_path: Path, impatient: None) -> None:
    path = tmp_path / "history.db"
    with Store(path):
        pass
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match=r"history\.db: cannot be used as the history: .*locked"):
            Store(path)


@pytest.mark.fault(53)
def test_a_reader_in_the_way_of_a_commit_is_a_store_error_and_nothing_is_written(
    tmp_path: Path, impatient: None
) -> None:
    path = tmp_path / "history.db"

    with Store(path) as ours, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM sources").fetchall()
        with pytest.raises(StoreError, match="another task of this process is reading the history"):
            insert_source(ours, "ours")
        reader.execute("ROLLBACK")
        insert_source(ours, "ours")
    assert list_source_names(path) == ["ours"]


def test_a_release_whose_commit_fails_is_in_no_table(tmp_path: Path) -> None:
    with Store(tmp_path / "history.db") as store:
        ingest = ReleaseIngest(
            assemble_parts(
                "ports",
                settings=ReadSettings(registry="ports", format="xml"),
                store=store,
                archive=SnapshotArchive(tmp_path / "kept"),
            )
        )

        @contextmanager
        def failing_transaction() -> Iterator[None]:
            with Store.transaction(store):
                yield
                raise RuntimeError("the power is gone")

        data = release([tcp("one", "1")])
        with (
            mock.patch.object(store, "transaction", failing_transaction),
            pytest.raises(RuntimeError, match="the power is gone"),
        ):
            ingest.ingest(Candidate(data=data, origin="git:x"))
        for table in ("releases", "snapshots", "versions", "changes", "events", "versions_fts"):
            assert _count(store, table) == 0, table
        ingest.ingest(Candidate(data=data, origin="git:x"))
        assert _count(store, "releases") == 1
