"""The items of one release, as a mapping that takes little room. Knows no registry and no format."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, ValuesView
from itertools import chain
from typing import Any

from watcher.core.model import Item, ItemKey, Key, Section


class Items(MutableMapping[ItemKey, Item]):
    """The items of a release by section and key, without a pair of the two for each: a million pairs are 60 MB."""

    __slots__ = ("_sections",)

    def __init__(self, items: Items | None = None) -> None:
        """Begin with none, or with those of another release."""
        self._sections: dict[Section, dict[Key, Item]] = (
            {each: {} for each in Section}
            if items is None
            # Not dict(…): of a dictionary that something was deleted from, that copies item by item.
            else {section: known.copy() for section, known in items.sections().items()}
        )

    def __getitem__(self, key: ItemKey) -> Item:
        return self._sections[key[0]][key[1]]

    def __setitem__(self, key: ItemKey, item: Item) -> None:
        self._sections[key[0]][key[1]] = item

    def __delitem__(self, key: ItemKey) -> None:
        del self._sections[key[0]][key[1]]

    def __contains__(self, key: object) -> bool:
        return isinstance(key, tuple) and key[1] in self._sections.get(key[0], ())

    def __iter__(self) -> Iterator[ItemKey]:
        return ((section, key) for section, items in self._sections.items() for key in items)

    def __len__(self) -> int:
        return sum(map(len, self._sections.values()))

    def get(self, key: ItemKey, default: Any = None) -> Any:
        return self._sections[key[0]].get(key[1], default)

    def values(self) -> ValuesView[Item]:
        return _Values(self)

    def items(self) -> ItemsView[ItemKey, Item]:
        return _Pairs(self)

    def sections(self) -> Mapping[Section, dict[Key, Item]]:
        return self._sections


class _Values(ValuesView[Item]):
    _mapping: Items

    def __iter__(self) -> Iterator[Item]:
        return chain.from_iterable(items.values() for items in self._mapping.sections().values())


class _Pairs(ItemsView[ItemKey, Item]):
    _mapping: Items

    def __iter__(self) -> Iterator[tuple[ItemKey, Item]]:
        sections = self._mapping.sections().items()
        return (((section, key), item) for section, items in sections for key, item in items.items())
