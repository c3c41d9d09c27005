"""The items of a stored release as a mapping that reads rows of `versions` only when they are asked for."""

# ruff: noqa: S608 - the statements are built from constants of this module
from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from watcher.core.intervals import Interval, IntervalUnion
from watcher.core.items_on_demand import ItemsOnDemand
from watcher.core.model import Item, ItemKey, Key, Section, Status
from watcher.core.patterns import regex

if TYPE_CHECKING:
    from watcher.store.base import Database

# One encoder for all JSON in the database: constructing one costs more than most texts it encodes.
JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_COLUMNS = "section, key, status, fields"
# The states in one release: ?1 is the source's row, ?2 the release's place.
_IN_RELEASE = "source_id = ?1 AND first <= ?2 AND (until IS NULL OR until > ?2)"
# The states that are in only one of two releases. Only states that a change between the two began or ended can be.
_DIFFERENCES = f"""
WITH touched AS (
  SELECT before_id, after_id FROM changes JOIN releases ON releases.id = release_id
  WHERE source_id = ?1 AND place > ?4 AND place <= ?5)
SELECT {_COLUMNS}, id, first <= ?2 AND (until IS NULL OR until > ?2) AS old FROM versions
WHERE id IN (SELECT before_id FROM touched UNION ALL SELECT after_id FROM touched)
  AND (first <= ?2 AND (until IS NULL OR until > ?2)) <> (first <= ?3 AND (until IS NULL OR until > ?3)) ORDER BY id"""
_SECTIONS: Mapping[str, Section] = {str(section): section for section in Section}
_STATUSES: Mapping[str, Status] = {str(status): status for status in Status}
_WORDS_PER_QUERY = 100  # to the full-text index
_WORD = regex(r"\w")
Lifetime = tuple[int, int, int | None]  # a row of `versions`, its `first` and its `until`


def encode_key(key: Key) -> str:
    """Return a key as the column `key` holds it."""
    return JSON.encode(key.as_dict())


def decode_items(rows: Sequence[Sequence[Any]]) -> Iterator[Item]:
    """Yield the items of rows that begin with `_COLUMNS`."""
    # All rows are parsed as one JSON document, which takes a third of the time of parsing them one by one.
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


def decode_item(*row: str) -> Item:
    """Return the item of one row."""
    return next(decode_items([row]))


class VersionReader:
    """Reads the item states of one source. Each state is loaded once, however many releases have it."""

    def __init__(self, db: Database, source_id: int) -> None:
        self._db = db
        self._source_id = source_id
        self._loaded: dict[int, Item] = {}
        self._by_intervals: dict[tuple[Interval, ...], list[Lifetime]] = {}

    def read_items(self, rows: Iterable[int]) -> list[Item]:
        """Return the items of some rows."""
        wanted = list(rows)
        if missing := [row for row in wanted if row not in self._loaded]:
            statement = (
                f"SELECT {_COLUMNS}, id FROM versions WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
            )
            states = self._db.execute(statement, [json.dumps(missing)]).fetchall()
            self._loaded.update(zip((row[-1] for row in states), decode_items(states), strict=True))
        return [self._loaded[row] for row in wanted]

    def read_differences(self, old: int, new: int) -> tuple[dict[ItemKey, Item], dict[ItemKey, Item]]:
        """Return the items that only the release at place `old` has, and those that only the one at `new` has."""
        states = self._db.execute(_DIFFERENCES, [self._source_id, old, new, *sorted((old, new))]).fetchall()
        removed: dict[ItemKey, Item] = {}
        added: dict[ItemKey, Item] = {}
        for row, item in zip(states, decode_items(states), strict=True):
            self._loaded[row[-2]] = item
            (removed if row[-1] else added)[item.section, item.key] = item
        return removed, added

    def list_rows(self, place: int, condition: str = "", *values: object) -> list[int]:
        """Return the rows of the release at a place that meet a further condition; its values are ?3 and so on."""
        statement = f"SELECT id FROM versions WHERE {_IN_RELEASE} {condition}"
        return [row for (row,) in self._db.execute(statement, [self._source_id, place, *values])]

    def find_by_intervals(self, intervals: tuple[Interval, ...]) -> list[Lifetime]:
        """Return the states, of any release, that cover one of some numbers."""
        # The last answer is kept, because both releases of a comparison ask the same.
        if intervals not in self._by_intervals:
            self._by_intervals = {intervals: self._find_overlapping(IntervalUnion(intervals))}
        return self._by_intervals[intervals]

    def _find_overlapping(self, numbers: IntervalUnion) -> list[Lifetime]:
        starting_inside = self._db.execute(
            """SELECT versions.id, first, until FROM json_each(?2) AS wanted
            CROSS JOIN versions INDEXED BY versions_low
            WHERE source_id = ?1 AND low >= CAST(wanted.value ->> 0 AS BIGINT)
              AND low <= CAST(wanted.value ->> 1 AS BIGINT)""",
            [self._source_id, json.dumps(numbers.intervals)],
        ).fetchall()
        # Ranges are few, so those that start before the numbers are searched here.
        ranges = self._db.execute(
            "SELECT low, high, id FROM versions WHERE source_id = ? AND high > low", [self._source_id]
        )
        overlapping = (row for row in ranges if numbers.overlaps(row[:2]))
        return starting_inside + self._read_lifetimes(
            [row for low, _, row in overlapping if not numbers.overlaps((low, low))]
        )

    def find_by_words(self, words: Sequence[str]) -> list[Lifetime]:
        """Return the states, of any release, that have one of some words; each must be one the index knows."""
        query = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
        # The plus keeps SQLite from using the index on the source: the words match far fewer rows.
        statement = """SELECT id, first, until FROM versions WHERE +source_id = ?
            AND id IN (SELECT rowid FROM versions_fts WHERE versions_fts MATCH ?)"""
        return self._db.execute(statement, [self._source_id, query]).fetchall()

    @cached_property
    def duplicates(self) -> list[Lifetime]:
        """The states, of any release, whose key has an ordinal above 1."""
        # `INDEXED BY`: the key is in the index, which is far smaller than the table.
        statement = """SELECT id FROM versions INDEXED BY versions_key
            WHERE source_id = ? AND substr(key, -12) <> '"ordinal":1}'"""
        return self._read_lifetimes([row for (row,) in self._db.execute(statement, [self._source_id])])

    def _read_lifetimes(self, rows: Sequence[int]) -> list[Lifetime]:
        statement = "SELECT id, first, until FROM versions WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))"
        return self._db.execute(statement, [json.dumps(rows)]).fetchall()


