"""Copies a whole history from one database to another, and compares every row of the two."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Any

from watcher.core.errors import StoreError, UsageError
from watcher.store.base import Database

# The tables in an order in which most rows follow those that they refer to, each with the columns that order its rows.
TABLES: Mapping[str, str] = {
    "sources": "id",
    "releases": "id",
    "snapshots": "source_id, sha256",
    "versions": "id",
    "changes": "release_id, seq",
    "events": "id",
    "event_ports": "event_id, low, high",
    "event_services": "event_id, name",
    "event_documents": "event_id, document, registry",
    "event_sides": "event_id",
    "leftovers": "release_id, seq, leaves, name",
    "moves": "new_release, new_seq",
    "held": "source, content",
    "held_snapshots": "source, content, sha256",
    "checks": "id",
    "troubles": "source, notice",
    "skips": "source",
    "outbox": "rowid",
    "endpoints": "channel, recipient",
    "deadline_runs": "source",
    "deadline_marks": "source, registry, value, until, mark",
    "acknowledgements": "source, fingerprint",
}
_INDEXED = ("versions", "events")
_BATCH = 2_000  # rows that are in memory at a time


def copy_history(source: Database, target: Database) -> dict[str, int]:
    """Copy every row, as of one moment, in one transaction; return the number of rows of each table.

    The copy is read back and compared before it is committed. Raises UsageError if the target has rows, StoreError if
    the copy differs.
    """
    rows: dict[str, int] = {}
    with source.snapshot(), target.transaction():
        for table in TABLES:
            if target.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None:  # noqa: S608 - ours
                raise UsageError(f"{target}: has a history already; name an empty place")
        target.defer_references()
        for table, order in TABLES.items():
            columns = list_columns(source, table)
            rows[table] = 0
            for batch in _batches(stream_rows(source, table, columns, order)):
                target.insert_rows(table, columns, batch)
                rows[table] += len(batch)
        for table in _INDEXED:
            _index_texts(target, table)
        for table in TABLES:
            if (difference := find_difference(source, target, table)) is not None:
                raise StoreError(f"{target}: the copy is not whole ({difference})")
    return rows


def find_difference(source: Database, target: Database, table: str) -> str | None:
    """Return the first row of a table in which two databases differ, in a few words; None if they are equal."""
    columns, order = list_columns(source, table), TABLES[table]
    if sorted(columns) != sorted(list_columns(target, table)):
        return f"{table} has other columns"
    pairs = zip_longest(*(stream_rows(database, table, columns, order) for database in (source, target)))
    for number, (one, other) in enumerate(pairs, 1):
        if one != other and (one is None or other is None or _without_nul(one) != _without_nul(other)):
            return f"row {number} of {table}: {_describe(columns, one, other)}"
    return None


def list_columns(database: Database, table: str) -> list[str]:
    """Return the columns of a table; `rowid`, which PostgreSQL's `outbox` has, is no content."""
    return [column for column in database.list_columns(table) if column != "rowid"]


def stream_rows(database: Database, table: str, columns: Sequence[str], order: str) -> Iterator[Sequence[Any]]:
    """Yield the rows of a table in order, some at a time. Call it in a transaction."""
    names = ", ".join(f'"{column}"' for column in columns)
    return database.stream(f"SELECT {names} FROM {table} ORDER BY {order}")  # noqa: S608 - ours


def _index_texts(target: Database, table: str) -> None:
    last = int(target.execute(f"SELECT coalesce(max(id), 0) FROM {table}").fetchone()[0])  # noqa: S608 - ours
    for start in range(0, last, _BATCH):
        target.index_texts(table, "id > ? AND id <= ?", [start, start + _BATCH])


def _batches(rows: Iterator[Sequence[Any]]) -> Iterator[list[Sequence[Any]]]:
    while batch := list(islice(rows, _BATCH)):
        yield batch


def _describe(columns: Sequence[str], one: Sequence[Any] | None, other: Sequence[Any] | None) -> str:
    """Return the names of the columns in which two rows differ."""
    if one is None or other is None:
        return "there is one row more" if one is None else "it is missing"
    pairs = zip(columns, _without_nul(one), _without_nul(other), strict=True)
    return ", ".join(column for column, old, new in pairs if old != new)


def _without_nul(row: Sequence[Any]) -> list[Any]:
    """Return a row as PostgreSQL keeps it, whose texts have no NUL."""
    return [value.replace("\0", "\ufffd") if isinstance(value, str) else value for value in row]
