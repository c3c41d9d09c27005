"""The items of one release by key, in a mapping that needs little memory."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from itertools import chain
from typing import Any

from watcher.core.model import Item, ItemKey, Key, Section


class ItemMap(MutableMapping[ItemKey, Item]):
    """Items by section and key, in one dictionary per section.

    A plain dictionary would hold a tuple of the two for each item: 60 MB for a million.
    """

    __slots__ = ("_by_section",)

    def __init__(self, items: ItemMap | None = None) -> None:
        """Start empty, or as a copy."""
        self._by_section: dict[Section, dict[Key, Item]] = (
            {section: {} for section in Section}
            if items is None
            # `copy` and not `dict`, which copies item by item where something was deleted.
            else {section: by_key.copy() for section, by_key in items.by_section().items()}
        )

    def __getitem__(self, key: ItemKey) -> Item:
        return self._by_section[key[0]][key[1]]

    def __setitem__(self, key: ItemKey, item: Item) -> None:
        self._by_section[key[0]][key[1]] = item

    def __delitem__(self, key: ItemKey) -> None:
        del self._by_section[key[0]][key[1]]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and key[1] in self._by_section.get(key[0], ())

    def __iter__(self) -> Iterator[ItemKey]:
        return ((section, key) for section, by_key in self._by_section.items() for key in by_key)

    def __len__(self) -> int:
        return sum(map(len, self._by_section.values()))

    def __eq__(self, other: object) -> bool:
        # Mapping would make two plain dictionaries of all items.
        return self._by_section == other._by_section if isinstance(other, ItemMap) else super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def get(self, key: ItemKey, default: Any = None) -> Any:
        return self._by_section[key[0]].get(key[1], default)

    def values(self) -> ValuesView[Item]:
        return _Values(self)

    def items(self) -> ItemsView[ItemKey, Item]:
        return _Pairs(self)

    def by_section(self) -> Mapping[Section, dict[Key, Item]]:
        return self._by_section


class _Values(ValuesView[Item]):
    _mapping: ItemMap

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(by_key.values() for by_key in self._mapping.by_section().values())


class _Pairs(ItemsView[ItemKey, Item]):
    _mapping: ItemMap

    def __iter__(self) -> Iterator[tuple[ItemKey, Item]]:
        sections = self._mapping.by_section().items()
        return (((section, key), item) for section, by_key in sections for key, item in by_key.items())
