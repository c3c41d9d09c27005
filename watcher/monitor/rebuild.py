"""Derive the history of one source from its snapshots: the same history, or a better one under better rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from watcher.core.operations import Label
from watcher.monitor import plausibility
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

    `original` is the digest of the release that came back as this one at `returned`; without that, its own.
    """

    label: Label
    original: str
    snapshots: list[SnapshotInfo] = field(default_factory=list)
    returned: str | None = None

    @property
    def first_snapshot(self) -> SnapshotInfo:
        """The snapshot that was seen first: the release had it when it was ingested."""
        return min(self.snapshots, key=lambda info: (info.observed is None, info.observed or "", info.sha256))


def rebuild_source(
    source: str,
    store: Store,
    writer: HistoryWriter,
    archive: SnapshotArchive,
    reader: ReleaseReader,
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
            earlier = releases.setdefault(release.label.digest, release)
            if earlier is not release:
                earlier.label = _merge(earlier.label, release.label)
                earlier.snapshots += release.snapshots
        if progress:
            progress(number, 2 * len(accepted))
    originals = {digest: release.original for digest, release in releases.items()}
    copies = {digest for digest, release in releases.items() if release.returned and not release.label.live}
    placed = drop_repeats(in_order(release.label for release in releases.values()), originals, copies)
    with store.transaction():
        writer.delete_history()
        previous: Neighbour | None = None
        for number, each in enumerate(placed, 1):
            previous = _append(source, store, writer, reader, releases[each.digest], each.dated, previous)
            if progress:
                progress(len(accepted) + number, len(accepted) + len(placed))
    return len(placed)


def _releases_of(snapshot: SnapshotInfo, reader: ReleaseReader) -> Iterable[_ArchivedRelease]:
    """Yield the release that a snapshot is, and those that it became when it came back."""
    content = reader.read_snapshot(snapshot.sha256)
    label = Label(digest=content.digest, published=content.published, observed=snapshot.observed, live=snapshot.live)
    yield _ArchivedRelease(label, content.digest, [snapshot])
    for at, live in (*((at, True) for at in snapshot.returned), *((at, False) for at in snapshot.again)):
        returned = replace(label, digest=plausibility.returned_digest(content.digest, at), observed=at, live=live)
        yield _ArchivedRelease(returned, content.digest, [snapshot], returned=at)


def _append(
    source: str,
    store: Store,
    writer: HistoryWriter,
    reader: ReleaseReader,
    release: _ArchivedRelease,
    dated: str,
    previous: Neighbour | None,
) -> Neighbour:
    """Write a release after the previous one, and return it as the next one's neighbour."""
    first, label = release.first_snapshot, release.label
    content, returns = reader.read_snapshot(first.sha256), None
    if release.returned:
        content, returns = plausibility.as_returned(content, release.returned), content.digest
    new = NewRelease(
        content=content, sha256=first.sha256, observed=label.observed, live=label.live, dated=dated, returns=returns
    )
    into = reader.compare(previous.content, content) if previous else None
    row = writer.add_release(new, previous, None, into, None)
    for snapshot in release.snapshots if returns is None else ():
        writer.add_snapshot(row, snapshot.sha256, snapshot.size, snapshot.observed)
    stored = store.history.read_release(source, content.digest)
    return Neighbour(id=row, place=stored.place, content=content)


def _merge(one: Label, other: Label) -> Label:
    """Return one label for a release seen several times: the earliest observation, live if any was."""
    observed = min((at for at in (one.observed, other.observed) if at), default=None)
    return replace(one, observed=observed, live=one.live or other.live)
