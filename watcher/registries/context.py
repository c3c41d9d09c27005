"""The context of a change: the two releases it was computed from, and indexes over their items.

A rule asks questions that reach beyond the change itself: which row covers a port, who names a person. Going through
all items for every release would cost as much as reading it, so the answers come from an `ItemIndex`, which is carried
from one release to the next by what changed. A history that compares two distant releases loads only the items that
the index needs (`Selective`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

from msgspec import Struct

from watcher.core.intervals import Interval
from watcher.core.model import Change, ChangeSet, Content, Item

Built = TypeVar("Built")
_CONTENTS_KEPT = 4  # per index


class IndexKeys(Struct, frozen=True):
    """The numbers and words that the changes of one comparison ask an index about."""

    intervals: tuple[Interval, ...] = ()
    words: tuple[str, ...] = ()


class ItemIndex(Struct, Generic[Built], frozen=True):
    """How to build and update one kind of index over items.

    `update` takes a built index, the removed and the added items, and returns another index; it does not change the
    one it was given. `keys` returns what the changes ask: items with none of these numbers and words must not influence
    the answers. None: all items do.
    """

    build: Callable[[Iterable[Item]], Built]
    update: Callable[[Built, Sequence[Item], Sequence[Item]], Built]
    keys: Callable[[ChangeContext], IndexKeys] | None


@runtime_checkable
class Selective(Protocol):
    """Items that can be searched without loading all of them."""

    def select(self, intervals: Sequence[Interval], words: Sequence[str]) -> Iterable[Item]:
        """Return every item that has one of the numbers or one of the words, and possibly others."""


class ItemIndexes:
    """The indexes over the contents judged last. One per source, for as long as its releases are compared."""

    def __init__(self) -> None:
        self._built: dict[ItemIndex[Any], dict[str, Any]] = {}

    def get(self, index: ItemIndex[Built], content: Content) -> Built:
        """Return an index over a content; build it where it is not kept."""
        by_digest = self._built.setdefault(index, {})
        if content.digest not in by_digest:
            self._keep(index, content, index.build(content.items.values()))
        built: Built = by_digest[content.digest]
        return built

    def carry_over(self, content: Content) -> None:
        """Derive the indexes of a content from those of the release that it was read after, where they are kept."""
        delta = content.delta
        for index, by_digest in self._built.items():
            if delta is not None and delta.digest in by_digest and content.digest not in by_digest:
                self._keep(index, content, index.update(by_digest[delta.digest], delta.removed, delta.added))

    def _keep(self, index: ItemIndex[Any], content: Content, built: object) -> None:
        by_digest = self._built[index]
        by_digest[content.digest] = built
        while len(by_digest) > _CONTENTS_KEPT:
            del by_digest[next(iter(by_digest))]


class TableSettings(Struct, frozen=True):
    """What the configuration says about the columns of a plain table.

    `title` are the columns that name a row in sentences; a change of `ignore` columns alone is quiet.
    """

    title: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()


NO_TABLE_SETTINGS = TableSettings()


class Move(Struct, frozen=True):
    """The other side of a change, in another group of the collection: the entry or the registry that moved.

    `leaves`: the entry is there now and is removed here; otherwise it came from there, and the event is that of the
    other group. `group` is the other group's id, `release` names the release there; `path` and `title` are those of
    the registry there.
    """

    leaves: bool
    group: str
    release: str
    path: str
    title: str


NO_MOVES: Mapping[int, Move] = {}


class ChangeContext:
    """One change set and the two contents it was computed from. Lives as long as the change set is judged."""

    def __init__(
        self,
        changes: ChangeSet,
        old: Content,
        new: Content,
        indexes: ItemIndexes | None = None,
        table: TableSettings = NO_TABLE_SETTINGS,
        moves: Mapping[int, Move] = NO_MOVES,
    ) -> None:
        """`moves` has the other sides of changes, by the position of the change."""
        self.changes: Sequence[Change] = changes.changes
        self.moves = moves
        self.old = old
        self.new = new
        self.table = table
        self._results: dict[Any, Any] = {}
        self._indexes = indexes or ItemIndexes()
        self._built: dict[tuple[ItemIndex[Any], str], Any] = {}
        self._indexes.carry_over(new)

    def get_index(self, index: ItemIndex[Built], content: Content) -> Built:
        """Return an index over the old or the new content, complete for the keys that these changes ask about."""
        place = index, content.digest
        if place not in self._built:
            # Done once: `isinstance` with a protocol takes 50 µs in Python 3.11.
            if index.keys is not None and isinstance(content.items, Selective):
                keys = self.compute_once(index.keys)
                self._built[place] = index.build(content.items.select(keys.intervals, keys.words))
            else:
                self._built[place] = self._indexes.get(index, content)
        built: Built = self._built[place]
        return built

    def compute_once(self, compute: Callable[[ChangeContext], Built]) -> Built:
        """Return `compute(self)`; the first result is kept for all rules of this change set."""
        if compute not in self._results:
            self._results[compute] = compute(self)
        result: Built = self._results[compute]
        return result

    def compute_for(self, content: Content, compute: Callable[[Content], Built]) -> Built:
        """Return `compute(content)` for the old or the new content; the first result is kept as well."""
        place = compute, content.digest
        if place not in self._results:
            self._results[place] = compute(content)
        result: Built = self._results[place]
        return result
