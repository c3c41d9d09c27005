"""The held releases, and how each hold was decided."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from watcher.core.errors import UsageError
from watcher.core.operations import Hold, HoldState, Reason

if TYPE_CHECKING:
    from watcher.store.base import Database


class HoldsTable:
    """The tables `held` and `held_snapshots`. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def read_hold(self, source: str, digest: str) -> Hold | None:
        """Return the hold of a canonical content in any state, or None."""
        rows = self._db.query("SELECT * FROM held WHERE source = ? AND content = ?", [source, digest])
        return next(map(_decode_hold, rows), None)

    def find_hold(self, source: str, reference: str) -> Hold:
        """Return the hold that a release id or a SHA-256 prefix names. Raises UsageError, which lists the holds."""
        rows = self._db.query(
            """SELECT DISTINCT held.* FROM held LEFT JOIN held_snapshots USING (source, content)
            WHERE source = :source AND (substr(content, 1, :length) = :reference
            OR substr(held_snapshots.sha256, 1, :length) = :reference)""",
            {"source": source, "reference": reference.lower(), "length": len(reference)},
        )
        holds = [_decode_hold(row) for row in rows] if reference else []
        if len(holds) == 1:
            return holds[0]
        if holds:
            raise UsageError(f"{reference!r} names {len(holds)} held releases of {source}; give more of it")
        held = ", ".join(hold.id for hold in self.list_holds(source) if hold.state is HoldState.HELD) or "none"
        raise UsageError(f"{source} has no held release {reference!r} (held are: {held})")

    def list_holds(self, source: str | None = None) -> list[Hold]:
        """Return the holds of a source, or of all sources, the oldest first."""
        where = "" if source is None else "WHERE source = ?"
        rows = self._db.query(
            f"SELECT * FROM held {where} ORDER BY source, first_seen, content",  # noqa: S608 - a constant
            [] if source is None else [source],
        )
        return [_decode_hold(row) for row in rows]

    def save_hold(self, hold: Hold) -> None:
        """Insert or replace a hold."""
        self._db.execute(
            """INSERT INTO held VALUES (:source, :digest, :sha256, :published, :entries, :reasons, :first_seen,
            :last_seen, :times, :in_a_row, :state, :decided, :by) ON CONFLICT (source, content) DO UPDATE SET
            reasons = excluded.reasons, first_seen = excluded.first_seen, last_seen = excluded.last_seen,
            times = excluded.times, in_a_row = excluded.in_a_row, state = excluded.state, decided = excluded.decided,
            decided_by = excluded.decided_by""",
            {**asdict(hold), "reasons": json.dumps([asdict(reason) for reason in hold.reasons], ensure_ascii=False)},
        )

    def add_snapshot(self, hold: Hold, sha256: str) -> None:
        """Record that a snapshot holds a held release."""
        self._db.execute(
            "INSERT INTO held_snapshots VALUES (?, ?, ?) ON CONFLICT DO NOTHING", [hold.source, hold.digest, sha256]
        )

    def list_snapshots(self, hold: Hold) -> list[str]:
        """Return the SHA-256 of every snapshot of a held release."""
        rows = self._db.execute(
            "SELECT sha256 FROM held_snapshots WHERE source = ? AND content = ? ORDER BY sha256",
            [hold.source, hold.digest],
        )
        return [row[0] for row in rows]

    def has_open_run(self, source: str) -> bool:
        """Return whether a release of the source is held, or the last check was served one that was."""
        rows = self._db.execute(
            "SELECT 1 FROM held WHERE source = ? AND (state = 'held' OR in_a_row > 0) LIMIT 1", [source]
        )
        return rows.fetchone() is not None

    def end_runs(self, source: str, besides: str = "") -> None:
        """Reset `in_a_row` of the holds of a source, except for that of `besides`, the release that was served now."""
        # Only rows above 0, so that an ordinary check writes nothing here.
        self._db.execute(
            "UPDATE held SET in_a_row = 0 WHERE source = ? AND content <> ? AND in_a_row > 0", [source, besides]
        )

    def supersede_holds(self, source: str, at: str, code: str | None = None) -> None:
        """Close the held releases of a source because a newer one was accepted.

        With a `code`, only those that are held for this reason alone.
        """
        self._db.execute(
            """UPDATE held SET state = 'superseded', decided = :at, decided_by = 'newer'
            WHERE source = :source AND state = 'held'
            AND (CAST(:code AS TEXT) IS NULL
              OR (json_array_length(reasons) = 1 AND reasons ->> 0 ->> 'code' = :code))""",
            {"at": at, "source": source, "code": code},
        )


def _decode_hold(row: dict[str, Any]) -> Hold:
    reasons = tuple(Reason(**{**reason, "where": tuple(reason["where"])}) for reason in json.loads(row["reasons"]))
    names = {"content": "digest", "decided_by": "by"}  # columns whose field is another word
    fields = {names.get(column, column): value for column, value in row.items()}
    return Hold(**{**fields, "reasons": reasons, "state": HoldState(row["state"])})
