"""Puts the releases of one source into its history, each where it belongs by its dates.

Reads a release and those beside it, compares and judges them, and commits what comes of that together or not at all.
What is believed, kept and told is not decided here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from watcher.core.errors import ParseError, StoreError
from watcher.core.model import Comparison, Content, Severity
from watcher.core.operations import Ending, Label, PlacedRelease
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.monitor import plausibility
from watcher.monitor.ordering import at_the_end, changing, in_order
from watcher.monitor.rebuild import Rebuilding
from watcher.registries.base import Registry
from watcher.registries.context import ItemIndexes
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import Neighbour, NewRelease, Transition
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.store import Store

_KEPT_CONTENTS = 3
_KEPT_LARGE = 2  # of a registry that takes a hundred megabytes only for the keys of one
_LARGE = 100_000  # entries


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A release in its place: `first` of all, `newest` of all, or neither. `comparison`: against the one before it."""

    release: StoredRelease
    comparison: Comparison | None = None
    first: bool = False
    newest: bool = False


@dataclass(slots=True)
class _Memory:
    """What was read last, so that the next release costs what changed."""

    reader: IncrementalReader
    contents: dict[str, Content] = field(default_factory=dict)
    lookups: ItemIndexes = field(default_factory=ItemIndexes)

    def keep(self, content: Content) -> None:
        self.contents.pop(content.digest, None)
        self.contents[content.digest] = content
        while len(self.contents) > (_KEPT_LARGE if content.entries > _LARGE else _KEPT_CONTENTS):
            del self.contents[next(iter(self.contents))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a release goes, the day it counts for, and the days that change for others."""

    dated: str
    before: StoredRelease | None = None
    after: StoredRelease | None = None
    others: Mapping[str, str] = field(default_factory=dict)


class OvertakenError(StoreError):
    """Another process took a release of the same source between our reading and our writing."""


class Timeline:
    """Puts the releases of one source into its history. For one thread."""

    def __init__(
        self,
        source: str,
        *,
        registry: Registry,
        format: str,  # noqa: A002 - the config's word
        store: Store,
        archive: SnapshotArchive,
        severities: Mapping[str, Severity],
    ) -> None:
        self._source = source
        self._registry = registry
        self._format = format
        self._store = store
        self._archive = archive
        self._severities = severities
        self._history = store.writer(source, registry)
        self._queries = store.history
        self._memory = _Memory(IncrementalReader(registry, format))

    def read(self, data: bytes) -> Content:
        """Read a release; raises ParseError where it is none of this registry."""
        return self._memory.reader.read(data)

    def read_kept(self, sha256: str, *, alone: bool = False) -> Content:
        """Read a snapshot, `alone` or reusing what is the same in the release read before. Raises StoreError."""
        data = self._archive.read_snapshot(self._source, sha256)
        try:
            return read_content(data, self._registry, self._format) if alone else self.read(data)
        except ParseError as error:
            raise StoreError(f"{self._source}: snapshot {sha256[:12]} cannot be read any more: {error}") from error

    def read_alone(self, release: StoredRelease) -> Content:
        """Read a release from its snapshot, without what is kept from the one before."""
        content = self.read_kept(release.release.sha256, alone=True)
        return plausibility.came_back(content, release.release.observed or "") if release.returns else content

    def remember(self, content: Content) -> None:
        """Keep a content at hand: the release after it will be compared with it."""
        self._memory.keep(content)

    def content(self, release: StoredRelease) -> Content:
        """What a release of the history says."""
        content = self._memory.contents.get(release.digest) or self.read_kept(release.release.sha256)
        self._memory.keep(content)
        return content

    def file(self, new: NewRelease, size: int, also: Callable[[Filed], None]) -> Filed:
        """Put a release, of so many bytes, where it belongs; `also` is committed with it.

        Raises OvertakenError where another process was faster: nothing was written then.
        """
        digest = new.content.digest
        ending = self._history.read_ending()
        place = self._place(new, ending)
        if place is None:
            # What this release shows puts others in another order: rare enough to derive the source anew.
            self.rebuild()
            with self._store.transaction():
                filed = Filed(release=self._queries.read_release(self._source, digest))
                also(filed)
            return filed
        before, after = place.before, place.after
        left, right = (self._neighbour(each) if each else None for each in (before, after))
        into = self._step(left.content, new.content) if left else None
        out_of = self._step(new.content, right.content) if right else None
        with self._store.transaction():
            if self._history.read_ending() != ending:
                raise OvertakenError(f"{self._source}: another process took a release meanwhile; try again")
            row = self._history.add_release(replace(new, dated=place.dated), left, right, into, out_of)
            if new.returns is None:
                self._history.add_snapshot(row, new.sha256, size, new.observed)
            self._history.set_dates(place.others)
            release = self._queries.read_release(self._source, digest)
            comparison = None
            if before and into:
                comparison = Comparison(
                    source=self._source,
                    old=before.release,
                    new=release.release,
                    changes=into.changes,
                    events=into.events,
                )
            filed = Filed(release=release, comparison=comparison, first=before is after is None, newest=after is None)
            also(filed)
            if new.content.published is None and self._is_said_after(new.observed or ""):
                self.put_in_order()
        return filed

    def _place(self, new: NewRelease, ending: Ending | None) -> _Place | None:
        """Where a release goes; None where it puts others in another order."""
        digest = new.content.digest
        label = Label(digest=digest, published=new.content.published, observed=new.observed, live=new.live)
        if ending is None:
            return _Place(dated=in_order([label])[0].dated)
        # Nearly every release is the newest: then none of the others need be looked at.
        if last := at_the_end(label, ending):
            return _Place(dated=last.dated, before=self._queries.find_latest(self._source))
        releases = self._queries.list_releases(self._source)
        placed = in_order([*self._history.read_labels(), label])
        if [each.digest for each in placed if each.digest != digest] != [each.digest for each in releases]:
            return None
        index = [each.digest for each in placed].index(digest)
        known = {each.digest: each.dated for each in releases}
        return _Place(
            dated=placed[index].dated,
            before=releases[index - 1] if index else None,
            after=releases[index] if index < len(releases) else None,
            others={each.digest: each.dated for each in placed if known.get(each.digest, each.dated) != each.dated},
        )

    def again(self, known: StoredRelease, sha256: str, at: str | None) -> str | None:
        """Remember that an imported copy, if it bears no date, says that a release stood at a UTC time.

        Returns that time where it came back then after another one, and the history does not know yet.
        """
        first, latest = known.release.observed, self._queries.find_latest(self._source)
        if known.release.published is not None or first is None or at is None or at == first:
            return None
        if at < first:
            self._archive.record_repeat(self._source, known.release.sha256, first)
            return None
        self._archive.record_repeat(self._source, sha256, at)
        if latest and known.digest in (latest.digest, latest.returns) and at > (latest.release.observed or ""):
            return None
        digest = plausibility.digest_of_return(known.digest, at)
        there = self._queries.find_by_hash(self._source, digest=digest) is not None
        return at if not there and digest in (each.digest for each in self._in_place()) else None

    def _is_said_after(self, at: str) -> bool:
        """Whether some copy says that a release stood again, and that later than a time."""
        return any(each.again and each.again[-1] > at for each in self._archive.list_snapshots(self._source))

    def _in_place(self) -> list[PlacedRelease]:
        """Every release that there is or should be, in its order, by what is known of them now."""
        of = {each.digest: each.returns or each.digest for each in self._queries.list_releases(self._source)}
        labels = {label.digest: label for label in self._history.read_labels()}
        again = set()
        for receipt in self._archive.list_snapshots(self._source):
            known = self._queries.find_by_hash(self._source, sha256=receipt.sha256) if receipt.again else None
            if known is None:
                continue
            for at in receipt.again:
                digest = plausibility.digest_of_return(known.digest, at)
                labels[digest] = Label(digest=digest, published=None, observed=at, live=False)
                of[digest] = known.digest
                again.add(digest)
        return changing(in_order(labels.values()), of, again)

    def put_in_order(self) -> None:
        """Put every release where it belongs, on the day it counts for."""
        placed = self._in_place()
        known = {each.digest: each.dated for each in self._queries.list_releases(self._source)}
        if [each.digest for each in placed] != list(known):
            self.rebuild()
        elif moved := {each.digest: each.dated for each in placed if each.dated != known[each.digest]}:
            with self._store.transaction():
                self._history.set_dates(moved)

    def rebuild(self, progress: Callable[[int, int], None] = lambda done, total: None) -> int:  # noqa: ARG005
        """Derive the source's history from the archive again and return how many releases it has; all or nothing."""
        rebuilding = Rebuilding(
            source=self._source,
            store=self._store,
            history=self._history,
            read=self.read_kept,
            step=self._step,
        )
        return rebuilding.run(self._archive.list_snapshots(self._source), progress)

    def _neighbour(self, release: StoredRelease) -> Neighbour:
        return Neighbour(id=release.row, place=release.place, content=self.content(release))

    def _step(self, old: Content, new: Content) -> Transition:
        changes, events = explain(self._registry, old, new, self._severities, self._memory.lookups)
        return Transition(changes=changes, events=events)
