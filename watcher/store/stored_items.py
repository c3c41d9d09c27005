"""The items of a stored release: the rows of `versions` made items again, no more of them than is asked for."""

# ruff: noqa: S608 - the statements are put together of parts that stand here
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from watcher.core.intervals import Interval, IntervalUnion
from watcher.core.model import Item, ItemKey, Key, Section, Status
from watcher.store.connection import Connection

# How all JSON is written here; one for all: making one costs more than what it writes.
WRITTEN = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
COLUMNS = "section, key, status, fields"
# Every state that stands in a release: ?1 is the source's row, ?2 the release's place.
_STANDING = "source_id = ?1 AND first <= ?2 AND (until IS NULL OR until > ?2)"
# The states that changes of the releases between two places made or ended, and that stand in one of the two alone.
_BETWEEN = f"""
WITH touched AS (
  SELECT before_id, after_id FROM changes JOIN releases ON releases.id = release_id
  WHERE source_id = ?1 AND place > min(?2, ?3) AND place <= max(?2, ?3))
SELECT {COLUMNS}, id, first <= ?2 AND (until IS NULL OR until > ?2) AS old FROM versions
WHERE id IN (SELECT before_id FROM touched UNION ALL SELECT after_id FROM touched)
  AND old <> (first <= ?3 AND (until IS NULL OR until > ?3))"""
_SECTIONS: Mapping[str, Section] = {str(section): section for section in Section}
_STATUSES: Mapping[str, Status] = {str(status): status for status in Status}
_WORDS = 100  # in one question to the full-text index
_WORD = re.compile(r"\w")
Life = tuple[int, int, int | None]  # a row of `versions`, its `first` and its `until`


def key_text(key: Key) -> str:
    """Write a key as the column `key` has it."""
    return WRITTEN.encode(key.as_dict())


def items(rows: Sequence[Sequence[Any]]) -> Iterator[Item]:
    """Make items of rows that begin with `COLUMNS`."""
    # Read as one document, they cost a third of what they cost one by one.
    keys = json.loads(f"[{','.join(row[1] for row in rows)}]")
    fields = json.loads(f"[{','.join(row[3] for row in rows)}]")
    labels: dict[tuple[str, ...], tuple[str, ...]] = {}
    for row, parts, values in zip(rows, keys, fields, strict=True):
        ordinal = parts.pop("ordinal")
        names = tuple(parts)
        yield Item(
            section=_SECTIONS[row[0]],
            key=Key(labels.setdefault(names, names), tuple(parts.values()), ordinal),
            fields=values,
            status=_STATUSES[row[2]],
        )


def item(*row: str) -> Item:
    """Make an item of one row."""
    return next(items([row]))


