"""What is due, who works on it, and when a host may get a request: the tables of `work.sql`.

A claim is a lease: the worker extends those that it works on, and what a dead worker had is due again when its lease
ends. A worker that was only slow comes back with an old token, and `guard` refuses what it writes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from importlib import resources
from typing import TYPE_CHECKING, Any

from watcher.core.errors import UsageError
from watcher.core.work import CHECK, DELIVER, Claim, DueWork, WorkerState, WorkItem, WorkLoad

if TYPE_CHECKING:
    from watcher.store.base import Database
    from watcher.store.postgresql.database import PostgresqlDatabase

_HOST_KEY = "hashtextextended('registry-watcher host ' || current_schema() || ' ' || CAST(? AS TEXT), 0)"
_AT_A_TIME = 500  # due rows that one query reads: those that wait longest
_TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""
# What is due, is claimed by no living worker and has no job (which names its work in its arguments). Of one host only
# the first few: a slow host does not keep the workers from the others.
READY = f"""
WITH jobs AS MATERIALIZED (
  SELECT args ->> 'kind' AS kind, args ->> 'name' AS name FROM procrastinate_jobs WHERE status IN ('todo', 'doing')),
busy AS MATERIALIZED (
  SELECT host, count(*) AS number FROM jobs JOIN work USING (kind, name) WHERE host <> '' GROUP BY host),
waiting AS (
  SELECT kind, name, host, due FROM work
  WHERE due <= now() AND (until IS NULL OR until <= now())
    AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.kind = work.kind AND jobs.name = work.name)
    AND host NOT IN (SELECT host FROM busy WHERE number >= :per_host)
    AND host NOT IN (SELECT host FROM work_hosts WHERE blocked > now())
  ORDER BY due LIMIT {_AT_A_TIME}),
placed AS (SELECT *, row_number() OVER (PARTITION BY host ORDER BY due) AS place FROM waiting)
SELECT kind, name FROM placed LEFT JOIN busy USING (host)
WHERE host = '' OR place + coalesce(number, 0) <= :per_host
ORDER BY kind = 'check', due LIMIT greatest(0, :most - (SELECT count(*) FROM jobs))"""  # noqa: S608 - constants

# `due + interval '0'` keeps the planner from the index of `due`, which is slower than the key if many rows are due.
CLAIM = """
UPDATE work SET worker = ?, token = token + 1, until = now() + make_interval(secs => ?)
WHERE (kind, name) = (SELECT kind, name FROM work WHERE kind = ? AND name = ? AND due + interval '0' <= now()
  AND (until IS NULL OR until <= now()) FOR NO KEY UPDATE SKIP LOCKED)
