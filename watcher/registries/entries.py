"""The entries of a registry, for rules that ask about all of them.

Most rules read the fields of all rows and need the entries of a few. Making the entries of a table takes longer than
reading its rows, so where two files are compared an entry is made only when a rule asks for it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol

from watcher.core.items_on_demand import ItemsOnDemand
from watcher.core.model import Content, Fields, Item, Key, Section
from watcher.registries.base import PATH, Labels


class HasFields(Protocol):
    """An entry, or the row that one can be made of."""

    @property
    def fields(self) -> Fields: ...


class Entries:
    """The entries of one registry, in no order.

    A rule that asks about the fields of all of them goes through `list_rows` and gets the entries that it needs from
    `make_entries`. Here every entry exists and is its own row; `diff/row_items.py` makes them.
    """

    def __init__(self, items: Mapping[Key, Item], labels: Labels = ()) -> None:
        self._items = items
        self._labels = labels

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Item]:
        return iter(self._items.values())

    @property
    def labels(self) -> Labels:
        """The labels of the key columns, () without entries."""
        return next(iter(self._items)).labels if self._items else self._labels

    def list_rows(self) -> Iterable[HasFields]:
        """Return an object with the fields of each entry, for `make_entries`."""
        return self._items.values()

    def make_entries(self, rows: Iterable[Any]) -> Iterable[Item]:
        """Return the entries of some of the objects that `list_rows` returned."""
        return rows

    def select(self, test: Callable[[Fields], bool]) -> Iterable[Item]:  # noqa: ARG002 - every entry exists already
        """Return every entry whose fields pass a test, and possibly others."""
        return self._items.values()

    @property
    def value_labels(self) -> Labels:
        """The labels of the key columns without that of the path."""
        return self.labels[1:] if self.labels[:1] == (PATH,) else self.labels


class RowBacked(ItemsOnDemand):
    """Items that are made of rows when a rule asks for them (`diff/row_items.py`).

    They exist only where two tables are compared that share most of their rows.
    """

    headers: Mapping[str, Item]  # by path

    @property
    @abstractmethod
    def labels(self) -> Mapping[str, Labels]:
        """The labels of the key columns by path, in the order of rows."""

    @abstractmethod
    def list_rows(self) -> Iterable[HasFields]:
        """Return an object with the fields of each entry."""

    @abstractmethod
    def entries(self, path: str) -> Entries:
        """Return the entries of the registry with a path."""


def list_rows(content: Content) -> Iterable[HasFields]:
    """Return an object with the fields of each entry of a content."""
    if isinstance(content.items, RowBacked):
        return content.items.list_rows()
    return (item for (section, _), item in content.items.items() if section is Section.ENTRY)


def list_labels(content: Content) -> Mapping[str, Labels]:
    """Return the labels of the key columns by the path of the registry, those of the first entry first."""
    if isinstance(content.items, RowBacked):
        return content.items.labels
    return {key.part(PATH): key.labels for section, key in content.items if section is Section.ENTRY}


def list_headers(content: Content) -> Mapping[str, Item]:
    """Return the headers of a content by the path of their registry."""
    if isinstance(content.items, RowBacked):
        return content.items.headers
    return {key.part(PATH): item for (section, key), item in content.items.items() if section is Section.REGISTRY}


def shares_most_rows(content: Content) -> bool:
    """Return whether a content is known to share most of its rows with the one that it is compared with."""
    return isinstance(content.items, RowBacked)
