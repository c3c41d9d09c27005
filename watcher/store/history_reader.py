"""Reads the history from the stored versions, changes and events. Reads no snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from watcher.core.model import Content, Delta, Item, ItemKey
from watcher.store.event_reader import EventReader
from watcher.store.history_rows import StoredRelease
from watcher.store.release_finder import ReleaseFinder
from watcher.store.source_records import SourceRecord, decode_key_columns, read_source_records
from watcher.store.stored_items import StoredItems, VersionReader
from watcher.store.version_finder import VersionFinder

if TYPE_CHECKING:
    from watcher.store.base import Database


class HistoryReader(ReleaseFinder):
    """The read side of the history, of all sources."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.events = EventReader(database, self)
        self.versions = VersionFinder(database, self)

    def read_key_columns(self, source: str) -> tuple[str, ...]:
        """Return the labels of the key that the newest entries have; () without entries, or if registries differ.

        An entry of a nested registry has the registry's path in its key.
        """
        statement = """SELECT key FROM versions JOIN sources ON sources.id = source_id
            WHERE sources.name = ? AND section = 'entry' AND until IS NULL ORDER BY versions.id LIMIT 1"""
        row = self._db.execute(statement, [source]).fetchone()
        return decode_key_columns(row[0] if row else None)

    def read_records(self, sources: Sequence[str]) -> Iterator[SourceRecord]:
        """Yield the record of each source in the order of the names; a source without a history has the defaults."""
        return read_source_records(self._db, sources)

    def read_content(self, source: str, release: StoredRelease) -> Content:
        """Return the content of a release, without its problems. Items are read from the database when asked for."""
        return _make_content(release, VersionReader(self._db, self.find_source_row(source)), {})

    def read_content_pair(self, source: str, old: StoredRelease, new: StoredRelease) -> tuple[Content, Content]:
        """Return the contents of two releases. The items that differ are loaded; the rest is read when asked for."""
        versions = VersionReader(self._db, self.find_source_row(source))
        removed, added = versions.read_differences(old.place, new.place)
        absent: dict[ItemKey, Item | None] = dict.fromkeys((*removed, *added))
        delta = Delta(digest=old.digest, removed=tuple(removed.values()), added=tuple(added.values()))
        return _make_content(old, versions, absent | removed), _make_content(new, versions, absent | added, delta)


def _make_content(
    release: StoredRelease, versions: VersionReader, loaded: Mapping[ItemKey, Item | None], delta: Delta | None = None
) -> Content:
    return Content(
        published=release.release.published,
        digest=release.digest,
        items=StoredItems(versions, release.place, loaded),
        entries=release.release.entries,
        delta=delta,
    )