RETURNING token"""


def open_tables(database: Database) -> WorkTables:
    """Return the tables of a history in PostgreSQL. Raises UsageError for one in SQLite, which has none."""
    tables = WorkTables(database)  # type: ignore[arg-type] # asked next
    if not hasattr(database, "require_claim"):
        raise UsageError("workers share a history in PostgreSQL; set url in [store], or use `watcher run`")
    return tables


class WorkTables:
    """What the workers of one history share, over one connection."""

    def __init__(self, database: PostgresqlDatabase) -> None:
        self._db = database

    @property
    def connection(self) -> Any:
        """The connection of psycopg, for the queue of jobs."""
        return self._db.conn

    def create(self, queue_schema: str, queue_version: str) -> None:
        """Create the tables that are missing, and those of the queue: again if it has another version.

        What is in the queue may be lost: what is due gets new jobs.
        """
        with self._db.transaction():
            connection = self._db.conn
            connection.execute(resources.files(__package__).joinpath("work.sql").read_bytes())
            row = connection.execute("SELECT obj_description(to_regclass('procrastinate_jobs'), 'pg_class')").fetchone()
            if row is None or row[0] != queue_version:
                connection.execute(resources.files(__package__).joinpath("drop_queue.sql").read_bytes())
                connection.execute(queue_schema.encode())
                connection.execute(f"COMMENT ON TABLE procrastinate_jobs IS '{queue_version}'".encode())

    def exist(self) -> bool:
        """Return whether workers were ever used with this history."""
        row = self._db.execute_at_once("SELECT to_regclass('work_workers') IS NOT NULL").fetchone()
        return bool(row and row[0])

    def register(self, host: str, process: int, version: str, lease: float) -> int:
        """Add a worker and return its number. Workers that ended more than a day ago are deleted."""
        self._db.execute_at_once("DELETE FROM work_workers WHERE until < now() - interval '1 day'")
        row = self._db.execute_at_once(
            """INSERT INTO work_workers (host, process, session, version, until)
            VALUES (?, ?, current_setting('application_name'), ?, now() + make_interval(secs => ?)) RETURNING id""",
            [host, process, version, lease],
        ).fetchone()
        return int(row[0]) if row else 0

    def extend(self, worker: int, claims: Collection[Claim], lease: float, *, schedules: bool) -> None:
        """Extend the lease of a worker and of what it works on."""
        self._db.execute_at_once(
            """UPDATE work_workers SET seen = now(), until = now() + make_interval(secs => ?), schedules = ?
            WHERE id = ?""",
            [lease, schedules, worker],
        )
        if claims:
            # A row that is locked is guarded by a transaction of this worker, and nobody can claim it meanwhile.
            self._db.execute_at_once(
                """UPDATE work SET until = now() + make_interval(secs => ?) WHERE (kind, name) IN
                (SELECT kind, name FROM work WHERE worker = ? AND kind || ' ' || name = ANY(?)
                 FOR NO KEY UPDATE SKIP LOCKED)""",
                [lease, worker, [claim.item.lock for claim in claims]],
            )

    def end_dead_sessions(self, lease: float) -> int:
        """End the sessions of workers that have been silent for another lease; return how many.

        A process that was stopped, or hangs, keeps its connections, and with them the locks of the scheduler, of hosts
        and of writers. A session that began after the lease is not ended: the process goes on again.
        """
        row = self._db.execute_at_once(
            """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity JOIN work_workers AS dead
              ON application_name = dead.session
            WHERE datname = current_database() AND pid <> pg_backend_pid()
              AND dead.until < now() - make_interval(secs => ?) AND backend_start < dead.until""",
            [lease],
        ).fetchone()
        return int(row[0]) if row else 0

    def end_worker(self, worker: int) -> None:
        """Remove a worker that stops in order, with what it may still have claimed."""
        self._db.execute_at_once("UPDATE work SET worker = NULL, until = NULL WHERE worker = ?", [worker])
        self._db.execute_at_once("DELETE FROM work_workers WHERE id = ?", [worker])

    def claim(self, item: WorkItem, worker: int, lease: float) -> Claim | None:
        """Claim what is due; return None if it is not due or another worker has it."""
        row = self._db.execute_at_once(
            CLAIM,
            [worker, lease, item.kind, item.name],
        ).fetchone()
        return Claim(item=item, token=int(row[0])) if row else None

    def finish(self, claim: Claim, after: float | None) -> None:
        """End a claim; the work is due again after so many seconds, with None when something else makes it due.

        Nothing happens if another worker has claimed it since.
        """
        self._db.execute_at_once(
            """UPDATE work SET worker = NULL, until = NULL,
            due = CASE WHEN ?1::float IS NULL THEN 'infinity' ELSE now() + make_interval(secs => ?1::float) END
            WHERE kind = ?2 AND name = ?3 AND token = ?4""",
            [after, claim.item.kind, claim.item.name, claim.token],
        )

    def guard(self, claim: Claim | None) -> None:
        """Let every transaction of this connection that begins from now on fail if a claim is lost by then.

        It then raises ClaimLostError. While a transaction runs, nobody else can claim the work.
        """
        self._db.require_claim(claim)

    def list_missing(self, items: Iterable[WorkItem]) -> list[WorkItem]:
        """Return the pieces of work that have no row yet."""
        rows = self._db.execute_at_once("SELECT kind, name FROM work").fetchall()
        present = {(kind, name) for kind, name in rows}
        return [item for item in items if (item.kind, item.name) not in present]

    def synchronize(self, configured: Iterable[DueWork]) -> None:
        """Make the rows those that the configuration asks for. An interval that became shorter counts from now on."""
        rows = [(due.item.kind, due.item.name, due.host, due.every, due.first) for due in configured]
        with self._db.transaction():
            self._db.execute(
                """CREATE TEMPORARY TABLE configured (kind TEXT COLLATE "C", name TEXT COLLATE "C",
                host TEXT COLLATE "C", every FLOAT, first FLOAT) ON COMMIT DROP"""
            )
            self._db.insert_rows("configured", ["kind", "name", "host", "every", "first"], rows)
            self._db.execute("ANALYZE configured")
            self._db.execute(
                """DELETE FROM work WHERE kind <> ? AND NOT EXISTS
                (SELECT 1 FROM configured AS c WHERE c.kind = work.kind AND c.name = work.name)""",
                [DELIVER],
            )
            self._db.execute(
                """UPDATE work SET every = c.every, host = c.host,
                due = least(due, now() + make_interval(secs => c.every)) FROM configured AS c
                WHERE c.kind = work.kind AND c.name = work.name AND (work.every, work.host) <> (c.every, c.host)"""
            )
            self._db.execute(
                """INSERT INTO work (kind, name, host, every, due)
                SELECT kind, name, host, every, now() + make_interval(secs => first) FROM configured
                ON CONFLICT (kind, name) DO NOTHING"""
            )

    def mark_channels_due(self, channels: Iterable[str]) -> None:
        """Make the deliveries of channels due now."""
        self._db.executemany(
            """INSERT INTO work (kind, name, due) VALUES (?, ?, now())
            ON CONFLICT (kind, name) DO UPDATE SET due = now() WHERE work.due > now()""",
            [(DELIVER, channel) for channel in channels],
        )

    def find_ready(self, *, most: int, per_host: int) -> list[WorkItem]:
        """Return what is due and has no job, while there are fewer than `most` jobs, and `per_host` of one host."""
        rows = self._db.execute_at_once(READY, {"most": most, "per_host": per_host})
        return [WorkItem(kind=kind, name=name) for kind, name in rows]

    def list_claimed(self) -> set[str]:
        """Return the locks of what living workers work on."""
        rows = self._db.execute_at_once("SELECT kind, name FROM work WHERE until > now()")
        return {WorkItem(kind=kind, name=name).lock for kind, name in rows}

    def list_workers(self) -> list[WorkerState]:
        """Return the workers, also those that died lately, in the order in which they started."""
        rows = self._db.query(
            f"""SELECT id, host, process, version, {_TIME.format("started")} AS started, {_TIME.format("seen")} AS seen,
              until > now() AS alive, schedules AND until > now() AS schedules,
              (SELECT count(*) FROM work WHERE worker = work_workers.id AND until > now()) AS running
            FROM work_workers ORDER BY id"""  # noqa: S608 - constants
        )
        return [WorkerState(**row) for row in rows]

    def read_load(self) -> WorkLoad:
        """Return how much is due."""
        row = self._db.execute_at_once(
            """SELECT count(*) FILTER (WHERE until IS NULL OR until <= now()), count(*) FILTER (WHERE until > now()),
              coalesce(extract(epoch FROM now() - min(due) FILTER (WHERE until IS NULL OR until <= now())), 0)::float
            FROM work WHERE kind = ? AND due <= now()""",
            [CHECK],
        ).fetchone()
        due, running, late = row or (0, 0, 0.0)
        return WorkLoad(due=due, running=running, late=late)

    def lock_host(self, host: str) -> int:
        """Wait for the lock of a host; return the number of the session, with which the lock ends."""
        row = self._db.execute_at_once(f"SELECT pg_backend_pid(), pg_advisory_lock({_HOST_KEY})", [host]).fetchone()
        return int(row[0]) if row else 0

    def read_session(self) -> int:
        """Return the number that the server gave to the session of this connection; a lost one is opened again."""
        row = self._db.execute_at_once("SELECT pg_backend_pid()").fetchone()
        return int(row[0]) if row else 0

    def unlock_host(self, host: str) -> None:
        self._db.execute_at_once(f"SELECT pg_advisory_unlock({_HOST_KEY})", [host])

    def reserve_host(self, host: str, interval: float) -> float:
        """Reserve the next free moment of a host, `interval` seconds before the one after it; return how far it is."""
        row = self._db.execute_at_once(
            """INSERT INTO work_hosts (host, next) VALUES (?1, now() + make_interval(secs => ?2))
            ON CONFLICT (host) DO UPDATE SET next = greatest(work_hosts.next, now()) + make_interval(secs => ?2)
            RETURNING extract(epoch FROM next - now())::float - ?2""",
            [host, interval],
        ).fetchone()
        return max(float(row[0]), 0.0) if row else 0.0

    def block_host(self, host: str, seconds: float) -> None:
        """Record that a host asked for no requests for so many seconds; a longer recorded pause stays."""
        self._db.execute_at_once(
            """INSERT INTO work_hosts (host, blocked) VALUES (?1, now() + make_interval(secs => ?2))
            ON CONFLICT (host) DO UPDATE SET blocked = greatest(work_hosts.blocked, excluded.blocked)""",
            [host, seconds],
        )

    def read_block(self, host: str) -> float:
        """Return the seconds until a host takes requests again; 0 if it takes them now."""
        row = self._db.execute_at_once(
            "SELECT extract(epoch FROM blocked - now())::float FROM work_hosts WHERE host = ? AND blocked > now()",
            [host],
        ).fetchone()
        return max(float(row[0]), 0.0) if row else 0.0
