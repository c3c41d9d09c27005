"""What the tables need of a database: `store.database` has it for SQLite, `store.postgresql.database` for PostgreSQL.

A statement is written once, in the SQL that both understand, and in SQLite's words where they differ:

    ?, ?1, :name              parameters
    json_each(:values)        the texts of a JSON list, as `value`; a number of one is CAST(value AS BIGINT)
    list ->> 0, object ->> 'name', json_array_length(list)   parts of a JSON text
    julianday(time), glob(pattern, text)
    one = other COLLATE NOCASE
    words_fts MATCH :query    a query that `event_query.full_text_query` makes; `rowid` is the row that matches
    INDEXED BY index          a hint, which PostgreSQL does without
    rowid                     of `outbox`: the order in which its rows were inserted

Numbers are no truth values (`live = 1`), a column that is NULL in some rows is ordered NULLS FIRST or LAST, an upsert
names its columns, what it adds to names its table, a query in FROM has an alias, and a parameter that may be NULL has a
type where that is asked: CAST(:until AS TEXT) IS NULL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

Values = Sequence[Any] | Mapping[str, Any]


class Rows(Protocol):
    """The rows that a statement returned, as tuples, each to be read once."""

    @property
    def rowcount(self) -> int:
        """The number of rows that a statement inserted, changed or deleted."""
        ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """What runs statements: a database, or a connection of the sqlite3 module."""

    def execute(self, statement: str, values: Any = ..., /) -> Rows: ...

    def executemany(self, statement: str, values: Iterable[Any], /) -> object: ...


class Database(Protocol):
    """One connection to a history, for one thread."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, statement: str, values: Values = (), /) -> Rows:
        """Run a statement; its rows are tuples."""
        ...

    def executemany(self, statement: str, values: Iterable[Values], /) -> object:
        """Run a statement once for each of some values."""
        ...

    def insert(self, statement: str, values: Values, /) -> int:
        """Run an INSERT of one row and return its `id`."""
        ...

    def query(self, statement: str, values: Values = (), /) -> Iterator[dict[str, Any]]:
        """Run a statement and yield its rows as column name → value."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Run a block all or nothing, the only one that writes. A nested call is a savepoint. Raises StoreError."""
        ...

    def insert_rows(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Insert many rows into a table."""
        ...

    def stream(self, statement: str) -> Iterator[Sequence[Any]]:
        """Yield the rows of a query, some at a time. Call it in a transaction."""
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all statements of a block read the history of one moment."""
        ...

    def defer_references(self) -> None:
        """Check at the end of the transaction whether rows refer to something."""
        ...

    def list_columns(self, table: str) -> list[str]:
        """Return the columns of a table, [] without it: a history that is only read may be of an older version."""
        ...

    def index_texts(self, table: str, condition: str, values: Sequence[Any]) -> None:
        """Add the column `text` of the rows of `versions` or `events` that meet a condition to its full-text index."""
        ...

    def merge_search_index(self) -> None:
        """Make full-text queries faster after many inserted rows. Raises StoreError."""
        ...

    def verify(self, *, thorough: bool = False) -> None:
        """Read the whole history; `thorough` also compares the references. Raises StoreError if it is damaged."""
        ...

    def copy_to(self, target: Path) -> Mapping[str, int]:
        """Copy the whole history to an SQLite file and return the number of rows of each table. Raises StoreError."""
        ...

    def describe(self) -> str:
        """Return the size of the history and how the database keeps it, for people."""
        ...

    def close(self) -> None: ...
