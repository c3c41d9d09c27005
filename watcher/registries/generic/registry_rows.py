"""The rows of a content by registry, and what rules derive from one registry, kept from one release to the next.

A rule that asks about the other rows of a registry goes through that registry only, and what was derived from a
registry that did not change since the release before is not derived again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar, cast

from watcher.core.model import Content, Item, Key, Section
from watcher.registries.context import ChangeContext, ItemIndex
from watcher.registries.entries import Entries, RowBacked
from watcher.registries.generic.entry_parts import read_path

Built = TypeVar("Built")
_Table = dict[str, dict[Key, Item]]  # by path and key


class RegistryRows:
    """The entries and headers of one content by the path of their registry. Immutable."""

    def __init__(self, entries: _Table, headers: Mapping[str, Item], derived: Mapping[tuple[Any, str], Any]) -> None:
        self._entries = entries
        self.headers = headers
        self._derived = dict(derived)

    @classmethod
    def build(cls, items: Iterable[Item]) -> RegistryRows:
        return cls({}, {}, {}).updated((), tuple(items))

    def updated(self, removed: Sequence[Item], added: Sequence[Item]) -> RegistryRows:
        """Return the rows of a content without some of these items and with others."""
        touched: _Table = {}
        headers = dict(self.headers)
        for items, is_added in ((removed, False), (added, True)):
            for item in items:
                path = read_path(item)
                if item.section is Section.REGISTRY:
                    headers.pop(path, None)
                    if is_added:
                        headers[path] = item
                elif item.section is Section.ENTRY:
                    if (rows := touched.get(path)) is None:
                        rows = touched[path] = self._entries.get(path, {}).copy()
                    if is_added:
                        rows[item.key] = item
                    else:
                        rows.pop(item.key, None)
        derived = {place: value for place, value in self._derived.items() if place[1] not in touched}
        return RegistryRows({**self._entries, **touched}, headers, derived)

    def entries(self, path: str) -> Entries:
        """Return the entries of a registry."""
        return Entries(self._entries.get(path, {}))

    def derive(self, path: str, compute: Callable[[Entries], Built]) -> Built:
        """Return `compute` of the entries of a registry; the first result is kept."""
        place = compute, path
        if place not in self._derived:
            self._derived[place] = compute(self.entries(path))
        result: Built = self._derived[place]
        return result


class _RowsOfFile(RegistryRows):
    """The rows of a content whose items give the entries of a registry themselves."""

    def __init__(self, items: RowBacked) -> None:
        super().__init__({}, items.headers, {})
        self._items = items

    def entries(self, path: str) -> Entries:
        return self._items.entries(path)


def _read_file_rows(content: Content) -> RegistryRows:
    return _RowsOfFile(cast("RowBacked", content.items))


_ROWS = ItemIndex(RegistryRows.build, RegistryRows.updated, keys=None)


def rows_of(context: ChangeContext, content: Content) -> RegistryRows:
    """Return the rows of the old or the new content."""
    if isinstance(content.items, RowBacked):
        return context.compute_for(content, _read_file_rows)
    return context.get_index(_ROWS, content)
