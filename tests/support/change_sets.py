"""Apply a change set forwards and backwards: what `compare` promises to be exact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, MutableMapping

from watcher.core.model import Change, ChangeSet, Event, FieldChange, Item, ItemKey
from watcher.diff.item_map import ItemMap


def apply(changes: ChangeSet, items: Mapping[ItemKey, Item]) -> MutableMapping[ItemKey, Item]:
    """Return the items after the changes. Raises ValueError if the changes are not of these items."""
    # A release of the ports is copied and compared in C as the ItemMap that it is.
    result: MutableMapping[ItemKey, Item] = ItemMap(items) if isinstance(items, ItemMap) else dict(items)
    for change in changes.changes:
        if change.before is not None:
            item = result.pop((change.before.section, change.before.key), None)
            if item is None or item.fields != change.before.fields:
                raise ValueError(f"change cannot be applied: {change.before.key} is missing or different")
    for change in changes.changes:
        if change.after is not None:
            if (change.after.section, change.after.key) in result:
                raise ValueError(f"change cannot be applied: {change.after.key} exists already")
            result[change.after.section, change.after.key] = change.after
    return result


def invert(changes: ChangeSet) -> ChangeSet:
    """Return the change set from the new items to the old ones."""
    return ChangeSet(
        changes=tuple(
            Change(
                before=change.after,
                after=change.before,
                fields=tuple(FieldChange(name=f.name, before=f.after, after=f.before) for f in change.fields),
                quiet=change.quiet,
            )
            for change in changes.changes
        )
    )


def not_named_once(changes: ChangeSet, events: Iterable[Event]) -> list[ItemKey]:
    """Return the changes that are not in exactly one event; a quiet one may be in none."""
    events_of = Counter(index for event in events for index in {*event.changes})
    return [
        (change.section, change.item.key)
        for index, change in enumerate(changes.changes)
        if events_of[index] > 1 or (not change.quiet and events_of[index] == 0)
    ]
