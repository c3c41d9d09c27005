"""The items of a stored release: the rows of `versions` made items again, no more of them than is asked for."""

# ruff: noqa: S608 - the statements are put together of parts that stand here
from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from watcher.model import Item, ItemKey, Key, Section, Status
from watcher.registries.spans import Reach, Span
from watcher.store.connection import Connection

COLUMNS = "section, key, status, fields"
# Every state that stands in a release: $1 is the source's row, $2 the release's place.
_STANDING = "source_id = ?1 AND first <= ?2 AND (until IS NULL OR until > ?2)"
_SECTIONS: Mapping[str, Section] = {str(section): section for section in Section}
_STATUSES: Mapping[str, Status] = {str(status): status for status in Status}
_WORDS = 100  # in one question to the full-text index
_WORD = re.compile(r"\w")


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


class StoredItems(Mapping[ItemKey, Item]):
    """What stands in one release. Reads all of it only for who goes through it; to `about` and `get`, what they need.

    `known` are the items that are at hand already, None for a key that is known not to be there.
    """

    def __init__(self, db: Connection, source: int, place: int, known: Mapping[ItemKey, Item | None]) -> None:
        self._db = db
        self._at = (source, place)
        self._known = dict(known)

    def __getitem__(self, key: ItemKey) -> Item:
        if "_all" in self.__dict__:
            return self._all[key]
        if key not in self._known:
            # Few items share a key: whether one does is asked of all at once.
            self._known[key] = self._twins.get(key) if key[1].ordinal > 1 else self._find(key)
        found = self._known[key]
        if found is None:
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[ItemKey]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def about(self, spans: Sequence[Span], words: Sequence[str]) -> list[Item]:
        """Return the items that hold one of some numbers or one of some words, and maybe others."""
        rows = {row[0]: row[1:] for row in (*self._holding(spans), *self._saying(words))}
        return list(items(list(rows.values())))

    def _holding(self, spans: Sequence[Span]) -> Iterable[tuple[Any, ...]]:
        if not spans:
            return []
        reach = Reach(spans)
        numbers = self._db.execute(
            f"SELECT low, high, id FROM versions WHERE {_STANDING} AND low IS NOT NULL", self._at
        )
        rows = [row for low, high, row in numbers if reach.meets((low, high))]
        return self._db.execute(
            f"SELECT id, {COLUMNS} FROM versions WHERE id IN (SELECT value FROM json_each(?))",
            [json.dumps(rows)],
        ).fetchall()

    def _saying(self, words: Sequence[str]) -> Iterable[tuple[Any, ...]]:
        if not all(map(_WORD.search, words)):  # nothing in it that the index knows
            return self._db.execute(f"SELECT id, {COLUMNS} FROM versions WHERE {_STANDING}", self._at).fetchall()
        found: list[tuple[Any, ...]] = []
        for start in range(0, len(words), _WORDS):
            wanted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words[start : start + _WORDS])
            found += self._db.execute(
                f"""SELECT id, {COLUMNS} FROM versions
                WHERE id IN (SELECT rowid FROM versions_fts WHERE versions_fts MATCH ?3) AND {_STANDING}""",
                [*self._at, wanted],
            )
        return found

    def _find(self, key: ItemKey) -> Item | None:
        written = json.dumps(key[1].as_dict(), ensure_ascii=False, separators=(",", ":"))
        row = self._db.execute(
            f"SELECT {COLUMNS} FROM versions WHERE {_STANDING} AND section = ?3 AND key = ?4",
            [*self._at, str(key[0]), written],
        ).fetchone()
        return item(*row) if row else None

    @cached_property
    def _twins(self) -> dict[ItemKey, Item]:
        """The items that share their key with an earlier one."""
        return self._read("""AND key NOT LIKE '%"ordinal":1}'""")

    @cached_property
    def _all(self) -> dict[ItemKey, Item]:
        return self._read("")

    def _read(self, more: str) -> dict[ItemKey, Item]:
        rows = self._db.execute(f"SELECT {COLUMNS} FROM versions WHERE {_STANDING} {more}", self._at).fetchall()
        return {(item.section, item.key): item for item in items(rows)}
