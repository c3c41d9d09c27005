"""The tables `leftovers` and `moves`: entries that a release of one group removed and one of another group added."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from watcher.core.model import Change, Item, Kind
from watcher.store.stored_items import decode_item, decode_items

if TYPE_CHECKING:
    from watcher.store.base import Database

_FEW = 50  # entries of one name; a name that more entries of both releases have says nothing about which is which

# The pairs of releases are chosen first, by how many entries of each have a name: two releases with n entries of one
# name would make n * n pairs.
_CANDIDATES = """
WITH wanted AS MATERIALIZED (SELECT release_id, seq, leaves, name FROM leftovers WHERE {condition}),
sizes AS MATERIALIZED (
  SELECT name, leaves, release_id, count(*) AS size FROM leftovers
  WHERE name IN (SELECT name FROM wanted) GROUP BY name, leaves, release_id
),
pairs AS MATERIALIZED (
  SELECT one.name, one.leaves, one.release_id, two.release_id AS other_id
  FROM sizes one JOIN sizes two
    ON two.name = one.name AND two.leaves = 1 - one.leaves AND (one.size <= :few OR two.size <= :few)
  JOIN releases ON releases.id = one.release_id JOIN releases others ON others.id = two.release_id
  JOIN sources ON sources.id = others.source_id
  WHERE one.release_id IN (SELECT release_id FROM wanted)
    AND others.source_id <> releases.source_id AND substr(sources.name, 1, length(:prefix)) = :prefix
    AND abs(julianday(others.dated) - julianday(releases.dated)) <= :days
)
SELECT DISTINCT wanted.release_id, wanted.seq, wanted.leaves, two.release_id, two.seq
FROM wanted JOIN pairs USING (name, leaves, release_id)
CROSS JOIN leftovers two
WHERE two.name = wanted.name AND two.leaves = 1 - wanted.leaves AND two.release_id = pairs.other_id
"""


class ChangePlace(NamedTuple):
    """Where a change is: the row of its release, and its position there."""

    release: int
    seq: int


class StoredMove(NamedTuple):
    """The change that removed an entry in one group, and the one that added it in another.

    Without `is_entry`, `new` only came with the registry of the entry that `old` is about.
    """

    old: ChangePlace
    new: ChangePlace
    is_entry: bool = True

    @property
    def releases(self) -> frozenset[int]:
        return frozenset((self.old.release, self.new.release))


class MovesTable:
    """The moves between the groups of one history. Everything is written in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def find_candidates(
        self, prefix: str, days: int, *, releases: Collection[int] = (), places: Collection[ChangePlace] = ()
    ) -> set[tuple[ChangePlace, ChangePlace]]:
        """Return pairs (removed, added) that share a name, one of each in `releases` or at `places`.

        A name that many entries of both releases have does not count. The groups differ, their names begin with
        `prefix`, and the releases are at most so many days apart.
        """
        conditions = {
            "release_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:values))": json.dumps([*releases]),
            """(release_id, seq) IN (
                SELECT CAST(value ->> 0 AS BIGINT), CAST(value ->> 1 AS BIGINT) FROM json_each(:values))""": json.dumps(
                [*places]
            ),
        }
        pairs = set()
        for condition, values in conditions.items():
            numbers = {"prefix": prefix, "days": days, "values": values, "few": _FEW}
            rows = self._db.execute(_CANDIDATES.format(condition=condition), numbers)
            for release, seq, leaves, other_release, other_seq in rows:
                one, two = ChangePlace(release, seq), ChangePlace(other_release, other_seq)
                pairs.add((one, two) if leaves else (two, one))
        return pairs

    def list_moves(self, releases: Iterable[int]) -> set[StoredMove]:
        """Return the moves with a side in some releases."""
        rows = self._db.execute(
            """SELECT old_release, old_seq, new_release, new_seq, is_entry FROM moves
            WHERE old_release IN (SELECT CAST(value AS BIGINT) FROM json_each(?1)) UNION ALL
            SELECT old_release, old_seq, new_release, new_seq, is_entry FROM moves
            WHERE new_release IN (SELECT CAST(value AS BIGINT) FROM json_each(?1))""",
            [json.dumps([*releases])],
        )
        return {StoredMove(ChangePlace(*row[:2]), ChangePlace(*row[2:4]), bool(row[4])) for row in rows}

    def replace_moves(self, old: Iterable[StoredMove], new: Iterable[StoredMove]) -> None:
        """Delete some moves and insert others."""
        self._db.executemany(
            "DELETE FROM moves WHERE new_release = ? AND new_seq = ?", [tuple(move.new) for move in old]
        )
        self._db.executemany(
            "INSERT INTO moves (new_release, new_seq, old_release, old_seq, is_entry) VALUES (?, ?, ?, ?, ?)",
            [(*move.new, *move.old, int(move.is_entry)) for move in new],
        )

    def read_changes(self, release: int, seqs: Iterable[int] | None = None) -> dict[int, Change]:
        """Return changes of a release by their position, without their fields; all of them by default."""
        rows = self._db.execute(
            """SELECT seq, quiet, b.section, b.key, b.status, b.fields, a.section, a.key, a.status, a.fields
            FROM changes LEFT JOIN versions b ON b.id = before_id LEFT JOIN versions a ON a.id = after_id
            WHERE release_id = ?1
              AND (CAST(?2 AS TEXT) IS NULL OR seq IN (SELECT CAST(value AS BIGINT) FROM json_each(?2)))""",
            [release, None if seqs is None else json.dumps([*seqs])],
        )
        return {
            row[0]: Change(
                before=decode_item(*row[2:6]) if row[2] else None,
                after=decode_item(*row[6:10]) if row[6] else None,
                quiet=bool(row[1]),
            )
            for row in rows
        }

    def list_completed_later(self, release: int) -> frozenset[str]:
        """Return the fingerprints of a release's events whose other side a check found after it."""
        rows = self._db.execute(
            """SELECT fingerprint FROM events JOIN event_sides ON event_id = events.id
            JOIN releases ON releases.id =
              CASE WHEN events.release_id = ?1 THEN event_sides.release_id ELSE events.release_id END
            WHERE ?1 IN (events.release_id, event_sides.release_id) AND releases.id > ?1 AND live = 1""",
            [release],
        )
        return frozenset(fingerprint for (fingerprint,) in rows)

    def read_rows(self, source: str, place: int, path: str) -> Iterator[Item]:
        """Yield the entries of one nested registry in the release at a place."""
        rows = self._db.execute(
            """SELECT section, key, status, fields FROM versions
            WHERE source_id = (SELECT id FROM sources WHERE name = ?1) AND section = 'entry'
              AND first <= ?2 AND (until IS NULL OR until > ?2) AND key ->> 'registry' = ?3""",
            [source, place, path],
        )
        return decode_items(rows.fetchall())


def insert_leftovers(db: Database, release: int, names: Mapping[int, Sequence[str]], changes: Sequence[Change]) -> None:
    """Replace the leftovers of a release: the names of its removed and added entries, by the position of the change."""
    db.execute("DELETE FROM leftovers WHERE release_id = ?", [release])
    db.executemany(
        "INSERT INTO leftovers (release_id, seq, leaves, name) VALUES (?, ?, ?, ?)",
        [
            (release, seq, int(changes[seq].kind is not Kind.ADDED), name)
            for seq, same in names.items()
            for name in dict.fromkeys(same)
        ],
    )
