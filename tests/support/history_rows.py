"""The rows of a history without numbers and times: the same after the same releases, whoever recorded them when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from watcher.store.location import HistoryLocation
from watcher.store.store import Store
from watcher.store.transfer import TABLES

_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")
_TIMES = {"observed", "at", "created", "next_attempt", "sent", "scheduled", "first_seen", "last_seen", "dated"}
_COURSE = {"seconds", "attempts", "last_error", "sequence", "state", "body_of", "place"}
# What says how it went, not what there is: how often it was checked, what was tried, when.
_LEFT_OUT = {"checks", "skips", "endpoints", "deadline_runs", "troubles"}
_VERSION = ("source_id", "section", "key", "first")


def read_rows(location: HistoryLocation) -> dict[str, list[str]]:
    """Return the rows of each table as sorted texts."""
    with Store(location, read_only=True) as store:
        tables = {table: list(store.database.query(f"SELECT * FROM {table}")) for table in TABLES}  # noqa: S608
    sources = {row["id"]: row["name"] for row in tables["sources"]}
    places = {(row["source_id"], row["place"]): number for number, row in _number_places(tables["releases"])}
    releases = {row["id"]: f"{sources[row['source_id']]} {row['content']}" for row in tables["releases"]}
    bodies = {row["id"]: row["body"] for row in tables["outbox"]}

    def place(source: int, value: int | None) -> object:
        return places.get((source, value), value) if value is not None else None

    versions = {
        row["id"]: f"{sources[row['source_id']]} {row['section']} {row['key']} {place(row['source_id'], row['first'])}"
        for row in tables["versions"]
    }
    events = {row["id"]: f"{releases[row['release_id']]} {row['seq']}" for row in tables["events"]}

    def name(table: str, row: Mapping[str, Any], column: str) -> object:
        value = row[column]
        if value is None:
            return None
        if column == "source_id":
            return sources[value]
        if column in ("release_id", "new_release", "old_release"):
            return releases[value]
        if column in ("before_id", "after_id"):
            return versions[value]
        if column == "event_id":
            return events[value]
        if table == "versions" and column in ("first", "until"):
            return place(row["source_id"], value)
        if table == "outbox" and column == "body":
            return _TIME.sub("TIME", bodies[row["body_of"] or row["id"]])
        return value

    left_out = _TIMES | _COURSE
    return {
        table: sorted(
            repr(
                {
                    column: name(table, row, column)
                    for column in row
                    if column not in left_out
                    and (column not in ("id", "rowid") or (table == "outbox" and column == "id"))
                }
            )
            for row in rows
        )
        for table, rows in tables.items()
        if table not in _LEFT_OUT
    }


def _number_places(releases: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    """Return the releases with their number within their source, in the order of time."""
    numbered: list[tuple[int, dict[str, Any]]] = []
    counts: dict[int, int] = {}
    for row in sorted(releases, key=lambda row: (row["source_id"], row["place"])):
        counts[row["source_id"]] = counts.get(row["source_id"], 0) + 1
        numbered.append((counts[row["source_id"]], row))
    return numbered
