"""What the history has about each of many sources, a thousand of them with one query."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from watcher.store.base import Database

_TOGETHER = 1_000  # sources in one query: with ten queries for each, PostgreSQL took minutes for 100,000
_SETTINGS = "coalesce(read_settings, '') AS read_settings, derived_again"
_UNKNOWN = "'' AS read_settings, NULL AS derived_again"  # of a file of an older version
# Each subquery is answered by an index, whatever the planner knows of the sizes of the tables.
_STATEMENT = """WITH named AS (
  SELECT name.value AS source, sources.id, registry, {settings},
    (SELECT max(place) FROM releases WHERE source_id = sources.id) AS place,
    (SELECT id FROM checks WHERE source = name.value ORDER BY id DESC LIMIT 1) AS last,
    coalesce((SELECT id FROM checks WHERE source = name.value AND outcome <> 'failed' ORDER BY id DESC LIMIT 1), 0)
      AS good
  FROM json_each(?) AS name LEFT JOIN sources ON sources.name = name.value)
SELECT named.source, coalesce(named.registry, ''),
  (SELECT count(*) FROM releases WHERE source_id = named.id),
  substr(newest.content, 1, 12), newest.published, newest.observed, newest.entries,
  last.at, last.outcome, last.reason, last.message, good.at,
  (SELECT count(*) FROM checks WHERE source = named.source AND id > named.good),
  (SELECT count(*) FROM held WHERE source = named.source AND state = 'held'),
  coalesce((SELECT number FROM skips WHERE source = named.source), 0),
  named.read_settings, named.derived_again,
  (SELECT key FROM versions WHERE source_id = named.id AND section = 'entry' AND until IS NULL ORDER BY id LIMIT 1)
FROM named LEFT JOIN releases AS newest ON newest.source_id = named.id AND newest.place = named.place
LEFT JOIN checks AS last ON last.id = named.last LEFT JOIN checks AS good ON good.id = named.good"""


class SourceRecord(Struct, frozen=True, kw_only=True):
    """The newest release, the last checks and the holds of one source. The defaults are those of a source without any.

    `registry` are the rules that its history was read with, "" without a history. `release` is the id of its newest
    release; `published`, `observed` and `entries` describe that release, `checked` to `message` the last check.
    `failures` are the checks since the last success, `skipped` those that did not run because the one before still ran.
    """

    registry: str = ""
    releases: int = 0
    release: str | None = None
    published: str | None = None
    observed: str | None = None
    entries: int | None = None
    checked: str | None = None
    outcome: str | None = None
    reason: str | None = None
    message: str | None = None
    last_success: str | None = None
    failures: int = 0
    held: int = 0
    skipped: int = 0
    read_settings: str = ""  # `ReadSettings.to_text`; "" if an older version of the program wrote the history
    derived_again: str | None = None
    key: tuple[str, ...] = ()  # the labels of the newest entries' key, as `HistoryReader.read_key_columns` has them


_FIELDS = [name for name in SourceRecord.__struct_fields__ if name != "key"]


def read_source_records(database: Database, names: Sequence[str]) -> Iterator[SourceRecord]:
    """Yield the record of each source in the order of the names."""
    # A file that is opened read-only may not have the columns yet.
    has_settings = "read_settings" in database.list_columns("sources")
    statement = _STATEMENT.format(settings=_SETTINGS if has_settings else _UNKNOWN)
    for start in range(0, len(names), _TOGETHER):
        together = names[start : start + _TOGETHER]
        rows = database.execute(statement, [json.dumps(together)])
        records = {
            name: SourceRecord(**dict(zip(_FIELDS, fields, strict=True)), key=decode_key_columns(key))
            for name, *fields, key in rows
        }
        yield from (records[name] for name in together)


def decode_key_columns(key: str | None) -> tuple[str, ...]:
    """Return the labels of a key as `versions` has it; () without one, or of an entry of a nested registry."""
    parts = json.loads(key) if key else {}
    return tuple(label for label in parts if label != "ordinal") if not parts.get("registry") else ()
