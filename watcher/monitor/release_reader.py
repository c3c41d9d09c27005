"""Read the releases of one source, from fresh bytes or from the archive, and compare two of them."""

from __future__ import annotations

from collections.abc import Mapping

from watcher.core.errors import ParseError, UnreadableSnapshotError
from watcher.core.model import Content, Severity
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.monitor import plausibility
from watcher.registries.base import Registry
from watcher.registries.context import ItemIndexes
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import Transition
from watcher.store.snapshot_archive import SnapshotArchive

_KEPT_CONTENTS = 3
_KEPT_LARGE = 2  # the keys alone of a large registry take a hundred megabytes
_LARGE = 100_000  # entries


class ReleaseReader:
    """Reads and compares releases of one source. Keeps the last contents, so that the next costs only what changed."""

    def __init__(
        self,
        source: str,
        *,
        registry: Registry,
        format: str,  # noqa: A002 - the config's word
        document: str,
        archive: SnapshotArchive,
        severities: Mapping[str, Severity],
    ) -> None:
        self._source = source
        self._registry = registry
        self._format = format
        self._document = document
        self._archive = archive
        self._severities = severities
        self._incremental = IncrementalReader(registry, format)
        self._indexes = ItemIndexes()
        self._contents: dict[str, Content] = {}  # by digest, the last used at the end

    def read(self, data: bytes) -> Content:
        """Return what a release says. Raises ParseError if the bytes are no release of this registry."""
        content = self._incremental.read(data)
        if self._document and content.document.lower() not in ("", self._document.lower()):
            raise ParseError("wrong_registry", f"this is {content.document!r}, not {self._document!r}")
        return content

    def read_snapshot(self, sha256: str) -> Content:
        """Return what a snapshot says. Raises StoreError if it is missing or damaged, UnreadableSnapshotError."""
        data = self._archive.read_snapshot(self._source, sha256)
        try:
            return self._incremental.read(data)
        except ParseError as error:
            raise UnreadableSnapshotError(self._source, sha256, error) from error

    def read_independently(self, release: StoredRelease) -> Content:
        """Return what the snapshot of a release says, without reusing anything of another release."""
        sha256 = release.release.sha256
        try:
            content = read_content(self._archive.read_snapshot(self._source, sha256), self._registry, self._format)
        except ParseError as error:
            raise UnreadableSnapshotError(self._source, sha256, error) from error
        return plausibility.as_returned(content, release.release.observed or "") if release.returns else content

    def read_release(self, release: StoredRelease) -> Content:
        """Return what a release of the history says, from memory if it was used lately."""
        content = self._contents.get(release.digest) or self.read_snapshot(release.release.sha256)
        self.remember(content)
        return content

    def remember(self, content: Content) -> None:
        """Keep a content in memory: the next release will be compared with it."""
        self._contents.pop(content.digest, None)
        self._contents[content.digest] = content
        while len(self._contents) > (_KEPT_LARGE if content.entries > _LARGE else _KEPT_CONTENTS):
            del self._contents[next(iter(self._contents))]

    def compare(self, old: Content, new: Content) -> Transition:
        """Return what changed from one release to the next, and what that means."""
        changes, events = explain(self._registry, old, new, self._severities, self._indexes)
        return Transition(changes=changes, events=events)
