"""Compare two contents exactly and completely. Knows keys and fields, and no registry.

The change set applied to the items of the old content gives those of the new one, field for field; inverted, it leads
back. The order of rows is not a change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from watcher.core.intervals import bounded_number
from watcher.core.model import Change, ChangeSet, Content, FieldChange, Item, ItemKey, Key, Section
from watcher.diff.pairing import pair_items
from watcher.registries.base import PATH, LinkageRule, PairingRule

_SECTIONS = list(Section)
_MOST_WORDS = 50_000  # of items with one key that are compared word by word
_MOST_DUPLICATES = 2500  # pairs of items with one key that are compared word by word


def compare(old: Content, new: Content, pairing: Sequence[PairingRule | LinkageRule] = ()) -> ChangeSet:
    """Return everything that differs, in a stable order; `pairing` are the rules of the registry."""
    old_items, new_items = _differing_items(old, new)
    duplicates = _Duplicates(old, new, old_items.keys() | new_items.keys())
    old_items, new_items = {**old_items, **duplicates.old}, {**new_items, **duplicates.new}
    removed: list[Item] = []
    pairs: list[tuple[Item, Item]] = []
    for key, before in old_items.items():
        after = duplicates.successors.get(key) if key in duplicates.keys else new_items.get(key)
        if after is None:
            removed.append(before)
        elif after.fields != before.fields or after.key != before.key:
            pairs.append((before, after))
    added = [
        item
        for key, item in new_items.items()
        if key not in (duplicates.matched if key in duplicates.keys else old_items)
    ]
    pairs += pair_items(removed, added, pairing)
    paired = {id(item) for pair in pairs for item in pair}
    changes = [_change(before, after) for before, after in pairs]
    changes += [_change(item, None) for item in removed if id(item) not in paired]
    changes += [_change(None, item) for item in added if id(item) not in paired]
    return ChangeSet(changes=tuple(sorted(changes, key=_sort_key)))


def _differing_items(old: Content, new: Content) -> tuple[Mapping[ItemKey, Item], Mapping[ItemKey, Item]]:
    """Return the items of each side that differ, and maybe some that are equal."""
    if new.delta is not None and new.delta.digest == old.digest:
        return _by_key(new.delta.removed), _by_key(new.delta.added)
    get = new.items.get
    old_items = {key: item for key, item in old.items.items() if get(key) is not item}
    new_items = {key: item for key in old_items if (item := get(key)) is not None}
    return old_items, new_items | {key: new.items[key] for key in new.items.keys() - old.items.keys()}


def _by_key(items: Iterable[Item]) -> dict[ItemKey, Item]:
    return {(item.section, item.key): item for item in items}


class _Duplicates:
    """The items of one comparison that share a key but for the ordinal, paired by their content.

    The ordinal is a count and no identity: the second of two equal rows may become the first. `old` and `new` are these
    items by key and `keys` all their keys; `successors` maps an old key to its new item, `matched` has the keys of
    those.
    """

    def __init__(self, old: Content, new: Content, touched: Iterable[ItemKey]) -> None:
        self.old: dict[ItemKey, Item] = {}
        self.new: dict[ItemKey, Item] = {}
        self.successors: dict[ItemKey, Item] = {}
        for section, key in {
            (section, key._replace(ordinal=1)) for section, key in touched if _is_shared(section, key, old, new)
        }:
            before, after = _members(old, (section, key)), _members(new, (section, key))
            self.old.update(_by_key(before))
            self.new.update(_by_key(after))
            self._match(before, after)
        self.keys = self.old.keys() | self.new.keys()
        self.matched = _by_key(self.successors.values()).keys()

    def _match(self, before: list[Item], after: list[Item]) -> None:
        """Pair equal items, then the rest by position."""
        rest = []
        equal: dict[frozenset[tuple[str, str]], deque[Item]] = {}
        for item in after:
            equal.setdefault(frozenset(item.fields.items()), deque()).append(item)
        for item in before:
            same = equal.get(frozenset(item.fields.items()))
            if same:
                self.successors[item.section, item.key] = same.popleft()
            else:
                rest.append(item)
        unmatched = {id(item) for items in equal.values() for item in items}
        for item, other in _pair_by_content(rest, [item for item in after if id(item) in unmatched]):
            self.successors[item.section, item.key] = other


def _pair_by_content(before: Sequence[Item], after: Sequence[Item]) -> Iterable[tuple[Item, Item]]:
    """Pair the items that share the most words first; of equal ones, and of very many, those at the same position."""
    if len(before) * len(after) > _MOST_DUPLICATES:
        return zip(before, after, strict=False)
    old, new = [_words(item) for item in before], [_words(item) for item in after]
    if len(before) * sum(map(len, new)) + len(after) * sum(map(len, old)) > _MOST_WORDS:
        return zip(before, after, strict=False)
    nearest = sorted(
        (-len(words & others) / max(1, len(words | others)), abs(left - right), left, right)
        for left, words in enumerate(old)
        for right, others in enumerate(new)
    )
    pairs: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, left, right in nearest:
        if left not in pairs and right not in taken:
            pairs[left] = right
            taken.add(right)
    return [(before[left], after[right]) for left, right in sorted(pairs.items())]


def _words(item: Item) -> set[tuple[str, str]]:
    return {(name, word) for name, text in item.fields.items() for word in text.split()}


def _is_shared(section: Section, key: Key, old: Content, new: Content) -> bool:
    """Return whether several items of a content have one key, but for the ordinal."""
    if key.ordinal > 1:
        return True
    second = section, Key(key.labels, key.values, 2)
    return second in old.items or second in new.items


def _members(content: Content, group: ItemKey) -> list[Item]:
    section, key = group
    members = []
    while (item := content.items.get((section, key))) is not None:
        members.append(item)
        key = key._replace(ordinal=key.ordinal + 1)
    return members


def field_changes(before: Item, after: Item) -> tuple[FieldChange, ...]:
    """Return the fields in which two paired items differ, in the order of the new item's fields."""
    old, new = before.fields, after.fields
    # An empty field differs from an absent one.
    texts: list[tuple[str, str | None, str | None]] = [(name, old.get(name), text) for name, text in new.items()]
    texts += [(name, text, None) for name, text in old.items() if name not in new]
    return tuple(
        FieldChange(name=name, before=left or "", after=right or "") for name, left, right in texts if left != right
    )


def _change(before: Item | None, after: Item | None) -> Change:
    fields = field_changes(before, after) if before is not None and after is not None else ()
    return Change(before=before, after=after, fields=fields)


def _sort_key(change: Change) -> tuple[int, tuple[tuple[int, str], ...], int, int, Key]:
    item = change.item
    is_left = 0 if change.after is None else 1
    return _SECTIONS.index(item.section), _natural_order(item.key), item.key.ordinal, is_left, item.key


def _natural_order(key: Key) -> tuple[tuple[int, str], ...]:
    """Order by registry path, then by the key parts that begin with a number, so that changes are read port by port."""
    start = 1 if key.labels[:1] == (PATH,) else 0
    numbers, words = [_natural(value) for value in key.values[:start]], []
    for value in key.values[start:]:
        if value[:1].isdigit():
            numbers.append(_natural(value))
        else:
            words.append((-1, value))
    return (*numbers, *words)


def _natural(value: str) -> tuple[int, str]:
    digits = value[: len(value) - len(value.lstrip("0123456789"))]
    return (bounded_number(digits), value) if digits else (-1, value)
