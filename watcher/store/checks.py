"""The record of checks: every attempt, whatever came of it, and the validators the next one sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from watcher.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One attempt to look at a source; `at` is a UTC time, `seconds` how long it took."""

    source: str
    at: str
    outcome: str
    reason: str | None = None
    message: str | None = None
    sha256: str | None = None
    release_id: int | None = None
    seconds: float = 0.0


class Checks:
    """Write and ask the record of checks."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._db = database.db

    def validators(self, source: str, url: str) -> tuple[str | None, str | None]:
        """Return ETag and Last-Modified that came with what we have from this URL."""
        row = self._db.execute(
            "SELECT etag, last_modified FROM sources WHERE name = ? AND url = ?", [source, url]
        ).fetchone()
        return (row[0], row[1]) if row else (None, None)

    def add(self, check: Check, *, url: str, registry: str, validators: tuple[str | None, str | None] | None) -> None:
        """Record a check; `validators` replace those kept, None leaves them."""
        failed = check.outcome == "failed"
        with self._database.transaction():
            self._db.table("checks").insert(
                {
                    "source": check.source,
                    "at": check.at,
                    "outcome": check.outcome,
                    "reason": check.reason,
                    "message": check.message,
                    "sha256": check.sha256,
                    "release_id": check.release_id,
                    "seconds": check.seconds,
                }
            )
            self._db.execute(
                "INSERT INTO sources (name, registry) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                [check.source, registry],
            )
            if failed:
                self._db.execute("UPDATE sources SET failures = failures + 1 WHERE name = ?", [check.source])
                return
            self._db.execute(
                "UPDATE sources SET failures = 0, last_success = ? WHERE name = ?", [check.at, check.source]
            )
            if validators is not None:
                self._db.execute(
                    "UPDATE sources SET url = ?, etag = ?, last_modified = ? WHERE name = ?",
                    [url, *validators, check.source],
                )

    def last(self, source: str) -> Mapping[str, Any] | None:
        """Return the newest check of a source as a row of `checks`, None where there was none."""
        rows = self._db.query("SELECT * FROM checks WHERE source = ? ORDER BY id DESC LIMIT 1", [source])
        return next(iter(rows), None)

    def state(self, source: str) -> Mapping[str, Any]:
        """Return `last_success` (a UTC time or None) and `failures` (in a row) of a source."""
        rows = self._db.query("SELECT last_success, failures FROM sources WHERE name = ?", [source])
        return next(iter(rows), {"last_success": None, "failures": 0})
