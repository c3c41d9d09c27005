"""What became of whole registries of a group: which came, went or moved, and how their columns changed. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from watcher.core.model import MARKUP, Change, Content, FieldChange, Section
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity

DATES = frozenset({"registered", "modified"})
_WIDELY = 0.34  # of the entries that are assigned: then the registry has another column
_ALIKE = 0.9
_FEW = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Registries:
    """What became of whole registries between two releases: paths that came, went, and where those that moved are."""

    added: frozenset[str]
    removed: frozenset[str]
    moved: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableColumns:
    """The columns that a registry gained and lost, and those that have another name now (old → new)."""

    gained: frozenset[str] = frozenset()
    lost: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=dict)

    def touched(self) -> frozenset[str]:
        return self.gained | self.lost | {*self.renamed} | {*self.renamed.values()}


def registries(context: ChangeContext) -> Registries:
    headers = [change for change in context.changes if change.section is Section.REGISTRY]
    added = {identity.path(change.item) for change in headers if change.before is None}
    removed = {identity.path(change.item) for change in headers if change.after is None}
    moved = {
        identity.path(change.before): identity.path(change.after)
        for change in headers
        if change.before and change.after and identity.path(change.before) != identity.path(change.after)
    }
    return Registries(added=frozenset(added), removed=frozenset(removed), moved=dict(sorted(moved.items())))


def _entries(content: Content, path: str, *, assigned: bool = False) -> int:
    return sum(
        1
        for (section, _), item in content.items.items()
        if section is Section.ENTRY and identity.path(item) == path and (identity.is_assigned(item) or not assigned)
    )


def renamed(old: str, new: str) -> str:
    return "registry-renamed" if old.rpartition("/")[0] == new.rpartition("/")[0] else "registry-moved"


def plain(each: FieldChange) -> str:
    """The column that a field change is about."""
    return each.name.removeprefix(MARKUP)


def columns_of(context: ChangeContext, path: str) -> TableColumns:
    """Return how the columns of a registry changed."""
    return context.compute_once(_columns).get(path, TableColumns())


def _columns(context: ChangeContext) -> dict[str, TableColumns]:
    """The registries that gained, lost or renamed a column: entries that were there before have it, or no longer do."""
    pairs: dict[str, list[Change]] = {}
    for change in context.changes:
        if change.section is Section.ENTRY and change.before and change.after and change.fields:
            pairs.setdefault(identity.path(change.after), []).append(change)
    return {path: found for path, changes in pairs.items() if (found := _schema(path, changes, context)) is not None}


def _schema(path: str, changes: Sequence[Change], context: ChangeContext) -> TableColumns | None:
    if len(changes) < _FEW:
        return None
    old, new = _used(context.old, path), _used(context.new, path)
    most = max(_FEW, _WIDELY * _entries(context.old, path, assigned=True))
    came = {name for name in new.keys() - old.keys() if _gained(name, changes, "before") >= most}
    went = {name for name in old.keys() - new.keys() if _gained(name, changes, "after") >= most}
    renamed: dict[str, str] = {}
    for gone in sorted(went):
        for name in sorted(came - {*renamed.values()}):
            if _alike(gone, name, changes):
                renamed[gone] = name
                break
    found = TableColumns(
        gained=frozenset(came - {*renamed.values()}), lost=frozenset(went - {*renamed}), renamed=renamed
    )
    return found if found.touched() else None


def _used(content: Content, path: str) -> Counter[str]:
    """How many entries of a registry say something in each column."""
    return Counter(
        name
        for (section, _), item in content.items.items()
        if section is Section.ENTRY and identity.path(item) == path
        for name, text in item.fields.items()
        if text and not name.startswith(MARKUP) and name not in DATES
    )


def _gained(name: str, changes: Sequence[Change], side: str) -> int:
    """How many entries got a column (it is empty `before`) or lost it (empty `after`)."""
    return sum(1 for change in changes for each in change.fields if each.name == name and not getattr(each, side))


def _alike(old: str, new: str, changes: Sequence[Change]) -> bool:
    told = [(c.before.fields.get(old, ""), c.after.fields.get(new, "")) for c in changes if c.before and c.after]
    return sum(1 for before, after in told if before == after) >= _ALIKE * len(told)
