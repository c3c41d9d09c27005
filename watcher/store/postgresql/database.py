"""Opens a history in a PostgreSQL database: connection, transactions, migrations. Names no table of ours.

Errors that the server, the network or another session causes become a StoreError. An error in a statement stays
psycopg's own, because it is a defect of this program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg import pq

from watcher.core.durable_files import replace_file
from watcher.core.errors import ClaimLostError, StoreError
from watcher.core.postgresql_url import PostgresqlUrl
from watcher.core.work import Claim
from watcher.store.base import Values
from watcher.store.database import SqliteDatabase
from watcher.store.postgresql import schema
from watcher.store.postgresql.connecting import connect
from watcher.store.postgresql.search_words import encode_text
from watcher.store.postgresql.statements import translate
from watcher.store.sqlite_copy import count_rows, find_damage
from watcher.store.transfer import copy_history

OLDEST_SERVER = 130000  # `normalize` of texts and hash indexes that survive a crash are older; 12 is not maintained
LOCK_SECONDS = 300  # how long a writer waits for another one: nothing here shows whether that one works
_ROWS_AT_A_TIME = 2_000
_STREAMS = count(1)  # the numbers of cursors
# One round trip. A session waits for the lock before it reads, so that it sees what the last writer wrote.
_BEGIN = f"""BEGIN; SET LOCAL lock_timeout = '{LOCK_SECONDS}s';
SELECT pg_advisory_xact_lock(hashtextextended('registry-watcher ' || current_schema(), 0))"""
_VERIFY_CLAIM = "SELECT 1 FROM work WHERE kind = %s AND name = %s AND token = %s FOR SHARE"
_HOLDER = """SELECT pid, application_name, coalesce(client_addr::text, 'this machine') FROM pg_stat_activity
WHERE pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted) AND pid <> pg_backend_pid()
  AND datname = current_database() AND xact_start IS NOT NULL ORDER BY xact_start LIMIT 1"""
_NO_HISTORY = "there is no history yet; run `watcher check` or `watcher import` first"
RESTORE = (
    "restore a backup (`watcher backup FOLDER --restore`), or drop the tables and derive the history from the "
    "snapshots again (`watcher rebuild`): then only the record of checks, what is held, the outbox and "
    "acknowledgements are lost"
)
_DAMAGE = ("XX001", "XX002")  # data_corrupted, index_corrupted
_Result = TypeVar("_Result")


def to_store_error(url: PostgresqlUrl, error: BaseException | None) -> StoreError | None:
    """Return a StoreError, with what to do, for an error that the server or another session caused; else None."""
    if not isinstance(error, psycopg.Error):
        return None
    if error.sqlstate in _DAMAGE:
        return StoreError(f"{url}: damaged ({_line(error)}); {RESTORE}")
    if isinstance(error, psycopg.OperationalError) or error.sqlstate == "25006":  # read_only_sql_transaction
        return StoreError(f"{url}: {_line(error)}; nothing was changed, try again")
    return None


def history_exists(url: PostgresqlUrl) -> bool:
    """Return whether a database has a history. Raises StoreError if the server cannot be asked."""
    with _StoreErrors(url), connect(url) as connection:
        return bool(schema.list_applied(connection))


class _StoreErrors:
    """Turns the errors of a block that the server causes into a StoreError."""

    def __init__(self, url: PostgresqlUrl) -> None:
        self._url = url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, psycopg.OperationalError):
            raise StoreError(f"{self._url}: cannot be used as the history: {_line(error)}") from error
        if (store_error := to_store_error(self._url, error)) is not None:
            raise store_error from error


class PostgresqlDatabase:
    """One connection to a history in PostgreSQL, for one thread.

    The tables are in the first schema of the search path. They are created if missing, unless `create` is False, and
    migrated; `read_only` does none of that. Raises StoreError if the database cannot be used.
    """

    def __init__(self, url: PostgresqlUrl, *, create: bool = True, read_only: bool = False) -> None:
        self.url = url
        self._read_only = read_only
        self._claim: Claim | None = None
        with _StoreErrors(url):
            self.conn = self._open()
            try:
                self._prepare(create=create and not read_only)
            except BaseException:
                self.conn.close()
                raise

    def _open(self) -> psycopg.Connection[tuple[Any, ...]]:
        connection = connect(self.url)
        # Compiling a statement costs more than most of them; its cost is not known before the tables were analysed.
        # Nothing waits forever, neither a reader for a migration nor a check for the lock of a host.
        connection.execute(f"SET jit = off; SET lock_timeout = '{LOCK_SECONDS}s'".encode())
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
        return connection

    def _prepare(self, *, create: bool) -> None:
        if self.conn.info.server_version < OLDEST_SERVER:
            raise StoreError(f"{self.url}: the server is older than PostgreSQL {OLDEST_SERVER // 10000}; upgrade it")
        if (encoding := self.conn.info.parameter_status("server_encoding")) != "UTF8":
            raise StoreError(f"{self.url}: the database has the encoding {encoding}; create one with UTF8")
        applied = schema.list_applied(self.conn)
        if not applied and not create:
            raise StoreError(f"{self.url}: {_NO_HISTORY}")
        if self._read_only or applied == schema.MIGRATIONS:
            return
        with self.transaction():
            # Read again under the lock: another process may have created the tables in the meantime.
            schema.migrate(self.conn, self.url)

    @property
    def in_transaction(self) -> bool:
        return self.conn.info.transaction_status != pq.TransactionStatus.IDLE and not self.conn.closed

    def execute(self, statement: str, values: Values = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement; its rows are tuples. One that writes first waits for the lock of writers."""
        if translate(statement).writes and not self.in_transaction:
            with self.transaction():
                return self.execute_at_once(statement, values)
        return self.execute_at_once(statement, values)

    def execute_at_once(self, statement: str, values: Values = (), /) -> psycopg.Cursor[tuple[Any, ...]]:
        """Run a statement on tables that are not of the history: it waits for no other writer."""
        translated = translate(statement)
        return self._run(lambda: self.conn.execute(translated.text, translated.encode_values(values) or None))

    def _run(self, action: Callable[[], _Result]) -> _Result:
        """Run an action; outside a transaction once more with a new connection, if the server ended the last one."""
        in_transaction = self.in_transaction
        try:
            return action()
        except psycopg.OperationalError:
            if in_transaction or not self.conn.broken:
                raise
        with _StoreErrors(self.url):
            self.conn = self._open()
        return action()

    def executemany(self, statement: str, values: Iterable[Values], /) -> None:
        """Run a statement once for each of some values."""
        translated = translate(statement)
        # A list: psycopg holds the connection while it reads the values, and these may be read from the history.
        rows = [translated.encode_values(row) for row in values]
        if rows:
            self._run(lambda: self.conn.cursor().executemany(translated.text, rows))

    def insert(self, statement: str, values: Values, /) -> int:
        """Run an INSERT of one row and return its `id`."""
        row = self.execute(f"{statement} RETURNING id", values).fetchone()
        assert row is not None  # noqa: S101 - an INSERT of one row returns one
        return int(row[0])

    def query(self, statement: str, values: Values = (), /) -> Iterator[dict[str, Any]]:
        """Run a statement and yield its rows as column name → value."""
        cursor = self.execute(statement, values)
        names = [column.name for column in cursor.description or ()]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows into a table."""
        names = ", ".join(f'"{column}"' for column in columns)
        complete = list(rows)  # as in `executemany`
        with self.conn.cursor().copy(f"COPY {table} ({names}) FROM STDIN") as copy:
            for row in complete:
                copy.write_row(row)

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query, some at a time. Call it in a transaction."""
        with self.conn.cursor(name=f"stream_{next(_STREAMS)}") as cursor:
            cursor.itersize = _ROWS_AT_A_TIME
            cursor.execute(translate(statement).text)
            yield from cursor

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Let all statements of a block read the history of one moment, as pg_dump does. Writers need not wait."""
        with _StoreErrors(self.url):
            self._run(lambda: self.conn.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"))
            try:
                yield
            finally:
                self._roll_back()

    def defer_references(self) -> None:
        """Check at the end of the transaction whether rows refer to something."""
        self.conn.execute("SET CONSTRAINTS ALL DEFERRED")

    def list_columns(self, table: str) -> list[str]:
        """Return the columns of a table, [] without it: a history that is only read may be of an older version."""
        return self._run(lambda: schema.list_columns(self.conn, table))

    def __str__(self) -> str:
        return str(self.url)

    def index_texts(self, table: str, condition: str, values: Sequence[Any]) -> None:
        """Add the column `text` of the rows of a table that meet a condition to its full-text index."""
        rows = self.execute(f"SELECT id, text FROM {table} WHERE {condition}", values).fetchall()  # noqa: S608 - ours
        with self.conn.cursor().copy(f"COPY {table}_fts (rowid, words) FROM STDIN") as copy:
            for number, text in rows:
                copy.write_row((number, encode_text(text)))

    def merge_search_index(self) -> None:
        """Put what was inserted lately into the full-text indexes, and let the planner know how many rows there are."""
        for index in ("versions_words", "events_words"):
            self.execute("SELECT gin_clean_pending_list(CAST(? AS regclass))", [index])
        for table in self._run(lambda: schema.list_tables(self.conn)):
            self.execute_at_once(f"ANALYZE {table}")

    def describe(self) -> str:
        """Return the size of the history and the version of the server, for people."""
        row = self.execute_at_once(
            "SELECT coalesce(sum(pg_total_relation_size(oid)), 0)::bigint FROM pg_class "
            "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
        ).fetchone()
        size = row[0] if row else 0
        return f"{size // 2**20:,} MiB, PostgreSQL {self.conn.info.parameter_status('server_version')}"

    def verify(self, *, thorough: bool = False) -> None:
        """Read every row; `thorough` also compares the references. Raises StoreError if something is damaged.

        The server verifies the checksum of each page that it reads, if its data have checksums.
        """
        with _StoreErrors(self.url):
            for table in self._run(lambda: schema.list_tables(self.conn)):
                with self.conn.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)") as copy:
                    for _ in copy:
                        pass
            for table, reference in schema.list_references(self.conn) if thorough else ():
                if self.conn.execute(reference).fetchone() is not None:
                    raise StoreError(f"{self.url}: damaged (a row of {table} refers to nothing); {RESTORE}")

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the history of one moment to an SQLite file and return the rows of each table. Raises StoreError.

        Every row is compared before the copy replaces `target`.
        """
        try:
            with replace_file(target) as temporary:
                with closing(SqliteDatabase(temporary)) as copy:
                    copy_history(self, copy)
                    copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a WAL beside it
                    damage, rows = find_damage(copy.conn, thorough=True), count_rows(copy.conn)
                if damage is not None:
                    raise StoreError(f"{target}: the copy is not whole ({damage})")
        except OSError as error:
            raise StoreError(f"{target}: the history cannot be copied there: {error}") from error
        return rows

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Run a block all or nothing. A nested call is a savepoint.

        A writer waits until no other one has the lock of the history. Raises StoreError if another one keeps it, or the
        server fails: the history is then unchanged.
        """
        if self.in_transaction:
            with self._savepoint():
                yield
            return
        try:
            self._run(lambda: self.conn.execute(_BEGIN))
        except psycopg.Error as error:
            self._roll_back()
            raise self._to_store_error(error) or error from error
        try:
            self._verify_claim()
            yield
            self.conn.execute("COMMIT")
        except psycopg.Error as error:
            self._roll_back()
            raise self._to_store_error(error) or error from error
        except BaseException:
            self._roll_back()
            raise

    def require_claim(self, claim: Claim | None) -> None:
        """Let transactions that begin from now on raise ClaimLostError without this claim; None: they need none."""
        self._claim = claim

    def _verify_claim(self) -> None:
        if self._claim is not None:
            item = self._claim.item
            # Nobody can claim the row before this transaction ends.
            row = self.conn.execute(_VERIFY_CLAIM, [item.kind, item.name, self._claim.token]).fetchone()
            if row is None:
                raise ClaimLostError(f"another worker has taken over {item.lock}; nothing was changed")

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        self.conn.execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            if not self.conn.broken:
                self.conn.execute("ROLLBACK TO nested")
                self.conn.execute("RELEASE nested")
            raise
        self.conn.execute("RELEASE nested")

    def _roll_back(self) -> None:
        if self.in_transaction and not self.conn.broken:
            self.conn.execute("ROLLBACK")

    def _to_store_error(self, error: psycopg.Error) -> StoreError | None:
        if isinstance(error, psycopg.errors.LockNotAvailable):
            holder = self._run(lambda: self.conn.execute(_HOLDER).fetchone())
            who = f"session {holder[0]} ({holder[1]}, {holder[2]})" if holder else "another session"
            return StoreError(f"{self.url}: {who} is writing to the history; try again when it has ended")
        return to_store_error(self.url, error)

    def close(self) -> None:
        self.conn.close()


def _line(error: psycopg.Error) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())
