"""The events of an entry that is assigned before and after, the most important first, and their severity."""

from __future__ import annotations

import re
from collections.abc import Sequence

from watcher.core.model import MARKUP, RETIRED, Change, FieldChange, Item, Severity
from watcher.core.patterns import regex
from watcher.core.value_ranges import parse_ranges
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts, identity, lifecycle
from watcher.registries.generic.causes import Difference
from watcher.registries.generic.naming import (
    CODE_POINTS,
    find_name,
    header_title,
    is_identifier,
    own_value,
    strip_brackets,
)
from watcher.registries.generic.structure import (
    column_changes,
    new_columns,
    registries_with_column_event,
    registry_changes,
)
from watcher.registries.groups.base import ColumnWatch
from watcher.registries.shared.text_differences import differ_in_notation

BY_DATES = frozenset({lifecycle.EXTENDED, lifecycle.PERMANENT})  # one event for entries with the same dates
_MOVED = regex(r"\bmoved to\b", re.IGNORECASE)
_RESERVED = regex(r"\W*reserved\b", re.IGNORECASE)  # the name stays: "RESERVED (will be used for ECH)"
_PROVISIONAL = regex(r"\W*provisional\b", re.IGNORECASE)
_PERMANENT = regex(r"\W*permanent\b", re.IGNORECASE)


def find_severity(
    events: Sequence[str], before: Item, after: Item, difference: Difference, context: ChangeContext
) -> Severity | None:
    """Return the severity of an entry whose name in software, or whose columns, changed; else None."""
    # If the contact changed too, this is the name of a person or organisation and not one that software uses.
    has_other_holder = "contact-changed" in events
    if events[0] in ("entry-modified", "entry-moved") and "entry-renamed" in events and not has_other_holder:
        names = [own_value(item) for item in (before, after)]
        if any(map(parse_ranges, names)):
            names = [find_name(item, context) for item in (before, after)]
        names = [strip_brackets(name) for name in names]
        if _singular(names[0]) != _singular(names[1]) and all(map(is_identifier, names)):
            return Severity.WARNING
    if "entry-renumbered" in events:
        code = next((field for field in difference.texts if is_code_point(field, after)), None)
        if code and _OBJECT_IDENTIFIER.fullmatch(code.after):
            return None  # an identifier that somebody uses never changes; the registry's copy of it was wrong
        texts = (
            (code.before, code.after)
            if code
            else (next(iter(entry_parts.read_values(before)), ""), next(iter(entry_parts.read_values(after)), ""))
        )
        old, new = map(parse_ranges, texts)
        if not any(one.overlaps(other) for one in old for other in new):
            return Severity.WARNING  # another code point, and no range that was redrawn
    return None


def _singular(name: str) -> str:
    return re.sub(r"(?:y|ies|s)$", "", name.casefold())


def find_entry_events(
    change: Change,
    before: Item,
    after: Item,
    difference: Difference,
    context: ChangeContext,
    watches: Sequence[ColumnWatch],
) -> tuple[str, ...]:
    """Return the events of an entry that is assigned before and after, the most important first."""
    old_path, path = entry_parts.read_path(before), entry_parts.read_path(after)
    columns = column_changes(context, path).all_names()
    events = _status_events(before, after, difference)
    events += [watch.event for watch in watches if watch.column not in columns and watch.matches(change)]
    if _became_permanent(difference, old_path, path, context):
        events.append("entry-graduated")
    has_moved = old_path != path and registry_changes(context).moved.get(old_path) != path
    if has_moved or any(_MOVED.search(field.after) and not _MOVED.search(field.before) for field in difference.texts):
        events.append("entry-moved")
    allocation = lifecycle.find_event(before, after)
    if allocation in BY_DATES:
        events.append(allocation)
    if difference.texts or allocation in (lifecycle.REGISTERED, lifecycle.WITHDRAWN):
        events.append("entry-modified")
    if allocation is not None:
        events.append(allocation)
    if difference.texts or difference.notation:
        events += _name_events(before, after, difference, context)
    events += _cited_events(difference)
    if path not in context.compute_once(registries_with_column_event) and (
        columns & identity.changed_columns(change) or (events and new_columns(change, context))
    ):
        events.append("schema-changed")
    if difference.notation and not events:
        events.append("editorial")
    if difference.dates and not events:
        events.append("dates-changed")
    if not events and lifecycle.remark_columns(before, after):
        events.append("entry-modified")  # the remark about an early allocation was mended
    return tuple(dict.fromkeys(events))


def _status_events(before: Item, after: Item, difference: Difference) -> list[str]:
    if (after.status in RETIRED) != (before.status in RETIRED):
        return ["entry-deprecated" if after.status in RETIRED else "entry-reinstated"]
    is_reserved = any(_RESERVED.match(field.after) and not _RESERVED.match(field.before) for field in difference.texts)
    return ["entry-reserved"] if is_reserved else []


def _cited_events(difference: Difference) -> tuple[str, ...]:
    """Return the events of references, and of links whose text stayed."""
    if difference.references:
        return (*difference.reference_events(), "entry-modified")
    return ("reference-changed",) if any(field.name.startswith(MARKUP) for field in difference.texts) else ()


def _became_permanent(difference: Difference, old_path: str, path: str, context: ChangeContext) -> bool:
    """Return whether a provisional entry became permanent, in a column or by its registry."""
    if any(_PROVISIONAL.match(field.before) and _PERMANENT.match(field.after) for field in difference.texts):
        return True
    if old_path == path:
        return False
    titles = [header_title(registry, context).lower() for registry in (old_path, path)]
    return "provisional" in titles[0] and "provisional" not in titles[1]


def _name_events(before: Item, after: Item, difference: Difference, context: ChangeContext) -> list[str]:
    """Return whether an entry has another value or name; a remark behind the name does not count."""
    if any(is_code_point(field, after) for field in difference.texts):
        return ["entry-renumbered"]
    old_values, new_values = entry_parts.read_values(before), entry_parts.read_values(after)
    if old_values != new_values and before.key.labels == after.key.labels:
        number = new_values and parse_ranges(new_values[0])
        if number and identity.normalize_value(old_values[0]) != identity.normalize_value(new_values[0]):
            return ["entry-renumbered"]
        old_name, new_name = own_value(before), own_value(after)
        is_corrected = (old_name, new_name) in [(field.before, field.after) for field in difference.texts]
        if not number and (is_corrected or _is_other_name(old_name, new_name)):
            return ["entry-renamed"]
    names = [item.fields.get("name") or find_name(item, context) for item in (before, after)]
    return ["entry-renamed"] if all(names) and _is_other_name(*names) else []


_OBJECT_IDENTIFIER = regex(r"\d+(?:\.\d+){3,}")


def is_code_point(field: FieldChange, item: Item) -> bool:
    """Return whether a field beside the key of a named entry is the number that it has on the wire."""
    if field.name in item.key.labels or any(map(parse_ranges, entry_parts.read_values(item)[:1])):
        return False
    texts = (field.before, field.after)
    return all(map(_OBJECT_IDENTIFIER.fullmatch, texts)) or (
        field.name in CODE_POINTS and all(map(parse_ranges, texts))
    )


def _is_other_name(before: str, after: str) -> bool:
    before, after = strip_brackets(before), strip_brackets(after)
    return before.casefold() != after.casefold() and not differ_in_notation(before, after)
