"""Derive the history of one source from its snapshots: the same history, or a better one under better rules."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.errors import StoreError
from watcher.core.read_settings import ReadSettings
from watcher.core.release_order import Label, earliest_name, earliest_sequence
from watcher.monitor import plausibility
from watcher.monitor.failures import is_fault_of_release
from watcher.monitor.moves import MoveLinker
from watcher.monitor.ordering import drop_repeats, in_order
from watcher.monitor.release_reader import ReleaseReader
from watcher.store.new_release import Neighbour, NewRelease
from watcher.store.release_writer import HistoryWriter
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store


class _ArchivedRelease(Struct):
    """One release of the archive with its snapshots.

    `original` is its own digest, or that of the earlier release that came back as this one at the UTC time `returned`.
    """

    label: Label
    original: str
    snapshots: list[SnapshotInfo]
    returned: str | None = None

    def merge(self, copy: _ArchivedRelease) -> None:
        """Add another copy: the earliest observation counts, and one live copy makes the release live."""
        observed = min((at for at in (self.label.observed, copy.label.observed) if at), default=None)
        named = earliest_name(self.label.named, copy.label.named)
        self.label = replace(
            self.label,
            observed=observed,
            live=self.label.live or copy.label.live,
            named=named,
            sequence=earliest_sequence(self.label.sequence, copy.label.sequence),
        )
        self.snapshots += copy.snapshots

    def read(self, dated: str, reader: ReleaseReader) -> NewRelease:
        """Return it with its content, as the release that counts for a day. Its SHA-256 is that of the first copy."""
        first = min(self.snapshots, key=lambda info: (info.observed is None, info.observed or "", info.sha256))
        content, returns = reader.read_snapshot(first.sha256), None
        if self.returned:
            content, returns = plausibility.as_returned(content, self.returned), content.digest
        return NewRelease(
            content=content,
            sha256=first.sha256,
            observed=self.label.observed,
            live=self.label.live,
            dated=dated,
            returns=returns,
            named=self.label.named,
            sequence=self.label.sequence,
        )


_Facts = tuple[str, str | None]  # digest and date of the content of a snapshot
Progress = Callable[[int, int], None]  # called with the steps done and their total
LeaveOut = Callable[[SnapshotInfo, Exception], None]  # called for a snapshot that cannot be a release, and why


class HistoryRebuild(Struct, frozen=True, kw_only=True):
    """Derives the history of one source again. For one thread; `settings` are those that `reader` reads with."""

    source: str
    settings: ReadSettings
    store: Store
    writer: HistoryWriter
    archive: SnapshotArchive
    reader: ReleaseReader
    linker: MoveLinker

    def rebuild(
        self, progress: Progress | None = None, *, leave_out: LeaveOut | None = None, also: frozenset[str] = frozenset()
    ) -> int:
        """Replace the history by that of the accepted snapshots, all or nothing; return how many releases.

        `also` are snapshots by SHA-256, and returns by time, that the caller stored and that are to be recorded.
        Without `leave_out` a snapshot that cannot be read or judged ends it. Raises StoreError if every one is such.
        """
        facts: dict[str, _Facts] = {}
        self._read_facts(facts, self._list_snapshots(also), progress, leave_out)
        with self.store.transaction():
            infos = self._list_snapshots(also)  # other processes may have recorded some meanwhile
            self._read_facts(facts, infos, None, leave_out)
            number = self._write(_merge_releases(infos, facts), len(infos), progress, leave_out)
            if infos and not number:
                raise StoreError(f"{self.source}: none of {len(infos)} snapshots can be read; the history is kept")
        return number

    def _list_snapshots(self, also: Container[str]) -> list[SnapshotInfo]:
        """Return the accepted snapshots that belong to the history, with the returns that do.

        Another process may have stored one and not recorded it: it is going to alert of it then, unless the history
        has no release. One that was refused is tried by `Recovery` after the rebuild, and so is one that was only
        archived (`ReleaseIngest.archive`).
        """
        self.archive.refresh(self.source)
        accepted = [info for info in self.archive.list_snapshots(self.source) if info.accepted]
        recorded, returns = self.writer.list_snapshots(), self.writer.list_returns()
        if not recorded:
            return accepted
        return [
            replace(info, returned=tuple(at for at in info.returned if at in returns or at in also))
            for info in accepted
            if info.sha256 in recorded or info.sha256 in also
        ]

    def rederive(self, announce: Callable[[int], None], at: str, progress: Progress | None = None) -> int | None:
        """Derive the releases that the history has again at a UTC time, all or nothing; return how many.

        `announce` is called in the transaction with their number. Returns None, and changes nothing, if another process
        changed the history meanwhile. Raises StoreError if a snapshot is missing, damaged or unreadable.
        """
        before = self._read_state()
        recorded, returns = self.writer.list_snapshots(), self.writer.list_returns()
        infos = [*self.archive.list_snapshots(self.source)]
        if missing := recorded.difference(info.sha256 for info in infos):
            raise StoreError(
                f"{self.source}: snapshot {min(missing)[:12]} is missing, so the history cannot be derived again; "
                "restore the snapshots from a backup"
            )
        infos = [
            replace(
                info,
                returned=tuple(at for at in info.returned if at in returns),
                again=tuple(at for at in info.again if at in returns),
            )
            for info in infos
            if info.sha256 in recorded and info.accepted
        ]
        facts: dict[str, _Facts] = {}
        self._read_facts(facts, infos, progress, None)
        with self.store.transaction():
            if self._read_state() != before:
                return None
            number = self._write(_merge_releases(infos, facts), len(infos), progress, None, at=at)
            announce(number)
        return number

    def rejudge(self, progress: Progress | None = None) -> int | None:
        """Derive the changes and events again from the stored releases, all or nothing; return their number.

        Returns None, and changes nothing, if this version reads the newest snapshot differently: then the entries
        themselves have to be derived again (`rebuild`).
        """
        with self.store.transaction():
            releases = self.store.history.list_releases(self.source)
            if releases and self.reader.read_independently(releases[-1]).digest != releases[-1].digest:
                return None
            for number, (before, after) in enumerate(pairwise(releases), 1):
                contents = self.store.history.read_content_pair(self.source, before, after)
                self.writer.replace_transition(before, after, self.reader.compare(*contents))
                if progress:
                    progress(number, len(releases) - 1)
            self.linker.relink(self.writer.list_rows())
            self.writer.record_rules(self.settings.to_text())
        return len(releases)

    def _read_state(self) -> tuple[object, ...]:
        return self.writer.read_ending(), self.store.history.read_settings(self.source)

    def _read_facts(
        self,
        facts: dict[str, _Facts],
        snapshots: Sequence[SnapshotInfo],
        progress: Progress | None,
        leave_out: LeaveOut | None,
    ) -> None:
        """Read the snapshots that are not among `facts` and add them; one that cannot be read is left out each time.

        They are read as they were stored: each is like the one before it, and compressed against one just decoded.
        """
        ordered = sorted(snapshots, key=lambda info: info.number)
        for number, snapshot in enumerate(ordered, 1):
            if snapshot.sha256 not in facts:
                with self._leaving_out([snapshot], leave_out):
                    content = self.reader.read_snapshot(snapshot.sha256)
                    facts[snapshot.sha256] = content.digest, content.published
            if progress:
                progress(number, 2 * len(ordered))

    def _write(
        self,
        releases: Mapping[str, _ArchivedRelease],
        steps: int,
        progress: Progress | None,
        leave_out: LeaveOut | None,
        at: str | None = None,
    ) -> int:
        """Replace the history in the caller's transaction; `steps` were done before it, `at` is for `record_rules`."""
        originals = {digest: release.original for digest, release in releases.items()}
        copies = {digest for digest, release in releases.items() if release.returned and not release.label.live}
        placed = drop_repeats(in_order(release.label for release in releases.values()), originals, copies)
        rows = self.writer.list_rows()
        self.writer.delete_history()
        self.writer.record_rules(self.settings.to_text(), derived_again=at)
        previous: Neighbour | None = None
        written = 0
        for number, place in enumerate(placed, 1):
            release = releases[place.digest]
            with self._leaving_out(release.snapshots, leave_out), self.store.transaction():
                previous = self._add_release(release, place.dated, previous)
                written += 1
            if progress:
                progress(steps + number, steps + len(placed))
        self.writer.relink_checks()
        self.linker.relink([*rows, *self.writer.list_rows()])
        return written

    def _add_release(self, release: _ArchivedRelease, dated: str, previous: Neighbour | None) -> Neighbour:
        new = release.read(dated, self.reader)
        into = self.reader.compare(previous.content, new.content) if previous else None
        row = self.writer.add_release(new, previous, None, into, None)
        for snapshot in release.snapshots if new.returns is None else ():
            self.writer.add_snapshot(row, snapshot.sha256, snapshot.size, snapshot.observed)
        stored = self.store.history.read_release(self.source, new.content.digest)
        return Neighbour(id=row, place=stored.place, content=new.content)

    @contextmanager
    def _leaving_out(self, snapshots: Iterable[SnapshotInfo], leave_out: LeaveOut | None) -> Iterator[None]:
        """Leave out snapshots if the block raises an error that is the fault of what they say."""
        try:
            yield
        except Exception as error:
            if leave_out is None or not is_fault_of_release(error, self.store.location):
                raise
            for snapshot in snapshots:
                leave_out(snapshot, error)


