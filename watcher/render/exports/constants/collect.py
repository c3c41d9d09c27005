"""Which entries of a release become constants, with which values, and why the others do not."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from watcher.core.model import FREE, Status
from watcher.core.patterns import regex
from watcher.core.value_ranges import ValueRange, parse_ranges
from watcher.render.exports.base import ExportedRelease, ExportEntry, Omission
from watcher.render.exports.constants.model import Constant, ConstantSet
from watcher.render.exports.constants.values import (
    NumberType,
    choose_space,
    choose_type,
    find_notation,
    parse_value,
)
from watcher.render.exports.constants.words import split_words

FREE_VALUE = "that are reserved or not assigned"
NO_VALUE = "without a value"
NO_NUMBER = "whose value is no number or range, in a registry of numbers"
OTHER_NOTATION = "with a number in another notation than the others of its registry"
TOO_LARGE = "with a value of more than 64 bits"
SEVERAL_NUMBERS = "with several numbers, of which none identifies it"
NO_ENCODING = "with a value that has no encoding"
_VALUE = "value"
_NEARLY_ALL = 0.8
_OCTETS = regex(r"(0x[0-9A-F]{2}(?:\s+0x[0-9A-F]{2})*)(?:\s*\([^()]*\))?", re.IGNORECASE)  # 0x68 0x32 ("h2")
_NAME = regex(r"(?![A-Za-z](?:\.\d+)+$)[A-Za-z][\w.+-]*", re.ASCII)  # and no arcs such as X.1.2
_TREES = "media-types"  # the registry group whose registries are the first part of its values: audio/ac3
_SURROGATE = regex("[\ud800-\udfff]")
# Rows that nobody owns and everybody may use: all of a kind have one name.
_SHARED_NAMES = {Status.PRIVATE_USE: "Private Use", Status.EXPERIMENTAL: "Experimental"}


def collect_constants(state: ExportedRelease) -> tuple[list[ConstantSet], list[Omission]]:
    """Return the constants of each registry that has some, and the entries that no constant can express."""
    registries: dict[str, list[ExportEntry]] = {}
    for entry in state.entries:
        registries.setdefault(entry.registry, []).append(entry)
    sets: list[ConstantSet] = []
    omissions: list[Omission] = []
    for path, entries in registries.items():
        number_type, rows = _read_rows(entries, is_tree=state.document == _TREES)
        omissions += [row for row in rows if isinstance(row, Omission)]
        if constants := _merge(row for row in rows if isinstance(row, Constant)):
            title = find_title(state, path)
            sets.append(ConstantSet(path=path, title=title, type=number_type, constants=constants))
    return sets, omissions


def find_title(state: ExportedRelease, path: str) -> str:
    """Return the title of a registry; without one its id, and for a group without one the name of the source."""
    return state.headers.get(path, {}).get("title", "") or path.rpartition("/")[2] or state.source


def _read_rows(
    entries: Sequence[ExportEntry], *, is_tree: bool
) -> tuple[NumberType | None, Sequence[Constant | Omission]]:
    """Return the type of a registry's numbers, None for texts, and a constant or an omission for each entry."""
    values = [_find_value(entry) for entry in entries]
    rows = [*zip(entries, values, strict=True)]
    notation = find_notation(values)
    numbers = {value: number for value in values if (number := parse_value(value, notation)) is not None}
    assigned = [value for entry, value in rows if entry.item.status not in FREE] or values
    # Most rows that assign something have a number: the others are headings, or have their number elsewhere.
    if 2 * sum(value in numbers for value in assigned) < len(assigned):
        texts = _find_texts(entries)
        return None, [_make_text(entry, text, is_tree=is_tree) for entry, text in zip(entries, texts, strict=True)]
    space = choose_space([*numbers.values()])
    number_type = choose_type([*numbers.values()], values, notation, space)
    counts = Counter(values)
    return number_type, [
        Omission(entry=entry, reason=SEVERAL_NUMBERS)
        if counts[value] > 1 and _is_pair(entry)
        else _make_number(entry, value, numbers.get(value), space, number_type)
        for entry, value in rows
    ]


