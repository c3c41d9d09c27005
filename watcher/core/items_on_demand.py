"""Items of a content that are read or made when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from watcher.core.model import Item, ItemKey


class ItemsOnDemand(Mapping[ItemKey, Item]):
    """Items by their key. `get` reads or makes one item, iterating all of them."""

    @abstractmethod
    def get(self, key: ItemKey, default: Any = None) -> Any:
        """Return the item of a key, `default` without one."""

    def __getitem__(self, key: ItemKey) -> Item:
        item: Item | None = self.get(key)
        if item is None:
            raise KeyError(key)
        return item

    def __contains__(self, key: object) -> bool:
        return self.get(key) is not None  # type: ignore[arg-type]
