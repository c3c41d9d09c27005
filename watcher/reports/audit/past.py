"""What an entry of a list was in earlier releases, and where it is now: the past of a name on a port or a code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct

from watcher.core.intervals import Interval
from watcher.core.model import Item, Section
from watcher.inventory.names import fold_name
from watcher.registries.shared.assignment import is_assigned
from watcher.store.history_reader import HistoryReader
from watcher.store.history_rows import EntryVersion, StoredRelease, VersionLinks


class FormerState(Struct, frozen=True, kw_only=True):
    """A state that an entry had, until the release of a day, and its state now: None if it ended."""

    item: Item
    until: str
    now: Item | None


class PastReader:
    """Finds former states in the history of one source, up to one release."""

    def __init__(self, history: HistoryReader, source: str, release: StoredRelease) -> None:
        self._history = history
        self._source = source
        self._release = release
        latest = history.find_latest(source)
        self._limit = None if latest is not None and latest.row == release.row else release

    def find_by_port(self, ports: Interval, protocol: str, names: Iterable[str]) -> list[FormerState]:
        """Return the former states of services with some names on a port, the newest first."""
        wanted = {fold_name(name) for name in names}
        versions = self._history.versions.find(self._source, ports=[ports])
        return self._former(
            version
            for version in versions
            if version.item.key.part("protocol") in (protocol, "") or not protocol
            if fold_name(version.item.key.part("name")) in wanted
        )

    def find_by_name(self, name: str, path: str = "") -> list[FormerState]:
        """Return the former states of entries with a name, the newest first; in one nested registry, if `path`."""
        versions = self._history.versions.find(self._source, names=[name])
        return self._former(version for version in versions if not path or version.item.key.part("registry") == path)

    def find_by_value(self, values: Iterable[str], numbers: Interval | None, path: str) -> list[FormerState]:
        """Return the former states of the entries of a registry that had one of some values or numbers."""
        find = self._history.versions.find
        versions = {version.row: version for version in find(self._source, names=[*values])}
        if numbers is not None:
            versions |= {version.row: version for version in find(self._source, ports=[numbers])}
        return self._former(version for version in versions.values() if version.item.key.part("registry") == path)

    def _former(self, versions: Iterable[EntryVersion]) -> list[FormerState]:
        ended = [
            version
            for version in versions
            if version.item.section is Section.ENTRY
            and is_assigned(version.item)
            and version.first.place <= self._release.place
            and version.until is not None
            and version.until.place <= self._release.place
        ]
        if not ended:
            return []
        rows = [version.row for version in ended]
        links = self._history.versions.follow(self._source, rows, until=self._limit)
        successors = {before: after for after, before in links.previous.items()}
        return [
            FormerState(
                item=version.item,
                until=version.until.dated if version.until is not None else "",
                now=_find_now(version, links, successors, self._release),
            )
            for version in sorted(ended, key=_end, reverse=True)
        ]


def _end(version: EntryVersion) -> int:
    return version.until.place if version.until is not None else 0


def _find_now(
    version: EntryVersion, links: VersionLinks, successors: Mapping[int, int], release: StoredRelease
) -> Item | None:
    """Return what became of the entry of a version by a release, None if it has ended."""
    last = version
    passed = {last.row}
    while (row := successors.get(last.row)) is not None and row not in passed and row in links.versions:
        following = links.versions[row]
        is_here = following.first.release.source == release.release.source
        if is_here and following.first.place > release.place:
            break
        last = following
        passed.add(row)
    if last.first.release.source != release.release.source:
        return last.item
    return last.item if last.until is None or last.until.place > release.place else None