def _find_value(entry: ExportEntry) -> str:
    """Return the code point of an entry; where it has none, the part of its key that is a name."""
    if entry.value or "port" in entry.item.key.labels:
        return entry.value
    return entry.values[0] if entry.values else ""


def _is_pair(entry: ExportEntry) -> bool:
    """Return whether the key of an entry has a second number: error 1 of type 2, error 1 of type 3."""
    is_other = "port" not in entry.item.key.labels and entry.item.status not in FREE
    return is_other and any(map(parse_ranges, entry.values[1:]))


def _find_texts(entries: Sequence[ExportEntry]) -> list[str]:
    """Return the text of each entry: its key, or the column `value` of a registry that has descriptions as keys.

    Of a text that is written as octets it is what the octets mean; octets that mean no text are "".
    """
    texts = [_find_value(entry) for entry in entries]
    if (octets := [_OCTETS.fullmatch(text) for text in texts]) and sum(map(bool, octets)) >= _NEARLY_ALL * len(texts):
        return [_read_octets(match[1]) if match else text for match, text in zip(octets, texts, strict=True)]
    columns = ["" if _VALUE in entry.item.key.labels else entry.fields.get(_VALUE, "") for entry in entries]
    has_descriptions = "description" in entries[0].item.key.labels
    return columns if has_descriptions and len({*columns} - {""}) >= _NEARLY_ALL * len(entries) else texts


def _read_octets(text: str) -> str:
    octets = bytes(int(octet, 16) for octet in text.split())
    return octets.decode("ascii") if octets.isascii() and octets.decode("ascii").isprintable() else ""


def _make_number(
    entry: ExportEntry, value: str, number: ValueRange | None, space: str, number_type: NumberType
) -> Constant | Omission:
    shared = _SHARED_NAMES.get(entry.item.status, "")
    reason = ""
    if entry.item.status in FREE and not (shared and number):
        reason = FREE_VALUE
    elif number is None:
        reason = NO_NUMBER if value else NO_VALUE
    elif number.space != space:
        reason = OTHER_NOTATION
    elif not number_type.lowest <= number.low <= number.high <= number_type.highest:
        reason = TOO_LARGE
    if reason or number is None:
        return Omission(entry=entry, reason=reason)
    label = shared or entry.name or value
    words = split_words(label) or ("value", str(number.low))
    return Constant(words=words, label=label, low=number.low, high=number.high, text=None, entries=(entry,))


def _make_text(entry: ExportEntry, value: str, *, is_tree: bool) -> Constant | Omission:
    if entry.item.status in FREE or not value.strip() or _SURROGATE.search(value):
        reason = FREE_VALUE if entry.item.status in FREE else NO_ENCODING if value.strip() else NO_VALUE
        return Omission(entry=entry, reason=reason)
    text = f"{entry.registry}/{value}" if is_tree else value
    is_octets = bool(_OCTETS.fullmatch(_find_value(entry)))
    is_name = is_octets or (value in entry.values and _NAME.fullmatch(value))
    words = (split_words(value) if is_name else ()) or split_words(entry.name) or split_words(value)
    label = value if is_octets else entry.name or value
    return Constant(words=words, label=label, low=0, high=0, text=text, entries=(entry,))


def _merge(constants: Iterable[Constant]) -> tuple[Constant, ...]:
    """Return one constant for the entries that share name and value, such as those of tcp and udp."""
    merged: dict[tuple[object, ...], Constant] = {}
    for constant in constants:
        key = ("_".join(constant.words).upper(), constant.low, constant.high, constant.text)
        if (first := merged.get(key)) is None:
            merged[key] = constant
        elif first.is_retired and not constant.is_retired:
            merged[key] = replace(constant, entries=constant.entries + first.entries)
        else:
            merged[key] = replace(first, entries=first.entries + constant.entries)
    return tuple(merged.values())
