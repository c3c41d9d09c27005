"""Somebody's details changed: one event, with every entry that names them. Who comes or goes rides with an entry."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from watcher.model import Change, Item, Section
from watcher.registries.contract import Finding, Surroundings

_IDS = re.compile(r"\[([^\[\]]+)\]")

Describe = Callable[[Item], tuple[str, str, str]]


def updated(index: int, change: Change, around: Surroundings, describe: Describe) -> Iterator[Finding]:
    """Return what a change of a contact means; `describe` gives an entry's name, port and protocol ("": none)."""
    if change.before is None or change.after is None:
        return
    told = [describe(item) for item in around.once(_named).get(change.item.key.part("id"), ())]
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


def _named(around: Surroundings) -> dict[str, list[Item]]:
    """The entries of the new release by the people they name whose details changed."""
    wanted = {change.item.key.part("id") for change in around.changes if change.section is Section.CONTACT}
    found: dict[str, list[Item]] = {}
    for (section, _), item in around.new.items.items():
        if section is Section.ENTRY:
            told = [each for text in item.fields.values() if "[" in text for each in _IDS.findall(text)]
            for name in wanted.intersection(told):
                found.setdefault(name, []).append(item)
    return found
