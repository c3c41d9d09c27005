"""Changes of whole registries of a group: added, removed, moved, and with other columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from msgspec import Struct, field

from watcher.core.model import MARKUP, Change, Section
from watcher.registries.context import ChangeContext
from watcher.registries.entries import Entries
from watcher.registries.generic import entry_parts, identity
from watcher.registries.generic.causes import DATES
from watcher.registries.generic.key_columns import META
from watcher.registries.generic.registry_rows import rows_of
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.status_words import may_have_status

# A registry gained or lost a column if at least this share of its assigned entries, and this many, did.
_LEAST_SHARE = 0.34
_LEAST_ENTRIES = 3
_MOST_RENAMES = 100  # pairs of a lost and a gained column that are compared
_ALIKE = 0.9  # of the entries have the same text in a renamed column


class RegistryChanges(Struct, frozen=True, kw_only=True):
    """The paths of registries that were added and removed, and the new path of each that moved."""

    added: frozenset[str]
    removed: frozenset[str]
    moved: Mapping[str, str]


class ColumnChanges(Struct, frozen=True, kw_only=True):
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
    added = {entry_parts.read_path(change.item) for change in headers if change.before is None}
    removed = {entry_parts.read_path(change.item) for change in headers if change.after is None}
    moved = {
        entry_parts.read_path(change.before): entry_parts.read_path(change.after)
        for change in headers
        if change.before
        and change.after
        and entry_parts.read_path(change.before) != entry_parts.read_path(change.after)
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
            pairs.setdefault(entry_parts.read_path(change.after), []).append(change)
    return {
        path: _compare_columns(path, changes, context)
        for path, changes in pairs.items()
        if len(changes) >= _LEAST_ENTRIES
    }


def _compare_columns(path: str, changes: Sequence[Change], context: ChangeContext) -> ColumnChanges:
    cells = [cell for change in changes for cell in change.fields]
    empty_before = Counter(cell.name for cell in cells if not cell.before)
    empty_after = Counter(cell.name for cell in cells if not cell.after)
    if max([*empty_before.values(), *empty_after.values()], default=0) < _LEAST_ENTRIES:
        return ColumnChanges()  # before all rows are read for their columns
    old, new = (
        {name for name in rows_of(context, content).derive(path, _filled_columns) if name not in DATES}
        for content in (context.old, context.new)
    )
    old_rows = rows_of(context, context.old).entries(path)
    assigned = len(old_rows) - sum(1 for item in old_rows.select(may_have_status) if not is_assigned(item))
    least = max(_LEAST_ENTRIES, _LEAST_SHARE * assigned)
    gained = {name for name in new - old if empty_before[name] >= least}
    lost = {name for name in old - new if empty_after[name] >= least}
    renamed: dict[str, str] = {}
    for old_name in sorted(lost) if len(lost) * len(gained) <= _MOST_RENAMES else ():
        for new_name in sorted(gained - {*renamed.values()}):
            if _is_renamed(old_name, new_name, changes):
                renamed[old_name] = new_name
                break
    return ColumnChanges(
        gained=frozenset(gained - {*renamed.values()}), lost=frozenset(lost - {*renamed}), renamed=renamed
    )


def _filled_columns(entries: Entries) -> set[str]:
    """Return the columns that have text in any entry of a registry."""
    rows = entries.list_rows()
    return {name for row in rows for name, text in row.fields.items() if text and not name.startswith(MARKUP)}


def _is_renamed(old: str, new: str, changes: Sequence[Change]) -> bool:
    texts = [
        (change.before.fields.get(old, ""), change.after.fields.get(new, ""))
        for change in changes
        if change.before and change.after
    ]
    return sum(1 for before, after in texts if before == after) >= _ALIKE * len(texts)


def has_only_column_changes(change: Change, context: ChangeContext) -> bool:
    """Return whether an entry differs only in the columns that its registry gained, lost or renamed."""
    columns = column_changes(context, entry_parts.read_path(change.item))
    names = columns.all_names()
    if not names or not change.fields:
        return False
    changed = identity.changed_columns(change)
    if not changed & names:
        return changed <= DATES
    return changed - names - DATES <= _columns_with_moved_words(change, columns)


def _columns_with_moved_words(change: Change, columns: ColumnChanges) -> set[str]:
    """Return the columns whose text took over that of a lost column, or gave its own to a new one, and nothing else.

    "[RFC9460]" and a lost cell "Section 7.2" became "[RFC9460, Section 7.2]".
    """
    lost, gained = (
        Counter(word for field in change.fields if field.name in names for word in _words(getattr(field, side)))
        for names, side in ((columns.lost, "before"), (columns.gained, "after"))
    )
    moved: set[str] = set()
    for cell in change.fields:
        before, after = (Counter(_words(text)) for text in (cell.before, cell.after))
        if cell.name not in columns.all_names() and after - before <= lost and before - after <= gained:
            moved.add(cell.name.removeprefix(MARKUP))
    return moved


def _words(text: str) -> list[str]:
    return re.findall(r"[^\s\[\](),;:]+", text.lower())


def new_columns(change: Change, context: ChangeContext) -> list[str]:
    """Return the columns that an entry has, and no entry of its registry had before."""
    new = context.compute_once(_new_columns).get(entry_parts.read_path(change.item), ())
    return sorted(name for name in new and change.item.fields if name in new and change.item.fields[name])


def _new_columns(context: ChangeContext) -> Mapping[str, AbstractSet[str]]:
    """Return the columns that no entry of a registry had before, by its path; a plain table has a header."""
    if not context.new.document:
        return {}
    old_paths = {new: old for old, new in registry_changes(context).moved.items()}
    filled = {
        (entry_parts.read_path(change.after), name)
        for change in context.changes
        if change.section is Section.ENTRY
        and change.after
        and entry_parts.read_path(change.after) not in _added(context)
        for name, text in change.after.fields.items()
        if text and not name.startswith(MARKUP) and name not in META
    }
    old_rows = rows_of(context, context.old)
    new: dict[str, set[str]] = {}
    for path, name in filled:
        entries = old_rows.entries(old_paths.get(path, path))
        # Nearly always one of the first rows has it.
        if len(entries) >= _LEAST_ENTRIES and not any(row.fields.get(name) for row in entries.list_rows()):
            new.setdefault(path, set()).add(name)
    return new


def _added(context: ChangeContext) -> frozenset[str]:
    return registry_changes(context).added


def registries_with_column_event(context: ChangeContext) -> frozenset[str]:
    """Return the registries in which an entry differs in nothing but columns: these carry `schema-changed`."""
    return frozenset(
        entry_parts.read_path(change.item)
        for change in context.changes
        if change.section is Section.ENTRY
        and change.before
        and change.after
        and has_only_column_changes(change, context)
    )