def _merge_releases(snapshots: Iterable[SnapshotInfo], facts: Mapping[str, _Facts]) -> Mapping[str, _ArchivedRelease]:
    """Return the releases of the snapshots that could be read, by digest."""
    releases: dict[str, _ArchivedRelease] = {}
    for snapshot in sorted(snapshots, key=lambda info: info.observed or ""):
        for release in _releases_of(snapshot, facts[snapshot.sha256]) if snapshot.sha256 in facts else ():
            if earlier := releases.get(release.label.digest):
                earlier.merge(release)
            else:
                releases[release.label.digest] = release
    return releases


def _releases_of(snapshot: SnapshotInfo, facts: _Facts) -> Iterator[_ArchivedRelease]:
    """Yield the release that a snapshot is, and those that it became when it came back."""
    original, published = facts
    label = Label(
        digest=original,
        published=published,
        observed=snapshot.observed,
        live=snapshot.live,
        named=snapshot.named,
        sequence=snapshot.sequence if snapshot.live else None,
    )
    yield _ArchivedRelease(label, original, [snapshot])
    for at, live in (*((at, True) for at in snapshot.returned), *((at, False) for at in snapshot.again)):
        digest = plausibility.returned_digest(original, at)
        sequence = snapshot.return_sequences.get(at) if live else None
        returned = replace(label, digest=digest, observed=at, live=live, named=None, sequence=sequence)
        yield _ArchivedRelease(returned, original, [snapshot], returned=at)
