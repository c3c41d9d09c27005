"""A history in PostgreSQL is opened or refused with a clear error, and a transaction is all or nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import psycopg
import pytest

from tests.support.postgresql import PostgresqlServer
from tests.support.raw_sql import connection
from watcher.core.errors import StoreError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.store.postgresql import database as module
from watcher.store.postgresql.statements import translate
from watcher.store.store import Store
from watcher.store.transfer import TABLES, list_columns

INSERT = "INSERT INTO sources (name, registry) VALUES (?, 'ports')"


@pytest.fixture
def url(postgresql_server: PostgresqlServer) -> PostgresqlUrl:
    return postgresql_server.new_location()


def names(url: PostgresqlUrl) -> list[str]:
    with Store(url, read_only=True) as store:
        return store.history.list_sources()


def write(store: Store, name: str) -> None:
    with store.transaction():
        connection(store).execute(INSERT, [name])


def test_both_databases_have_the_same_tables_and_columns(url: PostgresqlUrl, tmp_path: Path) -> None:
    with Store(url) as store, Store(tmp_path / "history.db") as plain:
        for table in TABLES:
            assert list_columns(store.database, table) == list_columns(plain.database, table), table
        rows = connection(plain).execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        assert {name for (name,) in rows if "fts" not in name and name[0] != "_"} == {*TABLES}
        assert module.schema.MIGRATIONS[-1] == module.schema.SQLITE_MIGRATIONS[-1]


def test_a_database_without_tables_is_created_only_if_wanted(url: PostgresqlUrl) -> None:
    for read_only in (False, True):
        with pytest.raises(StoreError, match="there is no history yet; run `watcher check` or `watcher import` first"):
            Store(url, create=False, read_only=read_only)
    Store(url).close()
    Store(url, create=False).close()


def test_a_history_of_a_newer_version_is_refused(url: PostgresqlUrl) -> None:
    with Store(url) as store:
        connection(store).execute("INSERT INTO applied_migrations (name) VALUES ('version_1000')")
    with pytest.raises(StoreError, match=r"written by a newer registry-watcher \(version_1000\); upgrade"):
        Store(url)


def test_tables_of_another_program_are_refused_and_left_alone(
    postgresql_server: PostgresqlServer, url: PostgresqlUrl
) -> None:
    name = url.rpartition("%3D")[2]
    postgresql_server.sql(f"CREATE TABLE {name}.photos (id INTEGER)")
    with pytest.raises(StoreError, match="has tables of another program, as photos; give it one of its own"):
        Store(url)
    assert postgresql_server.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{name}'") == "photos"  # noqa: S608 - the test's own


def test_a_database_of_another_encoding_is_refused(postgresql_server: PostgresqlServer) -> None:
    postgresql_server.sql("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    url = PostgresqlUrl(f"postgresql://watcher@/latin?host={postgresql_server.folder}")
    with pytest.raises(StoreError, match="the database has the encoding LATIN1; create one with UTF8"):
        Store(url)


def test_a_read_only_history_refuses_to_write(url: PostgresqlUrl) -> None:
    Store(url).close()
    with Store(url, read_only=True) as store, pytest.raises(StoreError, match="read-only transaction"):
        write(store, "x")


def test_a_transaction_that_raises_leaves_nothing_and_an_inner_one_only_itself(url: PostgresqlUrl) -> None:
    def inner(store: Store) -> None:
        with store.transaction():
            connection(store).execute(INSERT, ["inner"])
            raise ValueError

    def half(store: Store) -> None:
        with store.transaction():
            connection(store).execute(INSERT, ["half"])
            raise KeyboardInterrupt

    with Store(url) as store:
        with store.transaction():
            connection(store).execute(INSERT, ["outer"])
            with pytest.raises(ValueError, match=r"^$"):
                inner(store)
        with pytest.raises(KeyboardInterrupt):
            half(store)
    assert names(url) == ["outer"]


def test_a_defect_in_a_statement_stays_an_error_of_psycopg(url: PostgresqlUrl) -> None:
    with Store(url) as store:
        with pytest.raises(psycopg.errors.ForeignKeyViolation), store.transaction():
            connection(store).execute("INSERT INTO snapshots VALUES (7, 'x', 1, NULL, 7)")
        write(store, "whole")
    assert names(url) == ["whole"]


@pytest.mark.fault(53)
def test_writers_take_turns(url: PostgresqlUrl) -> None:
    begun = threading.Event()

    def second() -> None:
        with Store(url) as other:
            begun.set()
            write(other, "second")

    with Store(url) as first:
        thread = threading.Thread(target=second)
        with first.transaction():
            thread.start()
            assert begun.wait(60)
            connection(first).execute(INSERT, ["first"])
            assert names(url) == []
        thread.join(60)
        rows = connection(first).execute("SELECT name FROM sources ORDER BY id").fetchall()
    assert rows == [("first",), ("second",)]


@pytest.mark.fault(53)
def test_a_writer_that_waits_in_vain_names_the_other_session(
    url: PostgresqlUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_BEGIN", module._BEGIN.replace(f"'{module.LOCK_SECONDS}s'", "'50ms'"))
    with Store(url) as ours, Store(url) as other:
        with other.transaction():
            session = connection(other).conn.info.backend_pid  # type: ignore[attr-defined]
            with pytest.raises(StoreError, match=rf"session {session} \(watcher .*\) is writing to the history"):
                write(ours, "ours")
        write(ours, "ours")
    assert names(url) == ["ours"]


@pytest.mark.fault(53)
def test_a_lost_connection_is_made_again_outside_a_transaction(
    postgresql_server: PostgresqlServer, url: PostgresqlUrl
) -> None:
    def end_session(store: Store) -> None:
        session = connection(store).conn.info.backend_pid  # type: ignore[attr-defined]
        assert postgresql_server.sql(f"SELECT pg_terminate_backend({session}, 60000)") == "t"

    def lose(store: Store) -> None:
        with store.transaction():
            connection(store).execute(INSERT, ["lost"])
            end_session(store)
            connection(store).execute(INSERT, ["lost too"])

    with Store(url) as store:
        end_session(store)
        assert store.history.list_sources() == []
        for first in (
            lambda: store.database.list_columns("sources"),
            lambda: store.database.executemany("DELETE FROM sources WHERE name = ?", [["absent"], ["lost"]]),
            store.database.describe,
            store.verify,
        ):
            end_session(store)
            first()
        end_session(store)
        write(store, "kept")
        with pytest.raises(StoreError, match="nothing was changed, try again"):
            lose(store)
        assert store.history.list_sources() == ["kept"]
        write(store, "more")
    assert names(url) == ["kept", "more"]


@pytest.mark.fault(54)
def test_a_row_that_refers_to_nothing_is_found(url: PostgresqlUrl) -> None:
    with Store(url) as store:
        write(store, "ports")
        store.verify(thorough=True)
        with store.transaction():
            connection(store).execute("ALTER TABLE snapshots DISABLE TRIGGER ALL")
            connection(store).execute("INSERT INTO snapshots VALUES (7, 'x', 1, NULL, 7)")
        store.verify()
        with pytest.raises(StoreError, match=r"damaged \(a row of snapshots refers to nothing\); restore a backup"):
            store.verify(thorough=True)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("port-*", "port-assigned", True), ("port-?", "port-", False), ("*", "", True), ("", "a", False),
        ("[a-c]x", "bx", True), ("[^a-c]x", "bx", False), ("[]]", "]", True), ("[a", "[a", False),
        ("a.c", "abc", False), ("a+(b)|c^$\\d", "a+(b)|c^$\\d", True), ("é*", "éa", True), ("PORT", "port", False),
    ],
)  # fmt: skip
def test_globs_match_as_in_sqlite(url: PostgresqlUrl, tmp_path: Path, pattern: str, text: str, expected: bool) -> None:
    for place in (url, tmp_path / "history.db"):
        with Store(place) as store:
            found = connection(store).execute("SELECT glob(CAST(? AS TEXT), CAST(? AS TEXT))", [pattern, text])
            assert bool(found.fetchone()[0]) == expected


def test_functions_that_both_have_give_the_same(url: PostgresqlUrl, tmp_path: Path) -> None:
    questions = [
        *(f"SELECT julianday('{day}')" for day in ("2026-01-05", "2024-02-29T23:59:59Z", "1970-02-30", "soon", "")),
        "SELECT (julianday('2026-01-05T09:00:01Z') - julianday('2026-01-05T09:00:00Z')) * 86400 > 1",
        """SELECT '["a", "b", "c"]' ->> 1, '{"x": "y"}' ->> 'x', '{"x": "y"}' ->> 'z', json_array_length('[1, 2]')""",
        """SELECT count(*), max(value) FROM json_each('["b", "a", "ä", "Z"]')""",
        "SELECT CAST(value AS BIGINT) FROM json_each('[3, 1, 2]') ORDER BY 1",
        """SELECT value FROM json_each('["b", "a", "ä", "Z", "_", "é"]') ORDER BY value COLLATE "C" """,
    ]
    answers = []
    for place in (url, tmp_path / "history.db"):
        with Store(place) as store:
            database = connection(store)
            if place is not url:
                database.conn.create_collation("C", lambda one, other: (one > other) - (one < other))  # type: ignore[attr-defined]
            answers.append([[tuple(row) for row in database.execute(question)] for question in questions])
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("statement", "given", "text", "values"),
    [
        ("SELECT ? WHERE a = '?:x%'", [1], "SELECT %s WHERE a = '?:x%%'", [1]),
        ("SELECT ?1, ?2, ?1", [1, 2], "SELECT %(p1)s, %(p2)s, %(p1)s", {"p1": 1, "p2": 2}),
        ("SELECT :sha256, a::text", {"sha256": 1}, "SELECT %(sha256)s, a::text", {"sha256": 1}),
        ("SELECT a FROM b INDEXED BY c WHERE d", [], "SELECT a FROM b  WHERE d", []),
        ("SELECT x = ? COLLATE NOCASE", [1], 'SELECT lower(x) = lower(%s COLLATE "C")', [1]),
        ("a = ? AND (a_fts MATCH ?)", [1, '"x y"'], "a = %s AND (a_fts.words @@ CAST(%s AS tsquery))", [1, "x <-> y"]),
        ("a_fts MATCH :b", {"b": "x"}, "a_fts.words @@ CAST(%(b)s AS tsquery)", {"b": "x"}),
    ],
)
def test_statements_are_translated(statement: str, given: object, text: str, values: object) -> None:
    translated = translate(statement)
    assert translated.text == text
    assert translated.encode_values(given) == values  # type: ignore[arg-type]
