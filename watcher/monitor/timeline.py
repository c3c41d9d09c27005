"""Put the releases of one source into its history, each where it belongs by its dates.

Placing a release reads and compares, and writes nothing; recording it writes what was placed. Between the two the
caller renders alerts and takes the write lock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from watcher.core.background import find_background
from watcher.core.errors import StoreError
from watcher.core.model import Comparison, Release
from watcher.core.read_settings import ReadSettings
from watcher.core.release_order import Ending, Label, PlacedRelease
from watcher.monitor import plausibility
from watcher.monitor.moves import MoveLinker
from watcher.monitor.ordering import drop_repeats, in_order, place_last
from watcher.monitor.rebuild import HistoryRebuild, LeaveOut, Progress
from watcher.monitor.release_reader import ReleaseReader
from watcher.store.completeness import ADVICE
from watcher.store.history_rows import StoredRelease
from watcher.store.new_release import Neighbour, NewRelease, Transition
from watcher.store.release_writer import HistoryWriter
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store

_Result = TypeVar("_Result")
_MOST_OVERTAKEN = 10  # times in a row by processes that record releases of the same source


class OvertakenError(StoreError):
    """Another process recorded a release of the same source after this one was placed; nothing was written."""


def start_over_when_overtaken(step: Callable[[], _Result], read_state: Callable[[], object]) -> _Result:
    """Return the result of a step that other processes may overtake a few times.

    `read_state` returns another value after another process changed the history: then any error can be due to that.
    """
    for _ in range(_MOST_OVERTAKEN):
        before = read_state()
        try:
            return step()
        except OvertakenError:
            continue
        except Exception:
            if read_state() == before:
                raise
    return step()


class _Slot(Struct, frozen=True, kw_only=True):
    """The day that a new release counts for, its neighbours, and the new days of other releases by digest.

    `restores`: with it, the releases before it belong in another order among themselves.
    """

    dated: str
    before: StoredRelease | None = None
    after: StoredRelease | None = None
    redated: Mapping[str, str] = field(default_factory=dict)
    restores: bool = False


class Placement(Struct, frozen=True, kw_only=True):
    """A new release with its place in the history and what it changes there.

    `into` leads from the release before to it, `out_of` from it to the release after. `comparison` is `into` for
    subscribers, None for the first release. `ending` is the end of the history that the place was found in. `reorders`:
    the release shows that others belong in another order, so the whole source has to be rebuilt and there is nothing to
    compare it with before; with `restores` it is the newest all the same.
    """

    new: NewRelease
    ending: Ending | None
    before: Neighbour | None = None
    after: Neighbour | None = None
    into: Transition | None = None
    out_of: Transition | None = None
    redated: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    reorders: bool = False
    restores: bool = False

    @property
    def is_first(self) -> bool:
        return self.before is None and self.is_newest

    @property
    def is_newest(self) -> bool:
        return self.after is None and not self.reorders

    @property
    def is_last_seen(self) -> bool:
        """Whether no later check saw a release before: subscribers are alerted about what it changed.

        An imported release with a later date can follow it.
        """
        if not self.new.live or self.ending is None:
            return False
        return self.is_newest or _follows(self.new.sequence, self.ending.sequence)


def _follows(sequence: int | None, last: int | None) -> bool:
    return sequence is not None and (last is None or sequence > last)


class Timeline:
    """The history of one source in the order of its releases. For one thread."""

    def __init__(
        self,
        source: str,
        *,
        settings: ReadSettings,
        writer: HistoryWriter,
        store: Store,
        archive: SnapshotArchive,
        reader: ReleaseReader,
        linker: MoveLinker,
    ) -> None:
        self._source = source
        self._archive = archive
        self._reader = reader
        self._store = store
        self._writer = writer
        self._linker = linker
        self._settings = settings
        self._rebuild = HistoryRebuild(
            source=source,
            settings=settings,
            store=store,
            writer=writer,
            archive=archive,
            reader=reader,
            linker=linker,
        )

    def place(self, new: NewRelease) -> Placement:
        """Return the place of a new release, compared with its neighbours. Writes nothing."""
        ending = self._writer.read_ending()
        if self._store.history.find_by_hash(self._source, digest=new.content.digest):
            raise OvertakenError(f"{self._source}: another process recorded this release meanwhile; try again")
        slot = self._find_slot(new, ending)
        if slot is None:
            return Placement(new=new, ending=ending, reorders=True)
        before, after = (self._neighbour(stored) if stored else None for stored in (slot.before, slot.after))
        into = self._reader.compare(before.content, new.content) if before else None
        out_of = self._reader.compare(new.content, after.content) if after else None
        self._reader.remember(new.content)
        comparison = None
        if slot.before and before and into:
            comparison = Comparison(
                source=self._source,
                old=slot.before.release,
                new=self._describe(new),
                changes=into.changes,
                events=into.events,
                background=find_background(into.changes, before.content.items, new.content.items),
            )
        return Placement(
            new=replace(new, dated=slot.dated),
            ending=ending,
            before=before,
            after=after,
            into=into,
            out_of=out_of,
            redated=slot.redated,
            restores=slot.restores,
            comparison=comparison,
        )

    def record(self, placement: Placement, snapshots: Sequence[SnapshotInfo]) -> tuple[StoredRelease, frozenset[int]]:
        """Write a placed release with its snapshots, in the caller's transaction, and link it with other groups.

        Returns the release, and the rows of the releases whose events changed because entries moved between groups.
        Raises OvertakenError if another process recorded a release of the source since `place`.
        """
        if self._writer.read_ending() != placement.ending:
            raise OvertakenError(f"{self._source}: another process recorded a release meanwhile; try again")
        new = placement.new
        if placement.reorders:
            # The bytes are in the archive. A return is known by its time.
            self._rebuild_whole(frozenset(snapshot.sha256 for snapshot in snapshots) or frozenset({new.observed or ""}))
            return self._store.history.read_release(self._source, new.content.digest), frozenset()
        if placement.ending is None:
            self._writer.record_rules(self._settings.to_text())
        row = self._writer.add_release(new, placement.before, placement.after, placement.into, placement.out_of)
        for snapshot in snapshots:
            self._writer.add_snapshot(row, snapshot.sha256, snapshot.size, snapshot.observed)
        self._writer.set_dates(placement.redated)
        written = [row, *([placement.after.id] if placement.after else []), *self._find_rows(placement.redated)]
        relinked = self._linker.relink(written)
        if placement.restores or (new.content.published is None and self._has_later_copy(new.observed or "")):
            self.restore_order()
        return self._store.history.read_release(self._source, new.content.digest), relinked

    def record_copy(self, stored: StoredRelease, snapshot: SnapshotInfo, *, live: bool) -> bool:
        """Record another snapshot of a release; return whether it changes when the release was first seen."""
        self._writer.add_snapshot(stored.row, snapshot.sha256, snapshot.size, snapshot.observed)
        return self._writer.record_observation(
            stored.row,
            snapshot.observed,
            live=live,
            named=snapshot.named,
            sequence=snapshot.sequence if live else None,
        )

    def record_dated_copy(self, stored: StoredRelease, sha256: str, at: str | None) -> str | None:
        """Record in the archive that an imported copy of an undated release was seen at a UTC time.

        Returns that time if the release came back then after another one and the history does not have that yet.
        """
        first, latest = stored.release.observed, self._store.history.find_latest(self._source)
        if stored.release.published is not None or first is None or at is None or at == first:
            return None
        if at < first:
            self._archive.record_repeat(self._source, stored.release.sha256, first)
            return None
        self._archive.record_repeat(self._source, sha256, at)
        if latest and stored.digest in (latest.digest, latest.returns) and at > (latest.release.observed or ""):
            return None
        digest = plausibility.returned_digest(stored.digest, at)
        is_recorded = self._store.history.find_by_hash(self._source, digest=digest) is not None
        return at if not is_recorded and digest in (placed.digest for placed in self._all_placed()) else None

    def restore_order(self) -> None:
        """Put every release where it belongs by what is known now, on the day it counts for."""
        placed = self._all_placed()
        current = {stored.digest: stored.dated for stored in self._store.history.list_releases(self._source)}
        if [release.digest for release in placed] != list(current):
            self._rebuild_whole()
        elif moved := {release.digest: release.dated for release in placed if release.dated != current[release.digest]}:
            with self._store.transaction():
                self._writer.set_dates(moved)
                self._linker.relink(self._find_rows(moved))

    def _rebuild_whole(self, also: frozenset[str] = frozenset()) -> None:
        """Derive the history from the archive. Raises StoreError if a snapshot is missing, whose release would be lost.

        The operator can decide to lose it, with `watcher rebuild`. `also`: see `HistoryRebuild.rebuild`.
        """
        self._archive.refresh(self._source)
        present = {info.sha256 for info in self._archive.list_snapshots(self._source)}
        if missing := self._writer.list_snapshots() - present:
            raise StoreError(f"{self._source}: {len(missing)} snapshots of its history are missing; {ADVICE}")
        self._rebuild.rebuild(also=also)

    def rebuild(self, progress: Progress | None = None, leave_out: LeaveOut | None = None) -> int:
        """Derive the history from the archive, all or nothing; return its number of releases."""
        return self._rebuild.rebuild(progress, leave_out=leave_out)

    def rederive(self, announce: Callable[[int], None], at: str, progress: Progress | None = None) -> int:
        """Derive the releases of the history again by the present settings, all or nothing; return their number."""
        number = self._rebuild.rederive(announce, at, progress)
        if number is None:
            raise OvertakenError(f"{self._source}: another process changed the history meanwhile; try again")
        return number

    def rebuild_events(self, progress: Progress | None = None, leave_out: LeaveOut | None = None) -> int:
        """Derive changes and events again, all or nothing; return the number of releases.

        The whole history is derived again if this version reads its releases differently.
        """
        number = self._rebuild.rejudge(progress)
        return self.rebuild(progress, leave_out) if number is None else number

    def _find_slot(self, new: NewRelease, ending: Ending | None) -> _Slot | None:
        """Return where a release belongs; None if it puts others in another order."""
        digest = new.content.digest
        label = Label(
            digest=digest,
            published=new.content.published,
            observed=new.observed,
            live=new.live,
            named=new.named,
            sequence=new.sequence,
        )
        if ending is None:
            return _Slot(dated=in_order([label])[0].dated)
        # Nearly every release is the newest; then the others are not read at all.
        if last := place_last(label, ending):
            return _Slot(dated=last.dated, before=self._store.history.find_latest(self._source))
        releases = self._store.history.list_releases(self._source)
        placed = in_order([*self._writer.read_labels(), label])
        if [release.digest for release in placed if release.digest != digest] != [stored.digest for stored in releases]:
            if not label.live or placed[-1].digest != digest:
                return None
            # Subscribers know the end of the present order, so the release follows it; the others are reordered later.
            return _Slot(dated=max(placed[-1].dated, ending.dated), before=releases[-1], restores=True)
        index = [release.digest for release in placed].index(digest)
        dated = {stored.digest: stored.dated for stored in releases}
        return _Slot(
            dated=placed[index].dated,
            before=releases[index - 1] if index else None,
            after=releases[index] if index < len(releases) else None,
            redated={
                release.digest: release.dated
                for release in placed
                if dated.get(release.digest, release.dated) != release.dated
            },
        )

    def _describe(self, new: NewRelease) -> Release:
        content = new.content
        return Release(
            id=content.digest[:12],
            source=self._source,
            published=content.published,
            observed=new.observed,
            sha256=new.sha256,
            entries=content.entries,
            problems=content.problems,
        )

    def _neighbour(self, release: StoredRelease) -> Neighbour:
        return Neighbour(id=release.row, place=release.place, content=self._reader.read_release(release))

    def _find_rows(self, digests: Iterable[str]) -> list[int]:
        releases = (self._store.history.find_by_hash(self._source, digest=digest) for digest in digests)
        return [release.row for release in releases if release]

    def _has_later_copy(self, at: str) -> bool:
        """Return whether an imported copy of any release was seen later than a UTC time."""
        return any(info.again and info.again[-1] > at for info in self._archive.list_snapshots(self._source))

    def _all_placed(self) -> list[PlacedRelease]:
        """Return every release that the history has or should have, in order, by what is known now."""
        originals = {
            stored.digest: stored.returns or stored.digest for stored in self._store.history.list_releases(self._source)
        }
        labels = {label.digest: label for label in self._writer.read_labels()}
        copies = set()
        for info in self._archive.list_snapshots(self._source):
            stored = self._store.history.find_by_hash(self._source, sha256=info.sha256) if info.again else None
            if stored is None:
                continue
            for at in info.again:
                digest = plausibility.returned_digest(stored.digest, at)
                labels[digest] = Label(digest=digest, published=None, observed=at, live=False)
                originals[digest] = stored.digest
                copies.add(digest)
        return drop_repeats(in_order(labels.values()), originals, copies)
