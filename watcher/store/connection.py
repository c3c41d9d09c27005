"""One SQLite connection: statements in, rows out as tuples or by column name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

Values = Sequence[Any] | Mapping[str, Any]


class Connection:
    """A connection in autocommit mode, for one thread."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self.conn = conn

    def execute(self, statement: str, values: Values = ()) -> sqlite3.Cursor:
        """Run a statement; its rows are tuples."""
        return self.conn.execute(statement, values)

    def query(self, statement: str, values: Values = ()) -> Iterator[dict[str, Any]]:
        """Run a statement and yield its rows as column name → value."""
        cursor = self.conn.execute(statement, values)
        names = [column[0] for column in cursor.description]
        for row in cursor:
            yield dict(zip(names, row, strict=True))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Run a block all or nothing, inside a transaction."""
        self.conn.execute("SAVEPOINT nested")
        try:
            yield
        except BaseException:
            # An error such as a full disk can roll back the whole transaction, and the savepoint with it.
            if self.conn.in_transaction:
                self.conn.execute("ROLLBACK TO nested")
                self.conn.execute("RELEASE nested")
            raise
        self.conn.execute("RELEASE nested")

    def rollback(self) -> None:
        self.conn.rollback()

    def close(self) -> None:
        self.conn.close()
