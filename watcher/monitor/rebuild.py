"""Derive the history of one source from the archive again: the same history, or a better one under better rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from watcher.core.model import Content
from watcher.core.operations import Label
from watcher.monitor import plausibility
from watcher.monitor.ordering import changing, in_order
from watcher.store.new_release import Neighbour, NewRelease, Transition
from watcher.store.release_writer import HistoryWriter
from watcher.store.snapshot_file import SnapshotInfo
from watcher.store.store import Store


@dataclass(slots=True)
class _Found:
    """One release, as it is found in the archive; `returned` is when that with the digest `of` came back as it."""

    label: Label
    of: str
    snapshots: list[SnapshotInfo] = field(default_factory=list)
    returned: str | None = None

    @property
    def first(self) -> SnapshotInfo:
        """The snapshot that was there first speaks for the release, as it did when it came in."""
        return min(self.snapshots, key=lambda each: (each.observed is None, each.observed or "", each.sha256))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilding:
    """What is needed of a source: how a snapshot is read and how two contents are compared is handed in."""

    source: str
    store: Store
    history: HistoryWriter
    read: Callable[[str], Content]
    step: Callable[[Content, Content], Transition]

    def run(self, receipts: Iterable[SnapshotInfo], progress: Callable[[int, int], None]) -> int:
        """Replace the history by that of the believed snapshots, all or nothing; return how many releases it has."""
        believed = sorted((each for each in receipts if each.believed), key=lambda each: each.observed or "")
        found: dict[str, _Found] = {}
        for number, receipt in enumerate(believed, 1):
            for one in self._releases(receipt):
                known = found.setdefault(one.label.digest, one)
                if known is not one:
                    known.label = _merged(known.label, one.label)
                    known.snapshots += one.snapshots
            progress(number, 2 * len(believed))
        of = {digest: each.of for digest, each in found.items()}
        again = {digest for digest, each in found.items() if each.returned and not each.label.live}
        placed = changing(in_order(each.label for each in found.values()), of, again)
        with self.store.transaction():
            self.history.delete_history()
            left: Neighbour | None = None
            for number, each in enumerate(placed, 1):
                left = self._add(found[each.digest], each.dated, left)
                progress(len(believed) + number, len(believed) + len(placed))
        return len(placed)

    def _releases(self, receipt: SnapshotInfo) -> Iterable[_Found]:
        """The release that a snapshot is, and those that it became when it came back."""
        content = self.read(receipt.sha256)
        label = Label(digest=content.digest, published=content.published, observed=receipt.observed, live=receipt.live)
        yield _Found(label, content.digest, [receipt])
        for at, live in (*((at, True) for at in receipt.returned), *((at, False) for at in receipt.again)):
            digest = plausibility.digest_of_return(content.digest, at)
            back = replace(label, digest=digest, observed=at, live=live)
            yield _Found(back, content.digest, [receipt], returned=at)

    def _add(self, found: _Found, dated: str, left: Neighbour | None) -> Neighbour:
        first, label = found.first, found.label
        content, returns = self.read(first.sha256), None
        if found.returned:
            content, returns = plausibility.came_back(content, found.returned), content.digest
        new = NewRelease(
            content=content, sha256=first.sha256, observed=label.observed, live=label.live, dated=dated, returns=returns
        )
        row = self.history.add_release(new, left, None, self.step(left.content, content) if left else None, None)
        for each in found.snapshots if returns is None else ():
            self.history.add_snapshot(row, each.sha256, each.size, each.observed)
        placed = self.store.history.read_release(self.source, content.digest)
        return Neighbour(id=row, place=placed.place, content=content)


def _merged(one: Label, other: Label) -> Label:
    """One release seen several times: the earliest observation counts, and whether any was our own."""
    observed = min((each for each in (one.observed, other.observed) if each), default=None)
    return replace(one, observed=observed, live=one.live or other.live)