class StoredItems(ItemsOnDemand):
    """The items of one stored release. Iterating loads all of them; `get` and `select` load what they return.

    `loaded` are items that the caller has already, None for a key that the release does not have.
    """

    def __init__(self, versions: VersionReader, place: int, loaded: Mapping[ItemKey, Item | None]) -> None:
        self._versions = versions
        self._place = place
        self._loaded = dict(loaded)

    def get(self, key: ItemKey, default: Any = None) -> Any:
        """Return the item of a key; read it if it is not loaded yet."""
        if key in self._loaded:
            item = self._loaded[key]
        elif key[1].ordinal > 1:
            # Few keys have duplicates: all of them are read with one query.
            item = self._duplicates.get(key)
        else:
            item = self._loaded[key] = self._read_item(key)
        return default if item is None else item

    def __iter__(self) -> Iterator[ItemKey]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def select(self, intervals: Sequence[Interval], words: Sequence[str]) -> list[Item]:
        """Return every item that has one of the numbers or one of the words, and possibly others."""
        by_intervals = self._in_release(self._versions.find_by_intervals((*intervals,))) if intervals else []
        return self._versions.read_items(dict.fromkeys([*by_intervals, *self._find_by_words(words)]))

    def _in_release(self, lifetimes: Iterable[Lifetime]) -> list[int]:
        place = self._place
        return [row for row, first, until in lifetimes if first <= place and (until is None or place < until)]

    def _find_by_words(self, words: Sequence[str]) -> Iterator[int]:
        if not all(map(_WORD.search, words)):  # the full-text index has no words of punctuation alone
            yield from self._versions.list_rows(self._place)
            return
        for start in range(0, len(words), _WORDS_PER_QUERY):
            yield from self._in_release(self._versions.find_by_words(words[start : start + _WORDS_PER_QUERY]))

    def _read_item(self, key: ItemKey) -> Item | None:
        if "_all" in self.__dict__:
            return self._all.get(key)
        condition = "AND section = ?3 AND key = ?4"
        rows = self._versions.list_rows(self._place, condition, str(key[0]), encode_key(key[1]))
        return self._versions.read_items(rows)[0] if rows else None

    @cached_property
    def _duplicates(self) -> dict[ItemKey, Item]:
        return self._read(self._in_release(self._versions.duplicates))

    @cached_property
    def _all(self) -> dict[ItemKey, Item]:
        return self._read(self._versions.list_rows(self._place))

    def _read(self, rows: Sequence[int]) -> dict[ItemKey, Item]:
        return {(item.section, item.key): item for item in self._versions.read_items(rows)}
