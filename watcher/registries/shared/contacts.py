"""Changed details of a person or organisation: one event, with every entry that names them.

A contact that is added or removed is part of the change of an entry, and no event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from watcher.core.background import BRACKETED_NAME
from watcher.core.intervals import bounded_number
from watcher.core.model import MARKUP, Change, Item, Key, Section
from watcher.registries.base import Finding, Signature
from watcher.registries.context import ChangeContext, IndexKeys, ItemIndex

_LABELS = frozenset({"id", "updated"})  # IANA's id of a person, and the date of its details

EntriesByContact = Mapping[str, Mapping[Key, Item]]
Describe = Callable[[Item], tuple[str, str, str]]


def is_relabelled(change: Change) -> bool:
    """Return whether nothing but the id or the date of a contact changed."""
    is_pair = change.section is Section.CONTACT and change.before is not None and change.after is not None
    return is_pair and {field.name for field in change.fields} <= _LABELS


def by_details(item: Item) -> Signature:
    """Return the signature of a person or organisation under any id: all fields but the labels."""
    details = tuple(f"{name}\n{text}" for name, text in sorted(item.fields.items()) if text and name not in _LABELS)
    return details if details and item.section is Section.CONTACT else None


def relabelled_columns(change: Change, context: ChangeContext) -> set[str]:
    """Return the columns of an entry in which only the ids of the same people differ."""
    ids = context.compute_once(_new_ids)
    return {
        field.name.removeprefix(MARKUP)
        for field in change.fields
        if ids and _translate(field.before, ids) == field.after
    }


def translate(item: Item | None, context: ChangeContext) -> Item | None:
    """Return an entry of the old release with the ids that its people have in the new one."""
    ids = context.compute_once(_new_ids)
    if item is None or not ids or item.section is not Section.ENTRY:
        return item
    return replace(item, fields={name: _translate(text, ids) for name, text in item.fields.items()})


def _new_ids(context: ChangeContext) -> Mapping[str, str]:
    """Return the new id of each contact whose id now is another person's, or nobody's.

    Numbers behind an id move up when IANA removes a person: X_2 becomes X, and X_3 becomes X_2.
    """
    changed = [change for change in context.changes if change.section is Section.CONTACT]
    old, new = ([side for change in changed if (side := getattr(change, name))] for name in ("before", "after"))
    ids: dict[str, str] = {}
    for details in (by_details, _by_details_and_date):
        after = _group_by(new, details)
        for signature, people in _group_by(old, details).items():
            same = after.get(signature, [])
            if len(people) == len(same) == 1:
                ids[people[0].key.part("id")] = same[0].key.part("id")
    return {before: after for before, after in ids.items() if before != after}


def _by_details_and_date(item: Item) -> Signature:
    details = by_details(item)
    return (*details, item.fields.get("updated", "")) if details else None


def _group_by(items: Iterable[Item], sign: Callable[[Item], Signature]) -> Mapping[tuple[str, ...], list[Item]]:
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in items:
        if (signature := sign(item)) is not None:
            groups.setdefault(signature, []).append(item)
    return groups


def _translate(text: str, ids: Mapping[str, str]) -> str:
    return BRACKETED_NAME.sub(lambda match: f"[{ids.get(match[1], match[1])}]", text)


def classify_update(position: int, change: Change, context: ChangeContext, describe: Describe) -> Iterator[Finding]:
    """Yield the finding for a changed contact; `describe` returns an entry's name, port and protocol, or ""."""
    if change.before is None or change.after is None or is_relabelled(change):
        return
    ids = context.compute_once(_new_ids)
    if change.item.key.part("id") in {*ids, *ids.values()}:
        return  # the id is another person's now
    entries = context.get_index(_ENTRIES_BY_CONTACT, context.new).get(change.item.key.part("id"), {})
    described = [describe(entries[key]) for key in sorted(entries, key=lambda key: (_natural_order(key), key))]
    yield Finding(
        event="contact-updated",
        change=position,
        # Contacts whose details changed in the same way in one release are one event.
        subject=tuple(f"{field.name}\n{field.before}\n{field.after}" for field in change.fields),
        kind=change.kind,
        service=", ".join(dict.fromkeys(name for name, _, _ in described if name)),
        ports=tuple(dict.fromkeys(port for _, port, _ in described if port)),
        protocols=tuple(dict.fromkeys(protocol for _, _, protocol in described if protocol)),
    )


def _natural_order(key: Key) -> tuple[tuple[int, str], ...]:
    return tuple((bounded_number(value) if value.isdecimal() else -1, value) for value in key.values)


def _build(items: Iterable[Item]) -> EntriesByContact:
    return _update({}, (), tuple(items))


def _update(index: EntriesByContact, removed: Sequence[Item], added: Sequence[Item]) -> EntriesByContact:
    touched: dict[str, dict[Key, Item]] = {}

    def entries_of(contact: str) -> dict[Key, Item]:
        if contact not in touched:
            touched[contact] = dict(index.get(contact, {}))
        return touched[contact]

    for item in removed:
        for contact in _references(item):
            entries_of(contact).pop(item.key, None)
    for item in added:
        for contact in _references(item):
            entries_of(contact)[item.key] = item
    return {**index, **touched}


def _references(item: Item) -> Iterable[str]:
    if item.section is not Section.ENTRY:
        return ()
    texts = (text for field, text in item.fields.items() if "[" in text and ":" not in field)
    return {name for text in texts for name in BRACKETED_NAME.findall(text)}


def _changed_contacts(context: ChangeContext) -> IndexKeys:
    contacts = (
        change.item.key.part("id")
        for change in context.changes
        if change.section is Section.CONTACT and change.before is not None and change.after is not None
    )
    return IndexKeys(words=tuple(dict.fromkeys(contacts)))


_ENTRIES_BY_CONTACT = ItemIndex(_build, _update, _changed_contacts)
