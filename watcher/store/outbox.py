"""The outbox: the messages that are pending, gathered for a digest, sent or failed. Sends nothing itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import asdict

from watcher.core.operations import Delivery
from watcher.core.times import from_text, to_text

if TYPE_CHECKING:
    from watcher.store.base import Database

PENDING, SENT, FAILED = "pending", "sent", "failed"
STATES = (PENDING, SENT, FAILED, "gathering", "digested", "silenced", "withdrawn")

_BODY = "coalesce((SELECT whole.body FROM outbox whole WHERE whole.id = outbox.body_of), body)"
_DELIVERY = f"id, channel, recipient, source, release, {_BODY} AS body, created, attempts"
_DUE = """state = 'pending' AND next_attempt <= :now
  AND channel NOT IN (SELECT channel FROM endpoints WHERE gone IS NOT NULL)"""


class DeliveryQuery(Struct, frozen=True, kw_only=True):
    """Filters for rows of the outbox, combined with AND.

    `since` and `until` are the days (`YYYY-MM-DD`), both included, on which a message was created; since `latest` is
    the day of the newest. The tuples list alternatives; an empty one accepts all. `limit` keeps the newest.
    """

    ids: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    limit: int | None = None


class OutboxNames(Struct, frozen=True, kw_only=True):
    """The names of the channels and sources of all messages."""

    channels: frozenset[str]
    sources: frozenset[str]


class DeliveryState(Struct, frozen=True, kw_only=True):
    """The state of a delivery, its attempts so far and the next one."""

    state: str
    attempts: int
    next_attempt: str
    last_error: str | None
    sent: str | None


class OutboxTable:
    """The table `outbox`. Times are UTC texts (`watcher.core.times`), so they sort as text.

    `scheduled` is the time at which `next_attempt` was set: `correct_times` sees by it that the clock was set back.
    """

    def __init__(self, database: Database) -> None:
        self._db = database

    def add_deliveries(self, deliveries: Iterable[Delivery], *, now: str) -> None:
        """Insert deliveries in the caller's transaction; an id that is there already stays as it is.

        They are due at once, or at the time in `after`. A body that several have is stored with the first one.
        """
        first: dict[str, str] = {}  # body → the id of the first delivery that has it
        self._db.executemany(
            """INSERT INTO outbox (id, channel, recipient, source, release, body, body_of, created, state, next_attempt,
              scheduled, schedule)
            SELECT :id, :channel, :recipient, :source, :release, CASE WHEN shared THEN '' ELSE :body END,
              CASE WHEN shared THEN :first END, :created, :state, :next_attempt, :now, :schedule
            FROM (SELECT EXISTS (SELECT 1 FROM outbox WHERE id = :first AND id <> :id AND body = :body) AS shared) AS o
            WHERE true ON CONFLICT (id) DO NOTHING""",
            [
                {
                    **asdict(delivery),
                    "first": first.setdefault(delivery.body, delivery.id),
                    "next_attempt": delivery.after or now,
                    "now": now,
                }
                for delivery in deliveries
            ],
        )

    def correct_times(self, now: str) -> None:
        """Restart waits that were set at a time after `now`: the clock was ahead then, or is behind now.

        Each of these deliveries then waits from now as long as it was to wait.
        """
        # `state NOT IN` is the condition of the index.
        condition = """state NOT IN ('sent', 'digested') AND state IN ('pending', 'gathering')
            AND coalesce(scheduled, created) > ?1"""
        if self._db.execute(f"SELECT 1 FROM outbox WHERE {condition} LIMIT 1", [now]).fetchone() is None:  # noqa: S608
            return
        with self._db.transaction():
            rows = self._db.execute(
                f"SELECT id, next_attempt, coalesce(scheduled, created) FROM outbox WHERE {condition}",  # noqa: S608 - constant
                [now],
            ).fetchall()
            self._db.executemany(
                "UPDATE outbox SET scheduled = ?, next_attempt = ? WHERE id = ?",
                [
                    (now, to_text(from_text(now) + max(timedelta(), from_text(due) - from_text(since))), identifier)
                    for identifier, due, since in rows
                ],
            )

    def list_unsent(self, source: str, release: str) -> list[str]:
        """Return the ids of the deliveries of a release that were never attempted."""
        rows = self._db.execute(
            """SELECT id FROM outbox WHERE source = ? AND release = ? AND attempts = 0
            AND state IN ('pending', 'gathering', 'silenced')""",
            [source, release],
        )
        return [str(row[0]) for row in rows]

    def replace_unsent(self, deliveries: Mapping[str, Delivery | None]) -> None:
        """Give deliveries another body, by id; withdraw those that are None, as nothing in them is true any more."""
        self._db.executemany(
            f"UPDATE outbox SET body = {_BODY}, body_of = NULL WHERE body_of = ?",  # noqa: S608 - constant
            [(identifier,) for identifier in deliveries],
        )
        self._db.executemany(
            "UPDATE outbox SET body = ?, body_of = NULL WHERE id = ?",
            [(delivery.body, identifier) for identifier, delivery in deliveries.items() if delivery is not None],
        )
        self._db.executemany(
            "UPDATE outbox SET state = 'withdrawn' WHERE id = ?",
            [(identifier,) for identifier, delivery in deliveries.items() if delivery is None],
        )

    def end_delays(self, prefix: str, now: str) -> None:
        """Make deliveries that wait for their first attempt due at once; the source's name begins with `prefix`."""
        with self._db.transaction():
            self._db.execute(
                """UPDATE outbox SET next_attempt = ?1, scheduled = ?1
                WHERE state = 'pending' AND attempts = 0 AND next_attempt > ?1
                AND substr(source, 1, length(?2)) = ?2""",
                [now, prefix],
            )

    def list_gathered(self, now: str) -> list[list[Delivery]]:
        """Return the gathered deliveries of each channel, recipient and schedule whose digest is due, oldest first."""
        rows = self._db.query(
            f"""SELECT {_DELIVERY}, schedule FROM outbox WHERE state = 'gathering' AND (channel, recipient, schedule) IN
              (SELECT channel, recipient, schedule FROM outbox WHERE state = 'gathering' AND next_attempt <= ?)
            ORDER BY channel, recipient, schedule, rowid""",  # noqa: S608 - constant
            [now],
        )
        deliveries = [Delivery(**row) for row in rows]
        groups = groupby(deliveries, key=lambda delivery: (delivery.channel, delivery.recipient, delivery.schedule))
        return [list(group) for _, group in groups]

    def make_pending(self, id: str) -> None:  # noqa: A002 - the column's name
        """Make a gathered delivery pending, so that it is sent by itself."""
        self._db.execute("UPDATE outbox SET state = 'pending' WHERE id = ? AND state = 'gathering'", [id])

    def replace_with_digest(self, members: Iterable[Delivery], digest: Delivery, *, now: str) -> None:
        """Insert a digest that is sent in place of gathered deliveries; these stay in the outbox and name it."""
        self.add_deliveries([digest], now=now)
        self._db.executemany(
            "UPDATE outbox SET state = 'digested', digest = ? WHERE id = ?",
            [(digest.id, member.id) for member in members],
        )

    def count_sent(self, channel: str, since: str, until: str) -> int:
        """Return how many messages a channel accepted after one UTC time and up to another."""
        row = self._db.execute(
            "SELECT count(*) FROM outbox WHERE channel = ? AND sent > ? AND sent <= ?", [channel, since, until]
        )
        return int(row.fetchone()[0])

    def postpone_due(self, channel: str, *, besides: int, now: str, until: str) -> None:
        """Postpone the due deliveries of a channel to a UTC time, except for the `besides` oldest."""
        self._db.execute(
            """UPDATE outbox SET next_attempt = :until, scheduled = :now WHERE id IN
              (SELECT id FROM outbox WHERE state = 'pending' AND channel = :channel AND next_attempt <= :now
               ORDER BY rowid LIMIT :all OFFSET :besides)""",
            {"until": until, "channel": channel, "now": now, "besides": besides, "all": sys.maxsize},
        )

    def list_due(
        self, now: str, besides: Collection[str] = (), limit: int = 100, *, channel: str | None = None
    ) -> list[Delivery]:
        """Return the deliveries that are due, the oldest first: of one channel, or of all except for `besides`.

        Nothing is due on a disabled channel; its messages wait.
        """
        rows = self._db.query(
            f"""SELECT {_DELIVERY} FROM outbox
            WHERE {_DUE} AND channel NOT IN (SELECT value FROM json_each(:besides))
              AND channel = coalesce(:channel, channel)
            ORDER BY rowid LIMIT :limit""",  # noqa: S608 - constant
            {"now": now, "besides": json.dumps(list(besides)), "channel": channel, "limit": limit},
        )
        return [Delivery(**row) for row in rows]

    def list_due_channels(self, now: str) -> list[str]:
        """Return the channels on which a delivery is due."""
        rows = self._db.execute(f"SELECT DISTINCT channel FROM outbox WHERE {_DUE} ORDER BY 1", {"now": now})  # noqa: S608
        return [str(row[0]) for row in rows]

    def claim_delivery(self, id: str, *, now: str, until: str) -> bool:  # noqa: A002 - the column's name
        """Claim a due delivery for this process until a UTC time; return False if another process has it.

        If the process dies, the delivery is due again at that time, under the same id.
        """
        with self._db.transaction():
            cursor = self._db.execute(
                """UPDATE outbox SET next_attempt = ?1, scheduled = ?3, attempts = attempts + 1
                WHERE id = ?2 AND state = 'pending' AND next_attempt <= ?3""",
                [until, id, now],
            )
            return cursor.rowcount == 1

    def mark_sent(self, id: str, now: str) -> None:  # noqa: A002 - the column's name
        """Mark a delivery as accepted by the server."""
        with self._db.transaction():
            self._db.execute("UPDATE outbox SET state = 'sent', sent = ?, last_error = NULL WHERE id = ?", [now, id])

    def schedule_retry(self, id: str, error: str, next_attempt: str, *, now: str) -> None:  # noqa: A002 - the column's name
        """Set the time of the next attempt and the error of the last one."""
        with self._db.transaction():
            self._db.execute(
                """UPDATE outbox SET next_attempt = ?, scheduled = ?, last_error = ?
                WHERE id = ? AND state = 'pending'""",
                [next_attempt, now, error, id],
            )

    def mark_failed(self, id: str, error: str) -> None:  # noqa: A002 - the column's name
        """Mark a delivery as failed for good; it stays in the outbox."""
        with self._db.transaction():
            self._db.execute("UPDATE outbox SET state = 'failed', last_error = ? WHERE id = ?", [error, id])

    def read_state(self, id: str) -> DeliveryState:  # noqa: A002 - the column's name
        """Return the state of a delivery. Raises KeyError for an unknown id."""
        row = self._db.execute(
            "SELECT state, attempts, next_attempt, last_error, sent FROM outbox WHERE id = ?", [id]
        ).fetchone()
        if row is None:
            raise KeyError(id)
        return DeliveryState(state=row[0], attempts=row[1], next_attempt=row[2], last_error=row[3], sent=row[4])

    def requeue_deliveries(self, ids: Iterable[str], *, now: str) -> None:
        """Make deliveries of any state pending and due at once, with no attempts counted; their ids stay."""
        with self._db.transaction():
            self._db.execute(
                """UPDATE outbox SET state = 'pending', attempts = 0, next_attempt = ?1, scheduled = ?1,
                last_error = NULL WHERE id IN (SELECT value FROM json_each(?2))""",
                [now, json.dumps(list(ids))],
            )

    def requeue_channel(self, channel: str, *, now: str) -> int:
        """Make the pending deliveries of a channel due at once, with no attempts counted; return their number."""
        with self._db.transaction():
            cursor = self._db.execute(
                """UPDATE outbox SET attempts = 0, next_attempt = ?1, scheduled = ?1
                WHERE state = 'pending' AND channel = ?2""",
                [now, channel],
            )
            return int(cursor.rowcount)

    def find_deliveries(self, query: DeliveryQuery) -> list[Mapping[str, Any]]:
        """Return rows of the outbox without their bodies, the oldest first."""
        rows = self._db.query(
            """SELECT id, channel, recipient, source, release, created, state, attempts, next_attempt, sent, last_error
            FROM outbox
            WHERE (:ids = '[]' OR id IN (SELECT value FROM json_each(:ids)))
              AND (:states = '[]' OR state IN (SELECT value FROM json_each(:states)))
              AND (:channels = '[]' OR channel IN (SELECT value FROM json_each(:channels)))
              AND (:sources = '[]' OR source IN (SELECT value FROM json_each(:sources)))
              AND substr(created, 1, 10) BETWEEN
                coalesce(
                  CASE WHEN :since = 'latest' THEN (SELECT max(substr(created, 1, 10)) FROM outbox) ELSE :since END, '')
                AND coalesce(nullif(:until, 'latest'), '9')
            ORDER BY created DESC, id DESC LIMIT :limit""",
            {name: json.dumps(value) if isinstance(value, tuple) else value for name, value in asdict(query).items()}
            | {"limit": sys.maxsize if query.limit is None else query.limit},
        )
        deliveries = [
            {**row, "next_attempt": row["next_attempt"] if row["state"] in ("pending", "gathering") else None}
            for row in rows
        ]
        return [*reversed(deliveries)]

    def list_newest_unsent(self, most: int) -> list[Mapping[str, Any]]:
        """Return rows of messages that wait, are silenced or failed, without their bodies, the newest first."""
        rows = self._db.query(
            """SELECT id, channel, recipient, source, created, state, attempts, last_error FROM outbox
            WHERE state NOT IN ('sent', 'digested') ORDER BY created DESC, id DESC LIMIT ?""",
            [most],
        )
        return list(rows)

    def list_names(self) -> OutboxNames:
        """Return the channels and sources that messages have; some may not be configured any more."""
        rows = self._db.execute("SELECT DISTINCT channel, source FROM outbox").fetchall()
        return OutboxNames(
            channels=frozenset(channel for channel, _ in rows), sources=frozenset(source for _, source in rows)
        )

    def list_pending(self) -> list[Mapping[str, Any]]:
        """Return the rows of pending and gathered deliveries, without bodies, by the time of the next attempt."""
        return sorted(
            self.find_deliveries(DeliveryQuery(states=("pending", "gathering"))),
            key=lambda row: (row["next_attempt"], row["id"]),
        )

    def count_by_state(self) -> dict[tuple[str, str], int]:
        """Return the number of deliveries by channel and state, except for sent, digested and withdrawn ones."""
        rows = self._db.execute(
            """SELECT channel, state, count(*) FROM outbox
            WHERE state NOT IN ('sent', 'digested') AND state <> 'withdrawn'
            GROUP BY channel, state"""
        )
        return {(channel, state): number for channel, state, number in rows}

    def find_last_sent(self, channel: str) -> str | None:
        """Return the UTC time at which a channel last accepted a message, or None."""
        sent = self._db.execute("SELECT max(sent) FROM outbox WHERE channel = ?", [channel]).fetchone()[0]
        return str(sent) if sent else None
