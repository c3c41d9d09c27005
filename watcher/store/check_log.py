"""The log of checks: every attempt with its outcome, and the HTTP validators for the next one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from watcher.core.check_results import GONE_REASONS, CheckStreak
from watcher.core.times import from_text, to_text

if TYPE_CHECKING:
    from watcher.store.base import Database


class Check(Struct, frozen=True, kw_only=True):
    """One check of a source: `at` is the UTC time it began, `seconds` how long it took."""

    source: str
    at: str
    outcome: str
    reason: str | None = None
    message: str | None = None
    sha256: str | None = None
    release: str | None = None  # the digest of its content; its row can be another one by now
    seconds: float = 0.0


class SourceSummary(Struct, frozen=True, kw_only=True):
    """The last check of a source (all None: it was never checked) and the day of its last change.

    The day is that of the newest release, or the later day on which a check found that release; None without a release.
    """

    at: str | None = None
    outcome: str | None = None
    reason: str | None = None
    message: str | None = None
    changed: str | None = None


class CheckLog:
    """The table `checks` and the HTTP validators of sources. Checks that `batch_checks` holds back are not read."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._waiting: list[Check] = []
        self._batch_size = 0

    def read_validators(self, source: str, url: str) -> tuple[str | None, str | None]:
        """Return the ETag and Last-Modified of the last response from this URL that was stored."""
        row = self._db.execute(
            "SELECT etag, last_modified FROM sources WHERE name = ? AND url = ?", [source, url]
        ).fetchone()
        return (row[0], row[1]) if row else (None, None)

    @contextmanager
    def batch_checks(self, most: int) -> Iterator[None]:
        """Write up to `most` unchanged checks in one transaction, so that a large collection needs few.

        A check with another outcome is written at once, after those before it. The rest is written at the end, also
        after an error.
        """
        self._batch_size = most
        try:
            yield
        finally:
            self._batch_size = 0
            with self._db.transaction():
                self._flush()

    def record_check(
        self, check: Check, *, url: str, registry: str, validators: tuple[str | None, str | None] | None
    ) -> None:
        """Record a check. `validators` replace the stored ones; None leaves them."""
        self._waiting.append(check)
        nothing_new = check.outcome == "unchanged" and validators is None
        if nothing_new and len(self._waiting) < self._batch_size:
            return
        with self._db.transaction():
            self._flush()
            if nothing_new:
                return
            self._db.execute(
                "INSERT INTO sources (name, registry) VALUES (?, ?) ON CONFLICT (name) DO NOTHING",
                [check.source, registry],
            )
            if validators is not None:
                self._db.execute(
                    "UPDATE sources SET url = ?, etag = ?, last_modified = ? WHERE name = ?",
                    [url, *validators, check.source],
                )

    def _flush(self) -> None:
        self._db.executemany(
            """INSERT INTO checks (source, at, outcome, reason, message, sha256, release_id, seconds)
            VALUES (:source, :at, :outcome, :reason, :message, :sha256,
              (SELECT releases.id FROM sources JOIN releases ON source_id = sources.id
               WHERE name = :source AND content = :release), :seconds)""",
            [asdict(check) for check in self._waiting],
        )
        self._waiting.clear()

    def find_last_check(self, source: str) -> Mapping[str, Any] | None:
        """Return the newest check of a source as a row of `checks`, or None."""
        rows = self._db.query("SELECT * FROM checks WHERE source = ? ORDER BY id DESC LIMIT 1", [source])
        return next(iter(rows), None)

    def find_newest_time(self) -> str | None:
        """Return the UTC time of the newest check; those before it can have later ones if the clock was set back."""
        row = self._db.execute("SELECT at FROM checks ORDER BY id DESC LIMIT 1").fetchone()
        return str(row[0]) if row else None

    def find_last_seen(self, source: str, at: str) -> str | None:
        """Return the UTC time of the last check before `at` that was served the newest release of its time, or None."""
        row = self._db.execute(
            # The first condition on the outcome is that of the index.
            """SELECT at FROM checks WHERE source = ? AND at < ? AND outcome <> 'failed'
            AND outcome IN ('baseline', 'changed', 'unchanged', 'cosmetic') ORDER BY at DESC LIMIT 1""",
            [source, at],
        ).fetchone()
        return str(row[0]) if row else None

    def find_gaps(self, source: str, longer: timedelta, now: datetime) -> list[tuple[str, str | None]]:
        """Return the periods longer than `longer` without a successful check, the oldest first.

        A period is its beginning and its end in UTC; None for the end if it lasts until now. The time before the first
        success is no gap. Checks in the future, by a clock that was ahead, do not count.
        """
        rows = self._db.execute(
            """SELECT was, at FROM (SELECT at, lag(at) OVER (ORDER BY at) AS was FROM checks
              WHERE source = ?1 AND outcome <> 'failed' AND at <= ?3) AS seen
            WHERE (julianday(at) - julianday(was)) * 86400 > ?2 ORDER BY at""",
            [source, longer.total_seconds(), to_text(now)],
        )
        gaps: list[tuple[str, str | None]] = [(was, at) for was, at in rows]
        last = self._db.execute(
            "SELECT max(at) FROM checks WHERE source = ? AND outcome <> 'failed' AND at <= ?", [source, to_text(now)]
        ).fetchone()[0]
        if last is not None and now - from_text(last) > longer:
            gaps.append((last, None))
        return gaps

    def record_skip(self, source: str, at: str) -> int:
        """Count a check that was skipped because the previous one was still running; return how many there were."""
        with self._db.transaction():
            self._db.execute(
                """INSERT INTO skips (source, number, last) VALUES (?, 1, ?)
                ON CONFLICT (source) DO UPDATE SET number = skips.number + 1, last = excluded.last""",
                [source, at],
            )
        return int(self._db.execute("SELECT number FROM skips WHERE source = ?", [source]).fetchone()[0])

    def list_successful(self, source: str, number: int) -> list[Mapping[str, Any]]:
        """Return the last `number` checks of a source that did not fail, the newest first."""
        return list(
            self._db.query(
                "SELECT * FROM checks WHERE source = ? AND outcome <> 'failed' ORDER BY id DESC LIMIT ?",
                [source, number],
            )
        )

    def read_streaks(self, sources: Iterable[str]) -> dict[str, CheckStreak]:
        """Return the streak of failed checks of each source, also of one that was never checked."""
        rows = self._db.query(
            """WITH newest AS (
              SELECT name.value AS source,
                (SELECT id FROM checks WHERE source = name.value ORDER BY id DESC LIMIT 1) AS last,
                coalesce((SELECT id FROM checks WHERE source = name.value AND outcome <> 'failed'
                  ORDER BY id DESC LIMIT 1), 0) AS good
              FROM json_each(:sources) AS name),
            failing AS (
              SELECT *, coalesce((SELECT id FROM checks WHERE source = newest.source AND id > good
                AND coalesce(reason, '') NOT IN (SELECT value FROM json_each(:gone)) ORDER BY id DESC LIMIT 1), good)
                AS last_other
              FROM newest)
            SELECT failing.source, last.at AS last, good.at AS success,
              (SELECT count(*) FROM checks WHERE source = failing.source AND id > failing.good) AS failures,
              (SELECT count(*) FROM checks WHERE source = failing.source AND id > failing.last_other) AS gone,
              (SELECT at FROM checks WHERE source = failing.source AND id > failing.good ORDER BY id LIMIT 1)
                AS failing_since,
              last.reason, last.message
            FROM failing LEFT JOIN checks AS last ON last.id = failing.last
            LEFT JOIN checks AS good ON good.id = failing.good""",
            {"sources": json.dumps(list(sources)), "gone": json.dumps(GONE_REASONS)},
        )
        return {row["source"]: CheckStreak(**row) for row in rows}

    def read_summaries(self, sources: Iterable[str]) -> dict[str, SourceSummary]:
        """Return a summary of each source, also of one that was never checked."""
        rows = self._db.execute(
            """SELECT name.value, last.at, last.outcome, last.reason, last.message, newest.dated, newest.observed,
              newest.live = 1 AND EXISTS
                (SELECT 1 FROM releases AS older WHERE older.source_id = sources.id AND older.place < newest.place)
            FROM json_each(?) AS name LEFT JOIN sources ON sources.name = name.value
            LEFT JOIN checks AS last ON last.id = (SELECT max(id) FROM checks WHERE source = name.value)
            LEFT JOIN releases AS newest ON newest.source_id = sources.id
              AND newest.place = (SELECT max(place) FROM releases WHERE source_id = sources.id)""",
            [json.dumps(list(sources))],
        )
        return {
            name: SourceSummary(
                at=at,
                outcome=outcome,
                reason=reason,
                message=message,
                changed=max(dated, observed[:10]) if followed else dated,
            )
            for name, at, outcome, reason, message, dated, observed, followed in rows
        }
