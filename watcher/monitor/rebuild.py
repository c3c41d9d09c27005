"""Derive the history of one source from its snapshots: the same history, or a better one under better rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from watcher.core.operations import Label
from watcher.monitor import plausibility
from watcher.monitor.moves import MoveLinker
from watcher.monitor.ordering import drop_repeats, in_order
from watcher.monitor.release_reader import ReleaseReader
from watcher.store.new_release import Neighbour, NewRelease
from watcher.store.release_writer import HistoryWriter
from watcher.store.snapshot_archive import SnapshotArchive
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store


@dataclass(slots=True)
class _ArchivedRelease:
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
        named = min((name for name in (self.label.named, copy.label.named) if name), default=None)
        self.label = replace(self.label, observed=observed, live=self.label.live or copy.label.live, named=named)
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
        )


def rebuild_source(
    source: str,
    store: Store,
    writer: HistoryWriter,
    archive: SnapshotArchive,
    reader: ReleaseReader,
    linker: MoveLinker,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Replace the history of a source by that of its accepted snapshots, all or nothing; return how many releases.

    `progress` is called with the steps done and their total.
    """
    accepted = sorted(
        (info for info in archive.list_snapshots(source) if info.accepted), key=lambda info: info.observed or ""
    )
    releases: dict[str, _ArchivedRelease] = {}
    for number, snapshot in enumerate(accepted, 1):
        for release in _releases_of(snapshot, reader):
            if earlier := releases.get(release.label.digest):
                earlier.merge(release)
            else:
                releases[release.label.digest] = release
        if progress:
            progress(number, 2 * len(accepted))
    originals = {digest: release.original for digest, release in releases.items()}
    copies = {digest for digest, release in releases.items() if release.returned and not release.label.live}
    placed = drop_repeats(in_order(release.label for release in releases.values()), originals, copies)
    with store.transaction():
        rows = writer.list_rows()
        writer.delete_history()
        writer.record_rules()
        previous: Neighbour | None = None
        for number, placed_release in enumerate(placed, 1):
            archived = releases[placed_release.digest]
            new = archived.read(placed_release.dated, reader)
            into = reader.compare(previous.content, new.content) if previous else None
            row = writer.add_release(new, previous, None, into, None)
            for snapshot in archived.snapshots if new.returns is None else ():
                writer.add_snapshot(row, snapshot.sha256, snapshot.size, snapshot.observed)
            stored = store.history.read_release(source, new.content.digest)
            previous = Neighbour(id=row, place=stored.place, content=new.content)
            if progress:
                progress(len(accepted) + number, len(accepted) + len(placed))
        linker.relink([*rows, *writer.list_rows()])
    return len(placed)


def rebuild_events(
    source: str,
    store: Store,
    writer: HistoryWriter,
    reader: ReleaseReader,
    linker: MoveLinker,
    progress: Callable[[int, int], None] | None = None,
) -> int | None:
    """Derive the changes and events of a source again from its stored releases, all or nothing; return their number.

    Returns None, and changes nothing, if this version reads the newest snapshot differently: then the entries
    themselves have to be derived again (`rebuild_source`). `progress` is called with the steps done and their total.
    """
    releases = store.history.list_releases(source)
    if releases and reader.read_independently(releases[-1]).digest != releases[-1].digest:
        return None
    with store.transaction():
        for number, (before, after) in enumerate(pairwise(releases), 1):
            contents = store.history.read_content_pair(source, before, after)
            writer.replace_transition(before, after, reader.compare(*contents))
            if progress:
                progress(number, len(releases) - 1)
        linker.relink(writer.list_rows())
        writer.record_rules()
    return len(releases)


def _releases_of(snapshot: SnapshotInfo, reader: ReleaseReader) -> Iterable[_ArchivedRelease]:
    """Yield the release that a snapshot is, and those that it became when it came back."""
    content = reader.read_snapshot(snapshot.sha256)
    label = Label(
        digest=content.digest,
        published=content.published,
        observed=snapshot.observed,
        live=snapshot.live,
        named=snapshot.named,
    )
    yield _ArchivedRelease(label, content.digest, [snapshot])
    for at, live in (*((at, True) for at in snapshot.returned), *((at, False) for at in snapshot.again)):
        digest = plausibility.returned_digest(content.digest, at)
        returned = replace(label, digest=digest, observed=at, live=live, named=None)
        yield _ArchivedRelease(returned, content.digest, [snapshot], returned=at)
