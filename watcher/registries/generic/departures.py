"""Entries and registries that left their group: where they are now, by the moves found or by what the group says."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from msgspec.structs import replace

from watcher.core.model import Change, Key, Kind, Section
from watcher.core.patterns import regex
from watcher.registries.base import PATH, Finding
from watcher.registries.context import ChangeContext, Move
from watcher.registries.generic import entry_parts
from watcher.registries.generic.group_moves import is_graduation
from watcher.registries.generic.headers import classify_header, ended_registries
from watcher.registries.generic.naming import header_title
from watcher.registries.generic.structure import registry_changes
from watcher.registries.shared.assignment import is_assigned

# "See [https://www.iana.org/assignments/openpgp] for the OpenPGP registries."
_SEE = regex(
    r"\bsee (?:the )?\[[^\[\]\s]{0,200}assignments/[^\[\]]{1,200}\] for [^.]{0,80}\bregistr(?:y|ies)\b", re.IGNORECASE
)


def destination(path: str, context: ChangeContext) -> tuple[str, ...]:
    """Return the group and release where most entries of a registry are now; () if no move is known."""
    return context.compute_once(_destinations).get(path, ())


def _destinations(context: ChangeContext) -> Mapping[str, tuple[str, ...]]:
    counts: dict[str, Counter[tuple[str, ...]]] = {}
    for position, move in context.moves.items():
        if move.leaves:
            path = entry_parts.read_path(context.changes[position].item)
            counts.setdefault(path, Counter())[move.group, move.release] += 1
    return {path: max(sorted(counter), key=counter.__getitem__) for path, counter in counts.items()}


def is_moved(path: str, context: ChangeContext) -> bool:
    """Return whether a whole registry moved to another group: its text says so, or its entries are there."""
    return path in context.compute_once(_moved_registries)


def _moved_registries(context: ChangeContext) -> frozenset[str]:
    moved = {path for path, event in ended_registries(context).items() if event == "registry-moved"}
    removed = registry_changes(context).removed
    if not removed:
        return frozenset(moved)
    if has_pointer(context):
        return frozenset({*moved, *removed, ""})
    entries: Counter[str] = Counter()
    for position, change in enumerate(context.changes):
        if change.after is None and is_assigned(change.before):
            path = entry_parts.read_path(change.item)
            entries[path] += 1 if position in context.moves else -1
    return frozenset({*moved, *(path for path in removed if entries[path] >= 0 and destination(path, context))})


def has_pointer(context: ChangeContext) -> bool:
    """Return whether the group newly says where its registries are now."""
    key = Section.REGISTRY, Key((PATH,), ("",))
    before, after = (
        header.fields.get("note", "") if (header := content.items.get(key)) else ""
        for content in (context.old, context.new)
    )
    return bool(_SEE.search(after)) and not _SEE.search(before)


def find_pointer(change: Change) -> str:
    """Return the sentence in which a group says where its registries are; "" without one."""
    match = _SEE.search(change.after.fields.get("note", "")) if change.after else None
    return match[0] if match else ""


def classify_moved_header(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Yield the finding of the header of a registry that moved, or of the group that says where its registries are."""
    path = entry_parts.read_path(change.item)
    for finding in classify_header(position, change, context):
        also = (finding.event, *finding.also) if finding.event != "registry-moved" and change.after else finding.also
        yield replace(
            finding,
            event="registry-moved",
            kind=Kind.DEPRECATED,
            subject=destination(path, context),
            also=tuple(event for event in also if event != "registry-moved"),
            severity=None,
        )


def find_move(position: int, context: ChangeContext) -> Move | None:
    """Return where the entry of a removed row is now, unless it went with its whole registry."""
    move = context.moves.get(position)
    if move is None:
        return None
    path = entry_parts.read_path(context.changes[position].item)
    went_along = context.changes[position].after is None and is_moved(path, context)
    return None if went_along and destination(path, context) == (move.group, move.release) else move


def has_graduated(path: str, move: Move, context: ChangeContext) -> bool:
    """Return whether an entry left a provisional registry for one that is not, by the titles of registry and group."""
    return is_graduation((header_title(path, context), header_title("", context)), (move.title, move.group))
