"""Compare two contents: exactly and completely. Knows keys and fields, and no registry; judges nothing.

Applying a change set to the old content's items gives the new content's, field for field; inverting it goes back.
The order of rows is not a change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from watcher.core.model import Change, ChangeSet, Content, FieldChange, Item, ItemKey, Key, Section
from watcher.diff.pairing import pair
from watcher.registries.base import PATH, PairingRule

_SECTIONS = list(Section)


def compare(old: Content, new: Content, pairing: Sequence[PairingRule] = ()) -> ChangeSet:
    """Return everything that differs, in a stable order; `pairing` is the registry's."""
    was, now = _differing(old, new)
    twins = _Duplicates(old, new, was.keys() | now.keys())
    was, now = {**was, **twins.old}, {**now, **twins.new}
    gone: list[Item] = []
    pairs: list[tuple[Item, Item]] = []
    for key, before in was.items():
        after = twins.successors.get(key) if key in twins.keys else now.get(key)
        if after is None:
            gone.append(before)
        elif after.fields != before.fields or after.key != before.key:
            pairs.append((before, after))
    added = [item for key, item in now.items() if key not in (twins.taken if key in twins.keys else was)]
    pairs += pair(gone, added, pairing)
    paired = {id(item) for two in pairs for item in two}
    changes = [_change(before, after) for before, after in pairs]
    changes += [_change(item, None) for item in gone if id(item) not in paired]
    changes += [_change(None, item) for item in added if id(item) not in paired]
    return ChangeSet(changes=tuple(sorted(changes, key=_order)))


def _differing(old: Content, new: Content) -> tuple[Mapping[ItemKey, Item], Mapping[ItemKey, Item]]:
    """The items of each side that are not the same objects on both."""
    if new.delta is not None and new.delta.digest == old.digest:
        return _by_key(new.delta.removed), _by_key(new.delta.added)
    other = new.items.get
    was = {key: item for key, item in old.items.items() if other(key) is not item}
    now = {key: item for key in was if (item := other(key)) is not None}
    return was, now | {key: new.items[key] for key in new.items.keys() - old.items.keys()}


def _by_key(items: Iterable[Item]) -> dict[ItemKey, Item]:
    return {(item.section, item.key): item for item in items}


class _Duplicates:
    """Pairs the items that only an ordinal tells apart by what they say: the ordinal is a count, not an identity.

    `old` and `new` are all of theirs and `keys` what they stand under; `successors` has the new item of an old key,
    `taken` the keys of those.
    """

    def __init__(self, old: Content, new: Content, touched: Iterable[ItemKey]) -> None:
        self.old: dict[ItemKey, Item] = {}
        self.new: dict[ItemKey, Item] = {}
        self.successors: dict[ItemKey, Item] = {}
        for section, key in {
            (section, key._replace(ordinal=1)) for section, key in touched if _shared(section, key, old, new)
        }:
            before, after = _members(old, (section, key)), _members(new, (section, key))
            self.old.update(_by_key(before))
            self.new.update(_by_key(after))
            self._match(before, after)
        self.keys = self.old.keys() | self.new.keys()
        self.taken = _by_key(self.successors.values()).keys()

    def _match(self, before: list[Item], after: list[Item]) -> None:
        rest = []
        for item in before:
            same = next((other for other in after if other.fields == item.fields), None)
            if same is None:
                rest.append(item)
            else:
                self.successors[item.section, item.key] = same
                after.remove(same)
        # What is left on both sides is in a stable order: its likeliest pairs.
        for item, other in zip(rest, after, strict=False):
            self.successors[item.section, item.key] = other


def _shared(section: Section, key: Key, old: Content, new: Content) -> bool:
    """Whether more than one item has a key, but for its ordinal."""
    if key.ordinal > 1:
        return True
    second = section, Key(key.labels, key.values, 2)
    return second in old.items or second in new.items


def _members(content: Content, group: ItemKey) -> list[Item]:
    section, key = group
    found = []
    while (item := content.items.get((section, key))) is not None:
        found.append(item)
        key = key._replace(ordinal=key.ordinal + 1)
    return found


def apply(changes: ChangeSet, items: Mapping[ItemKey, Item]) -> dict[ItemKey, Item]:
    """Return the items after the changes. Raises ValueError where they do not fit what is there."""
    result = dict(items)
    for change in changes.changes:
        if change.before is not None:
            found = result.pop((change.before.section, change.before.key), None)
            if found is None or found.fields != change.before.fields:
                raise ValueError(f"the change does not fit: {change.before.key} is not there as it was")
    for change in changes.changes:
        if change.after is not None:
            if (change.after.section, change.after.key) in result:
                raise ValueError(f"the change does not fit: {change.after.key} is there already")
            result[change.after.section, change.after.key] = change.after
    return result


def invert(changes: ChangeSet) -> ChangeSet:
    """Return the change set that leads back."""
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


def field_changes(before: Item, after: Item) -> tuple[FieldChange, ...]:
    """Return the fields in which two paired items differ, in the order the fields stand in."""
    old, new = before.fields, after.fields
    # A field that is there and empty is another one than a field that is not there.
    texts: list[tuple[str, str | None, str | None]] = [(name, old.get(name), text) for name, text in new.items()]
    texts += [(name, text, None) for name, text in old.items() if name not in new]
    return tuple([FieldChange(name=name, before=was or "", after=now or "") for name, was, now in texts if was != now])


def _change(before: Item | None, after: Item | None) -> Change:
    fields = field_changes(before, after) if before is not None and after is not None else ()
    return Change(before=before, after=after, fields=fields)


def _order(change: Change) -> tuple[int, tuple[tuple[int, str], ...], int, int]:
    item = change.item
    return _SECTIONS.index(item.section), _place(item.key), item.key.ordinal, 0 if change.after is None else 1


def _place(key: Key) -> tuple[tuple[int, str], ...]:
    """By registry, then the parts that begin with a number: people read changes in the order of ports and values."""
    place = key.labels[:1] == (PATH,)
    numbers, words = [_natural(value) for value in key.values[:place]], []
    for value in key.values[place:]:
        if value[:1].isdigit():
            numbers.append(_natural(value))
        else:
            words.append((-1, value))
    return (*numbers, *words)


def _natural(value: str) -> tuple[int, str]:
    digits = value[: len(value) - len(value.lstrip("0123456789"))]
    return (int(digits), value) if digits else (-1, value)
