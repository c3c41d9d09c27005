"""The outbox: what is to be sent, what was, and what was given up. Sends nothing itself."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any

from watcher.model import Delivery
from watcher.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Where a delivery stands: `pending`, `sent` or `failed` (given up)."""

    state: str
    attempts: int
    next_attempt: str
    last_error: str | None
    sent: str | None


class Deliveries:
    """Write and ask the outbox. Times are UTC texts (`watcher.times`), so they compare as text."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._db = database.db

    def add(self, deliveries: Iterable[Delivery], *, now: str) -> None:
        """Add messages, due at once, in the caller's transaction; an id that is there already is left alone."""
        self._db.conn.executemany(
            """INSERT INTO outbox (id, channel, recipient, source, release, body, created, state, next_attempt)
            VALUES (:id, :channel, :recipient, :source, :release, :body, :created, :state, :next_attempt)
            ON CONFLICT (id) DO NOTHING""",
            [{**asdict(each), "next_attempt": each.after or now} for each in deliveries],
        )

    def transaction(self) -> AbstractContextManager[None]:
        """All or nothing, as `Database.transaction`."""
        return self._database.transaction()

    def gathered(self, now: str) -> list[list[Delivery]]:
        """Return what is gathered, by channel and recipient, where the first of it is due; the oldest first."""
        rows = self._db.query(
            """SELECT id, channel, recipient, source, release, body, created, attempts FROM outbox
            WHERE state = 'gathering' AND (channel, recipient) IN
              (SELECT channel, recipient FROM outbox WHERE state = 'gathering' AND next_attempt <= ?)
            ORDER BY channel, recipient, created, next_attempt, id""",
            [now],
        )
        found = [Delivery(**row) for row in rows]
        return [list(same) for _, same in groupby(found, key=lambda each: (each.channel, each.recipient))]

    def release(self, id: str) -> None:  # noqa: A002 - the column's name
        """Let a gathered message be sent by itself, as it is."""
        self._db.execute("UPDATE outbox SET state = 'pending' WHERE id = ? AND state = 'gathering'", [id])

    def replace(self, members: Iterable[Delivery], digest: Delivery, *, now: str) -> None:
        """Send a digest in place of gathered messages; they stay in the outbox and name it."""
        self.add([digest], now=now)
        self._db.conn.executemany(
            "UPDATE outbox SET state = 'digested', digest = ? WHERE id = ?", [(digest.id, each.id) for each in members]
        )

    def sent_since(self, channel: str, time: str) -> int:
        """Return how many messages a channel took since a time."""
        return int(
            self._db.execute("SELECT count(*) FROM outbox WHERE channel = ? AND sent > ?", [channel, time]).fetchone()[
                0
            ]
        )

    def postpone(self, channel: str, *, besides: int, now: str, until: str) -> None:
        """Let everything that is due on a channel wait until a time, besides so many of the oldest."""
        self._db.execute(
            """UPDATE outbox SET next_attempt = :until WHERE id IN
              (SELECT id FROM outbox WHERE state = 'pending' AND channel = :channel AND next_attempt <= :now
               ORDER BY next_attempt, created, id LIMIT -1 OFFSET :besides)""",
            {"until": until, "channel": channel, "now": now, "besides": besides},
        )

    def counts(self) -> dict[tuple[str, str], int]:
        """Return how many messages of a channel are in each state but sent and digested."""
        rows = self._db.execute(
            """SELECT channel, state, count(*) FROM outbox WHERE state NOT IN ('sent', 'digested')
            GROUP BY channel, state"""
        )
        return {(channel, state): number for channel, state, number in rows}

    def due(self, now: str, besides: Collection[str] = (), limit: int = 100) -> list[Delivery]:
        """Return what is to be sent by now, the oldest first, but for some channels."""
        rows = self._db.query(
            """SELECT id, channel, recipient, source, release, body, created, attempts FROM outbox
            WHERE state = 'pending' AND next_attempt <= ? AND channel NOT IN (SELECT value FROM json_each(?))
            ORDER BY next_attempt, created, id LIMIT ?""",
            [now, json.dumps(list(besides)), limit],
        )
        return [Delivery(**row) for row in rows]

    def claim(self, id: str, *, now: str, until: str) -> bool:  # noqa: A002 - the column's name
        """Take a due delivery for this process until a time; False when another has it.

        A process that dies with it loses it at that time: then it is sent again, under the same id.
        """
        with self._database.transaction():
            found = self._db.execute(
                """UPDATE outbox SET next_attempt = ?, attempts = attempts + 1
                WHERE id = ? AND state = 'pending' AND next_attempt <= ?""",
                [until, id, now],
            )
            return found.rowcount == 1

    def sent(self, id: str, now: str) -> None:  # noqa: A002 - the column's name
        """Mark a delivery as accepted by the other side."""
        with self._database.transaction():
            self._db.execute("UPDATE outbox SET state = 'sent', sent = ?, last_error = NULL WHERE id = ?", [now, id])

    def retry(self, id: str, error: str, next_attempt: str) -> None:  # noqa: A002 - the column's name
        """Mark a delivery to be tried again."""
        with self._database.transaction():
            self._db.execute(
                "UPDATE outbox SET next_attempt = ?, last_error = ? WHERE id = ? AND state = 'pending'",
                [next_attempt, error, id],
            )

    def failed(self, id: str, error: str) -> None:  # noqa: A002 - the column's name
        """Mark a delivery as given up; it stays in the outbox."""
        with self._database.transaction():
            self._db.execute("UPDATE outbox SET state = 'failed', last_error = ? WHERE id = ?", [error, id])

    def state(self, id: str) -> State:  # noqa: A002 - the column's name
        """Return where a delivery stands. Raises KeyError for an unknown id."""
        row = self._db.execute(
            "SELECT state, attempts, next_attempt, last_error, sent FROM outbox WHERE id = ?", [id]
        ).fetchone()
        if row is None:
            raise KeyError(id)
        return State(state=row[0], attempts=row[1], next_attempt=row[2], last_error=row[3], sent=row[4])

    def pending(self) -> list[Mapping[str, Any]]:
        """Return what waits or is gathered, for people: every column but the body."""
        return list(
            self._db.query(
                """SELECT id, channel, recipient, source, release, created, attempts, next_attempt, last_error
                FROM outbox WHERE state IN ('pending', 'gathering') ORDER BY next_attempt, id"""
            )
        )
