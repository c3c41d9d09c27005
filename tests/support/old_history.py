"""Turns a history into one that an older version of the program wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils.migrations import Migrations

from watcher.store import schema
from watcher.store.store import Store

FIRST = Migrations("registry-watcher")
FIRST(name="version_1")(schema.version_1)


def to_version_1(path: Path) -> None:
    """Replace a history by the same rows in the tables of version 1, each event in other words than today's."""
    present = path.rename(path.with_name("present.db"))
    Store(path, migrations=FIRST).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("ATTACH ? AS present", [str(present)])
        tables = db.execute(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE '%\\_fts%' ESCAPE '\\'"
        )
        for (table,) in tables.fetchall():
            if table.startswith(("sqlite_", "_sqlite")):
                continue
            columns = ", ".join(f'"{row[1]}"' for row in db.execute(f"PRAGMA main.table_info({table})"))
            db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM present.{table}")  # noqa: S608
        for table in ("versions", "events"):
            db.execute(f"INSERT INTO {table}_fts (rowid, text) SELECT id, text FROM {table}")  # noqa: S608
        db.execute("UPDATE events SET event = 'entry-modified', summary = 'old words', severity = 'info'")
        db.commit()
    present.unlink()
