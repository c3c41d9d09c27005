"""The rows of a registry are the same however they were derived, and what did not change is derived once."""

from __future__ import annotations

import random

from watcher.core.model import Item, Key, Section
from watcher.registries.base import PATH
from watcher.registries.generic.registry_rows import Entries, RegistryRows


def entry(path: str, value: str, text: str) -> Item:
    return Item(section=Section.ENTRY, key=Key((PATH, "value"), (path, value)), fields={"value": value, "text": text})


def header(path: str, title: str) -> Item:
    return Item(section=Section.REGISTRY, key=Key((PATH,), (path,)), fields={"title": title})


def list_texts(entries: Entries) -> list[str]:
    return sorted(item.fields["text"] for item in entries)


def test_rows_that_were_updated_are_those_that_are_built_from_all_items() -> None:
    chance = random.Random(17)  # noqa: S311 - no secret
    items: dict[tuple[Section, Key], Item] = {}
    rows = RegistryRows.build(())
    for number in range(60):
        changed = [entry(chance.choice("abc"), str(chance.randrange(9)), str(number)) for _ in range(4)]
        changed.append(header(chance.choice("abc"), str(number)))
        added = {(item.section, item.key): item for item in changed}
        gone = chance.sample(sorted(items.keys() - added.keys()), min(2, len(items.keys() - added.keys())))
        removed = [items.pop(key) for key in gone] + [items.pop(key) for key in added if key in items]
        items |= added
        for path in "abc":  # kept for the registries that do not change
            rows.derive(path, list_texts)
        rows = rows.updated(removed, [*added.values()])
        built = RegistryRows.build(items.values())
        assert rows.headers == built.headers
        for path in "abcd":
            assert {item.key: item for item in rows.entries(path)} == {item.key: item for item in built.entries(path)}
            assert rows.derive(path, list_texts) == built.derive(path, list_texts)


def test_only_the_registry_that_changed_is_derived_again() -> None:
    derived: list[int] = []

    def count(entries: Entries) -> int:
        derived.append(len(entries))
        return len(entries)

    rows = RegistryRows.build([entry("a", "1", "x"), entry("a", "2", "x"), entry("b", "1", "x")])
    assert (rows.derive("a", count), rows.derive("b", count)) == (2, 1)
    rows = rows.updated([entry("b", "1", "x")], [entry("b", "2", "y"), entry("b", "3", "z")])
    assert (rows.derive("a", count), rows.derive("b", count), derived) == (2, 2, [2, 1, 2])
