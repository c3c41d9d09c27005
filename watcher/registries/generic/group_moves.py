"""Evidence that an entry removed from one registry group and one added to another group are the same entry.

Both have one name. That alone is no evidence: many registries have an entry "nonce". Something else must agree that few
rows have, or the old registry lists what is provisional and the new one does not, or the old registry says where its
entries are now. docs/decisions.md, record 47.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

from watcher.core.model import Change, Item, Section
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import Features
from watcher.registries.generic import entry_parts
from watcher.registries.generic.pairing import fold_name, read_features
from watcher.registries.shared.assignment import is_assigned

DAYS = 31  # between the two releases: a tree can be kept month by month
_NAME = "name:"
_WHOLE_NAME = 2.0
_SHORTEST, _LONGEST = 2, 1_000  # characters of a name
_SAID_IN = ("title", "note", "registration_rule", "description")


def leftover_names(change: Change) -> Sequence[str]:
    """Return the names by which a removed or added entry is found in another group; () for other changes."""
    if change.section is not Section.ENTRY or is_assigned(change.before) == is_assigned(change.after):
        return ()
    return sorted(_names(change.before if change.before and is_assigned(change.before) else change.item))


def _names(item: Item) -> set[str]:
    """Return what an entry is called, in one notation."""
    return {name for text in _name_texts(item) if _SHORTEST <= len(name := fold_name(text)) <= _LONGEST}


def _name_texts(item: Item) -> list[str]:
    """Return the value of an entry, or its title if that is a number; and the path of its template (`image/apng`)."""
    values = entry_parts.read_values(item)
    is_named = bool(values and values[0] and not parse_ranges(values[0]))
    texts = (values[0] if is_named else entry_parts.find_title(item), item.fields.get("file", ""))
    return [text for text in texts if text and not parse_ranges(text)]


def read_move_features(item: Item, *, with_date: bool = True) -> Features:
    """Return what a row has that can show which entry it is, wherever it is listed."""
    features = {
        feature: weight
        for feature, weight in read_features(item, with_date=with_date).items()
        if not feature.startswith((_NAME, "file:"))
    }
    return features | dict.fromkeys((_NAME + name for name in _names(item)), _WHOLE_NAME)


def agrees_beside_name(old: Item, new: Item, rarity: Mapping[str, float], least: float) -> bool:
    """Return whether two rows share something of at least some rarity that is not a part of their name."""
    named = {*_words(old), *_words(new)}
    shared = read_move_features(old).keys() & read_move_features(new).keys()
    return any(
        rarity.get(feature, 0.0) >= least and feature not in named and not feature.startswith(_NAME)
        for feature in shared
    )


def _words(item: Item) -> set[str]:
    return {word for text in _name_texts(item) for word in re.findall(r"[^\W_]+", text.lower())}


def is_graduation(old_titles: Iterable[str], new_titles: Iterable[str]) -> bool:
    """Return whether an entry that moved was provisional and is no longer, by the titles of registry and group."""
    before, after = (" ".join(titles).lower() for titles in (old_titles, new_titles))
    return "provisional" in before and "provisional" not in after


def names_group(headers: Iterable[Change], path: str, group: str) -> bool:
    """Return whether a registry, or one above it, newly refers to another group in what it says of itself."""
    mention = re.compile(rf"(?<![\w-]){re.escape(group)}(?![\w-])", re.IGNORECASE)
    for change in headers:
        above = entry_parts.read_path(change.item)
        if change.after is not None and (not above or path == above or path.startswith(f"{above}/")):
            before, after = (
                "\n".join(item.fields.get(name, "") for name in _SAID_IN) if item else ""
                for item in (change.before, change.after)
            )
            if mention.search(after) and not mention.search(before):
                return True
    return False


def moved_registries(
    moved: Iterable[tuple[str, str]], old: Iterable[Change], new: Collection[Change]
) -> dict[str, str]:
    """Return the new registries that moved, each with the path that it had in the other group.

    They have the title of a registry from which a row moved there, or at least half of their rows moved there. `moved`
    are the (old path, new path) of each row that moved; `old` and `new` are the changes of the two groups.
    """
    old_titles = {
        entry_parts.read_path(change.item): _title(change) for change in old if change.section is Section.REGISTRY
    }
    new_titles = {
        entry_parts.read_path(change.item): _title(change)
        for change in new
        if change.section is Section.REGISTRY and change.before is None
    }
    rows = Counter(
        entry_parts.read_path(change.item) for change in new if leftover_names(change) and change.before is None
    )
    return {
        path: old_path
        for (old_path, path), number in sorted(Counter(moved).items())
        if path in new_titles and (old_titles.get(old_path) == new_titles[path] or 2 * number >= rows[path])
    }


def _title(header: Change) -> str:
    return header.item.fields.get("title", "")
