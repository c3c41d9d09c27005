"""Changes of whole registries of a group: added, removed, moved, and with other columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from watcher.core.model import MARKUP, Change, Content, Item, Section
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity
from watcher.registries.generic.causes import DATES
from watcher.registries.shared.assignment import is_assigned

# A registry gained or lost a column if at least this share of its assigned entries, and this many, did.
_LEAST_SHARE = 0.34
_LEAST_ENTRIES = 3
_ALIKE = 0.9  # of the entries have the same text in a renamed column


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryChanges:
    """The paths of registries that were added and removed, and the new path of each that moved."""

    added: frozenset[str]
    removed: frozenset[str]
    moved: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnChanges:
    """The columns that a registry gained, lost, and renamed (old → new)."""

    gained: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def all_names(self) -> frozenset[str]:
        return self.gained | self.lost | {*self.renamed} | {*self.renamed.values()}


def registry_changes(context: ChangeContext) -> RegistryChanges:
    return context.compute_once(_registry_changes)


def _registry_changes(context: ChangeContext) -> RegistryChanges:
    headers = [change for change in context.changes if change.section is Section.REGISTRY]
    added = {identity.path(change.item) for change in headers if change.before is None}
    removed = {identity.path(change.item) for change in headers if change.after is None}
    moved = {
        identity.path(change.before): identity.path(change.after)
        for change in headers
        if change.before and change.after and identity.path(change.before) != identity.path(change.after)
    }
    return RegistryChanges(added=frozenset(added), removed=frozenset(removed), moved=dict(sorted(moved.items())))


def move_event(old: str, new: str) -> str:
    """Return the event of a registry with another path."""
    return "registry-renamed" if old.rpartition("/")[0] == new.rpartition("/")[0] else "registry-moved"


def column_changes(context: ChangeContext, path: str) -> ColumnChanges:
    """Return how the columns of a registry changed."""
    return context.compute_once(_column_changes).get(path, ColumnChanges())


def _column_changes(context: ChangeContext) -> dict[str, ColumnChanges]:
    pairs: dict[str, list[Change]] = {}
    for change in context.changes:
        if change.section is Section.ENTRY and change.before and change.after and change.fields:
            pairs.setdefault(identity.path(change.after), []).append(change)
    return {
        path: _compare_columns(path, changes, context)
        for path, changes in pairs.items()
        if len(changes) >= _LEAST_ENTRIES
    }


def _compare_columns(path: str, changes: Sequence[Change], context: ChangeContext) -> ColumnChanges:
    old, new = _filled_columns(context.old, path), _filled_columns(context.new, path)
    assigned = sum(1 for item in _entries(context.old, path) if is_assigned(item))
    least = max(_LEAST_ENTRIES, _LEAST_SHARE * assigned)
    gained = {name for name in new - old if _count_empty(name, changes, "before") >= least}
    lost = {name for name in old - new if _count_empty(name, changes, "after") >= least}
    renamed: dict[str, str] = {}
    for old_name in sorted(lost):
        for new_name in sorted(gained - {*renamed.values()}):
            if _is_renamed(old_name, new_name, changes):
                renamed[old_name] = new_name
                break
    return ColumnChanges(
        gained=frozenset(gained - {*renamed.values()}), lost=frozenset(lost - {*renamed}), renamed=renamed
    )


def _entries(content: Content, path: str) -> Iterator[Item]:
    return (
        item for (section, _), item in content.items.items() if section is Section.ENTRY and identity.path(item) == path
    )


def _filled_columns(content: Content, path: str) -> set[str]:
    """Return the columns that have text in any entry of a registry."""
    return {
        name
        for item in _entries(content, path)
        for name, text in item.fields.items()
        if text and not name.startswith(MARKUP) and name not in DATES
    }


def _count_empty(name: str, changes: Sequence[Change], side: str) -> int:
    """Count the entries whose column changed and is empty on one side, "before" or "after"."""
    cells = (cell for change in changes for cell in change.fields if cell.name == name)
    return sum(not getattr(cell, side) for cell in cells)


def _is_renamed(old: str, new: str, changes: Sequence[Change]) -> bool:
    texts = [(c.before.fields.get(old, ""), c.after.fields.get(new, "")) for c in changes if c.before and c.after]
    return sum(1 for before, after in texts if before == after) >= _ALIKE * len(texts)


def has_only_column_changes(change: Change, context: ChangeContext) -> bool:
    """Return whether an entry differs only in the columns that its registry gained, lost or renamed."""
    columns = column_changes(context, identity.path(change.item)).all_names()
    return bool(columns and change.fields) and identity.changed_columns(change) <= columns | DATES


def registries_with_column_event(context: ChangeContext) -> frozenset[str]:
    """Return the registries in which an entry differs in nothing but columns: these carry `schema-changed`."""
    return frozenset(
        identity.path(change.item)
        for change in context.changes
        if change.section is Section.ENTRY
        and change.before
        and change.after
        and has_only_column_changes(change, context)
    )
