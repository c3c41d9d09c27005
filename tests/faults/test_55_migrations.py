"""A migration is whole or has not happened, whatever ends it, and what was there before lies beside."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path

import pytest
import sqlite_utils
from sqlite_utils.migrations import Migrations

from tests.support.raw_sql import connection
from watcher.core.errors import StoreError
from watcher.store import schema
from watcher.store.database import MIGRATIONS
from watcher.store.event_query import EventQuery
from watcher.store.store import Store

INSERT = "INSERT INTO sources (name, registry) VALUES (?, 'ports')"
NEXT, LAST = (f"version_{len(MIGRATIONS) + more}" for more in (1, 2))


def newer(*, breaks: bool = False) -> Migrations:
    """Our migrations and two to come."""
    made = Migrations("registry-watcher")
    for name in MIGRATIONS:
        made(name=name)(getattr(schema, name))

    @made(name=NEXT)
    def add_weight(db: sqlite_utils.Database) -> None:
        db.execute("ALTER TABLE sources ADD COLUMN weight INTEGER NOT NULL DEFAULT 7")

    @made(name=LAST)
    def set_weight(db: sqlite_utils.Database) -> None:
        db.execute("UPDATE sources SET weight = 8")
        if breaks:
            raise sqlite3.OperationalError("no such luck")

    return made


def old(path: Path, rows: int = 3) -> None:
    with Store(path) as store, store.transaction():
        for number in range(rows):
            connection(store).execute(INSERT, [f"kept {number}"])


def columns(path: Path) -> tuple[list[str], list[str]]:
    """The columns of sources, and what the migrations' own record says."""
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return (
            [row[1] for row in connection.execute("PRAGMA table_info(sources)")],
            [row[0] for row in connection.execute("SELECT name FROM _sqlite_migrations ORDER BY id")],
        )


@pytest.mark.fault(55)
def test_an_old_history_is_migrated_after_a_copy_of_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    old(path)
    with Store(path, migrations=newer()) as store:
        rows = connection(store).execute("SELECT name, weight FROM sources").fetchall()
    assert rows == [("kept 0", 8), ("kept 1", 8), ("kept 2", 8)]
    assert columns(path)[1] == [*MIGRATIONS, NEXT, LAST]
    before = tmp_path / f"history.db.before-{NEXT}"
    assert "weight" not in columns(before)[0]
    with Store(before) as kept:
        assert connection(kept).execute("SELECT count(*) FROM sources").fetchone() == (3,)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["history.db", f"history.db.before-{NEXT}"]


@pytest.mark.fault(55)
def test_the_program_before_refuses_what_the_newer_one_migrated(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with Store(path, migrations=newer()):
        pass
    before = path.read_bytes()
    with pytest.raises(StoreError, match="newer registry-watcher"):
        Store(path)
    assert path.read_bytes() == before


@pytest.mark.fault(55)
def test_a_migration_that_fails_takes_back_those_before_it(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    old(path)
    with pytest.raises(StoreError, match="no such luck"):
        Store(path, migrations=newer(breaks=True))
    assert "weight" not in columns(path)[0]
    assert columns(path)[1] == MIGRATIONS
    with Store(path) as store:
        assert connection(store).execute("SELECT count(*) FROM sources").fetchone() == (3,)


@pytest.mark.fault(55)
def test_a_migration_is_not_begun_where_no_copy_can_be_made(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    old(path)
    (tmp_path / f"history.db.before-{NEXT}").mkdir()
    with pytest.raises(StoreError, match="cannot be copied there"):
        Store(path, migrations=newer())
    assert columns(path)[1] == MIGRATIONS


@pytest.mark.fault(55)
def test_a_process_killed_in_a_migration_leaves_the_old_history(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    old(path, rows=2000)
    script = """
        import sys
        from pathlib import Path
        from sqlite_utils.migrations import Migrations
        from tests.faults.test_55_migrations import newer
        from watcher.store.store import Store

        made = newer()

        @made()
        def version_later(db):
            db.execute("PRAGMA cache_size = 4")  # so that pages are written to the file before the commit
            db.execute("UPDATE sources SET name = name || printf('%.500c', 'x')")
            print("midway", flush=True)
            sys.stdin.read()

        Store(Path(sys.argv[1]), migrations=made)
    """
    size = path.stat().st_size
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), str(path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == "midway\n"
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    # Half of it is in the file, or in the log beside it.
    assert path.stat().st_size > size or path.with_name("history.db-wal").stat().st_size > size
    assert columns(path) == (
        [
            "id",
            "name",
            "registry",
            "url",
            "etag",
            "last_modified",
            "rules",
            "read_settings",
            "derived_again",
            "derivations",
        ],
        MIGRATIONS,
    )
    with Store(path, migrations=newer()) as store:
        assert connection(store).execute("SELECT count(*), max(length(name)), max(weight) FROM sources").fetchone() == (
            2000,
            len("kept 1999"),
            8,
        )
    assert columns(tmp_path / f"history.db.before-{NEXT}")[1] == MIGRATIONS


@pytest.mark.fault(55)
def test_a_history_of_version_1_gets_what_version_2_added_and_keeps_its_events(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    first = Migrations("registry-watcher")
    first(name="version_1")(schema.version_1)
    with Store(path, migrations=first) as store, store.transaction():
        connection(store).execute(INSERT, ["kept"])
        connection(store).execute(
            """INSERT INTO releases (id, source_id, content, live, dated, place, sha256, entries, problems)
            VALUES (1, 1, 'c', 1, '2024-01-01', 1, 's', 0, '[]')"""
        )
        connection(store).execute(
            """INSERT INTO events (release_id, seq, event, kind, severity, summary, service, ports, protocols, registry,
            "values", also, fingerprint, changes, text)
            VALUES (1, 0, 'entry-added', 'added', 'notice', 'x', '', '[]', '[]', '', '[]', '[]', 'f', '[]', '')"""
        )
    with Store(path) as store:
        (event,) = store.history.events.find(EventQuery())
        assert dict(event.event.facts) == {}
        assert store.deadlines.read_runs() == {}
    assert columns(path)[1] == MIGRATIONS
    assert (tmp_path / "history.db.before-version_2").exists()
