"""The arguments of the history writer: a release, its neighbours, the changes between, and how to index entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct

from watcher.core.intervals import Interval
from watcher.core.model import Change, ChangeSet, Content, Event, Item


class IndexedRegistry(Protocol):
    """The part of a registry that the store needs: its id, its rules' version, what entries are looked up by."""

    @property
    def id(self) -> str:
        """The id that is stored with each source."""
        ...

    @property
    def rules_version(self) -> int:
        """The version of the rules that judge changes, stored with each source."""
        ...

    def names(self, item: Item, /) -> Sequence[str]:
        """Return the words that an entry is looked up by: its name, then its value."""
        ...

    def interval(self, item: Item, /) -> Interval | None:
        """Return the numbers that an entry covers (a port, a port range)."""
        ...

    def leftover_names(self, change: Change, /) -> Sequence[str]:
        """Return the names by which a removed or added entry is found in another group."""
        ...


class Transition(Struct, frozen=True, kw_only=True):
    """The changes and events between a release and the one before it."""

    changes: ChangeSet
    events: tuple[Event, ...]


class NewRelease(Struct, frozen=True, kw_only=True):
    """A release that the history does not have yet.

    `observed` is a UTC time; `live` says that a check was served it. `returns` is the digest of the earlier
    release whose content came back as this one; the content then has another digest. `named`, `sequence`: see `Label`.
    """

    content: Content
    sha256: str
    observed: str | None
    live: bool
    dated: str
    returns: str | None = None
    named: str | None = None
    sequence: int | None = None


class Neighbour(Struct, frozen=True, kw_only=True):
    """A stored release next to the new one, with its content."""

    id: int
    place: int
    content: Content
