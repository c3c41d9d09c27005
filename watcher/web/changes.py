"""A change as pages show it: its fields, with the words that differ apart from those that do not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Struct

from watcher.core.model import MARKUP, Change, Item, Section
from watcher.core.patterns import regex
from watcher.core.sequences import compare_sequences
from watcher.core.texts import cut_text
from watcher.registries.item_lines import name_item

_LONGEST = 4_000  # characters of a field whose words are compared
_LONGEST_TITLE = 200
_WORD = regex(r"\s+|[^\s\w]|\w+")


class Piece(NamedTuple):
    """A text, and whether it differs from the other side."""

    text: str
    differs: bool


class ShownField(Struct, frozen=True, kw_only=True):
    name: str
    before: tuple[Piece, ...]
    after: tuple[Piece, ...]


class ShownChange(Struct, frozen=True, kw_only=True):
    """A change with the fields to show: those that differ, or all of an item that was added or removed.

    `release` is the one in which the item is.
    """

    kind: str
    section: str
    title: str
    item: Item
    release: str
    is_quiet: bool
    fields: tuple[ShownField, ...]


def show_change(change: Change, release: str) -> ShownChange:
    return ShownChange(
        kind=str(change.kind),
        section="" if change.section is Section.ENTRY else str(change.section),
        title=cut_text(name_item(change.item), _LONGEST_TITLE),
        item=change.item,
        release=release,
        is_quiet=change.quiet,
        fields=tuple(_list_fields(change)),
    )


def _list_fields(change: Change) -> Iterator[ShownField]:
    if change.before is not None and change.after is not None:
        for field in change.fields:
            before, after = compare_words(field.before, field.after)
            yield ShownField(name=_name(field.name), before=before, after=after)
        return
    for name, text in change.item.fields.items():
        if text and name not in change.item.key.labels and not name.startswith(MARKUP):
            piece = (Piece(cut_text(text, _LONGEST), False),)
            yield ShownField(
                name=_name(name), before=piece if change.after is None else (), after=piece if change.after else ()
            )


def _name(field: str) -> str:
    return f"{field.removeprefix(MARKUP)} (markup)" if field.startswith(MARKUP) else field


def compare_words(before: str, after: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Return both texts in pieces; the words that the other one does not have differ."""
    old, new = (_WORD.findall(cut_text(text, _LONGEST)) for text in (before, after))
    left: list[Piece] = []
    right: list[Piece] = []
    for tag, old_start, old_end, new_start, new_end in compare_sequences(old, new):
        differs = tag != "equal"
        if old_end > old_start:
            left.append(Piece("".join(old[old_start:old_end]), differs))
        if new_end > new_start:
            right.append(Piece("".join(new[new_start:new_end]), differs))
    return tuple(left), tuple(right)
