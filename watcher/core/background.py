"""Find what two releases say about the people, the registries and the document that changed entries name. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watcher.core.model import MARKUP, ROOT, Background, ChangeSet, Fields, Item, ItemKey, Key, Section
from watcher.core.patterns import regex

BRACKETED_NAME = regex(r"\[([^\[\]]+)\]")  # people and documents are named so: [Jon_Postel], [RFC6335]
_PERSON_LABELS, _HEADER_LABELS = ("id",), ("registry",)
Items = Mapping[ItemKey, Item]


def find_names(item: Item) -> Iterable[str]:
    """Return the names in brackets in the fields of an entry: ids of people, references, footnotes."""
    texts = (text for name, text in item.fields.items() if "[" in text and not name.startswith(MARKUP))
    return dict.fromkeys(name for text in texts for name in BRACKETED_NAME.findall(text))


def find_background(
    changes: ChangeSet, old: Items, new: Items, listed: Mapping[str, tuple[Item, ...]] | None = None
) -> Background:
    """Collect what two releases say about the people and registries that the changes name; quiet changes do not count.

    `listed` are entries that events of deadlines are about (`Background.listed`).
    """
    shown = [change for change in changes.changes if not change.quiet]
    before = [change.before for change in shown if change.before]
    after = [change.after for change in shown if change.after]
    after += [item for items in (listed or {}).values() for item in items]
    root = new.get((Section.REGISTRY, ROOT))
    return Background(
        document=root.fields.get("id", "") if root else "",
        titles=_find_titles([*before, *after], old, new),
        old_people=_find_people(before, old),
        new_people=_find_people(after, new),
        listed=listed or {},
    )


def _find_people(items: Iterable[Item], release: Items) -> Mapping[str, Fields]:
    names = dict.fromkeys(name for item in items if item.section is Section.ENTRY for name in find_names(item))
    people = {name: release.get((Section.CONTACT, Key(_PERSON_LABELS, (name,)))) for name in names}
    return {name: person.fields for name, person in people.items() if person is not None}


def _find_titles(items: Iterable[Item], old: Items, new: Items) -> Mapping[str, str]:
    paths = dict.fromkeys(["", *(item.key.part("registry") for item in items if item.section is not Section.CONTACT)])
    titles = {}
    for path in paths:
        key = Section.REGISTRY, Key(_HEADER_LABELS, (path,))
        header = new.get(key) or old.get(key)
        if header is not None and header.fields.get("title"):
            titles[path] = header.fields["title"]
    return titles