class Versions:
    """The states of the items of one source, by row. Each is made once, whichever releases it stands in."""

    def __init__(self, db: Connection, source: int) -> None:
        self._db = db
        self._source = source
        self._made: dict[int, Item] = {}
        self._holding: dict[tuple[Interval, ...], list[Life]] = {}

    def of(self, rows: Iterable[int]) -> list[Item]:
        """Return the items of some rows."""
        wanted = list(rows)
        if missing := [row for row in wanted if row not in self._made]:
            statement = f"SELECT {COLUMNS}, id FROM versions WHERE id IN (SELECT value FROM json_each(?))"
            found = self._db.execute(statement, [json.dumps(missing)]).fetchall()
            self._made.update(zip((row[-1] for row in found), items(found), strict=True))
        return [self._made[row] for row in wanted]

    def between(self, old: int, new: int) -> tuple[dict[ItemKey, Item], dict[ItemKey, Item]]:
        """Return the items that stand in only one of two releases, by their places: in the old one, in the new one."""
        found = self._db.execute(_BETWEEN, [self._source, old, new]).fetchall()
        gone: dict[ItemKey, Item] = {}
        came: dict[ItemKey, Item] = {}
        for row, made in zip(found, items(found), strict=True):
            self._made[row[-2]] = made
            (gone if row[-1] else came)[made.section, made.key] = made
        return gone, came

    def standing(self, place: int, more: str = "", *values: object) -> list[int]:
        """Return the rows of what stands in a release; `more` is a condition, its values are ?3 and so on."""
        statement = f"SELECT id FROM versions WHERE {_STANDING} {more}"
        return [row for (row,) in self._db.execute(statement, [self._source, place, *values])]

    def holding(self, spans: tuple[Interval, ...]) -> list[Life]:
        """Return what ever held one of some numbers."""
        # The two releases of a comparison ask for the same.
        if spans not in self._holding:
            self._holding = {spans: self._lives_holding(IntervalUnion(spans))}
        return self._holding[spans]

    def _lives_holding(self, reach: IntervalUnion) -> list[Life]:
        starting = self._db.execute(
            """SELECT versions.id, first, until FROM json_each(?2) AS wanted
            CROSS JOIN versions INDEXED BY versions_low
            WHERE source_id = ?1 AND low >= wanted.value ->> 0 AND low <= wanted.value ->> 1""",
            [self._source, json.dumps(reach.intervals)],
        ).fetchall()
        # And the ranges, of which there are few, that begin before the numbers.
        ranges = self._db.execute(
            "SELECT low, high, id FROM versions WHERE source_id = ? AND high > low", [self._source]
        )
        met = (span for span in ranges if reach.overlaps(span[:2]))
        return starting + self._lives([row for low, _, row in met if not reach.overlaps((low, low))])

    def saying(self, words: Sequence[str]) -> list[Life]:
        """Return what ever held one of some words; each is one that the full-text index knows."""
        wanted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
        # The plus: what the index finds is few rows, and not to be looked for among all of the source.
        statement = """SELECT id, first, until FROM versions WHERE +source_id = ?
            AND id IN (SELECT rowid FROM versions_fts WHERE versions_fts MATCH ?)"""
        return self._db.execute(statement, [self._source, wanted]).fetchall()

    @cached_property
    def twins(self) -> list[Life]:
        """The items that ever shared their key with an earlier one."""
        # The index alone is read through: it is a small part of the table.
        statement = """SELECT id FROM versions INDEXED BY versions_key
            WHERE source_id = ? AND substr(key, -12) <> '"ordinal":1}'"""
        return self._lives([row for (row,) in self._db.execute(statement, [self._source])])

    def _lives(self, rows: Sequence[int]) -> list[Life]:
        statement = "SELECT id, first, until FROM versions WHERE id IN (SELECT value FROM json_each(?))"
        return self._db.execute(statement, [json.dumps(rows)]).fetchall()


class StoredItems(Mapping[ItemKey, Item]):
    """What stands in one release. Reads all of it only for who goes through it; for `select` and `get`, what they need.

    `known` are the items that are at hand already, None for a key that is known not to be there.
    """

    def __init__(self, versions: Versions, place: int, known: Mapping[ItemKey, Item | None]) -> None:
        self._versions = versions
        self._place = place
        self._known = dict(known)

    def __getitem__(self, key: ItemKey) -> Item:
        found: Item | None = self.get(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]

    def get(self, key: ItemKey, default: Any = None) -> Any:
        """Return the item of a key: one that is at hand, or the history is asked for it."""
        if key in self._known:
            found = self._known[key]
        elif key[1].ordinal > 1:
            # Few items share a key: whether one does is asked of all at once.
            found = self._twins.get(key)
        else:
            found = self._known[key] = self._find(key)
        return default if found is None else found

    def __iter__(self) -> Iterator[ItemKey]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def select(self, spans: Sequence[Interval], words: Sequence[str]) -> list[Item]:
        """Return the items that hold one of some numbers or one of some words, and maybe others."""
        rows = [*(self._among(self._versions.holding((*spans,))) if spans else ()), *self._saying(words)]
        return self._versions.of(dict.fromkeys(rows))

    def _among(self, lives: Iterable[Life]) -> list[int]:
        place = self._place
        return [row for row, first, until in lives if first <= place and (until is None or place < until)]

    def _saying(self, words: Sequence[str]) -> Iterator[int]:
        if not all(map(_WORD.search, words)):  # nothing in it that the index knows
            yield from self._versions.standing(self._place)
            return
        for start in range(0, len(words), _WORDS):
            yield from self._among(self._versions.saying(words[start : start + _WORDS]))

    def _find(self, key: ItemKey) -> Item | None:
        if "_all" in self.__dict__:
            return self._all.get(key)
        section, found = str(key[0]), key_text(key[1])
        rows = self._versions.standing(self._place, "AND section = ?3 AND key = ?4", section, found)
        return self._versions.of(rows)[0] if rows else None

    @cached_property
    def _twins(self) -> dict[ItemKey, Item]:
        return self._read(self._among(self._versions.twins))

    @cached_property
    def _all(self) -> dict[ItemKey, Item]:
        return self._read(self._versions.standing(self._place))

    def _read(self, rows: Sequence[int]) -> dict[ItemKey, Item]:
        return {(item.section, item.key): item for item in self._versions.of(rows)}
