"""Somebody's details changed: one event, with every entry that names them. Who comes or goes rides with an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from watcher.core.model import Change, Item, Key, Section
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext, IndexKeys, ItemIndex

_IDS = re.compile(r"\[([^\[\]]+)\]")

People = Mapping[str, Mapping[Key, Item]]
Describe = Callable[[Item], tuple[str, str, str]]


def updated(index: int, change: Change, context: ChangeContext, describe: Describe) -> Iterator[Finding]:
    """Return what a change of a contact means; `describe` gives an entry's name, port and protocol ("": none)."""
    if change.before is None or change.after is None:
        return
    named = context.get_index(NAMED, context.new).get(change.item.key.part("id"), {})
    told = [describe(named[key]) for key in sorted(named, key=_natural)]
    yield Finding(
        event="contact-updated",
        change=index,
        # Contacts whose details changed in the same way at once are one event.
        subject=tuple(f"{field.name}\n{field.before}\n{field.after}" for field in change.fields),
        kind=change.kind,
        service=", ".join(dict.fromkeys(name for name, _, _ in told if name)),
        ports=tuple(dict.fromkeys(port for _, port, _ in told if port)),
        protocols=tuple(dict.fromkeys(protocol for _, _, protocol in told if protocol)),
    )


def _natural(key: Key) -> tuple[tuple[int, str], ...]:
    """Numbers in their order, as people list them."""
    return tuple((int(value) if value.isdecimal() else -1, value) for value in key.values)


def _build(items: Iterable[Item]) -> People:
    return _update({}, (), tuple(items))


def _update(people: People, gone: Sequence[Item], came: Sequence[Item]) -> People:
    """The entries by the people they name, some less and some more."""
    touched: dict[str, dict[Key, Item]] = {}
    for items, put in ((gone, False), (came, True)):
        for item in items:
            for name in _names(item):
                entries = touched.setdefault(name, {}) if name not in people else touched.get(name)
                if entries is None:
                    entries = touched[name] = dict(people[name])
                if put:
                    entries[item.key] = item
                else:
                    entries.pop(item.key, None)
    return {**people, **touched}


def _names(item: Item) -> Iterable[str]:
    if item.section is not Section.ENTRY:
        return ()
    told = (text for field, text in item.fields.items() if "[" in text and ":" not in field)
    return {name for text in told for name in _IDS.findall(text)}


def _keys(context: ChangeContext) -> IndexKeys:
    people = (
        change.item.key.part("id")
        for change in context.changes
        if change.section is Section.CONTACT and change.before is not None and change.after is not None
    )
    return IndexKeys(words=tuple(dict.fromkeys(people)))


NAMED = ItemIndex(_build, _update, _keys)
