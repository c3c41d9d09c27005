"""Elects one process of all that share a history: the one that has an advisory lock, which ends with its connection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import psycopg

from watcher.core.postgresql_url import PostgresqlUrl
from watcher.store.postgresql.connecting import connect

if TYPE_CHECKING:
    from types import TracebackType

_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('registry-watcher scheduler ' || current_schema(), 0))"


class Election:
    """One candidate, for one thread. A server that cannot be reached elects nobody."""

    def __init__(self, url: PostgresqlUrl) -> None:
        self._url = url
        self._connection: psycopg.Connection[tuple[Any, ...]] | None = None
        self._is_elected = False

    def is_elected(self) -> bool:
        """Return whether this candidate is the elected one; elect it if nobody else is."""
        try:
            if self._connection is None:
                self._connection = connect(self._url)
            if self._is_elected:
                self._connection.execute("SELECT 1")  # fails if the server has ended the session, and the lock with it
            else:
                row = self._connection.execute(_LOCK).fetchone()
                self._is_elected = bool(row and row[0])
        except psycopg.Error:
            self.close()
        return self._is_elected

    def close(self) -> None:
        """End the connection, so that another candidate can be elected."""
        self._is_elected = False
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
