"""The meaning of an entry that was added, changed or removed; rows without an owner are in `rules.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from msgspec.structs import replace

from watcher.core.model import RETIRED, Change, Item, Kind, Section, Severity, Status
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts, lifecycle
from watcher.registries.generic.causes import Difference, compare_fields
from watcher.registries.generic.coverage import (
    covering_block,
    have_common_numbers,
    is_in_block_of_owner,
    numbers,
    status_in,
)
from watcher.registries.generic.entry_events import BY_DATES, find_entry_events, find_severity, is_code_point
from watcher.registries.generic.findings import make_block_finding, make_finding, read_evidence
from watcher.registries.generic.naming import CODE_POINTS
from watcher.registries.generic.row_numbers import ignored_columns
from watcher.registries.generic.structure import (
    column_changes,
    new_columns,
)
from watcher.registries.generic.twins import find_twin
from watcher.registries.groups.base import ColumnWatch
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.references import documents, find_references
from watcher.registries.shared.remarks import is_temporary

_MANY = 8  # one document that adds more entries to a registry is one event


def classify_entry(
    position: int, change: Change, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
    """Yield what it means that an entry was added, changed or removed."""
    before, after = change.before, change.after
    if before is None or not is_assigned(before):
        yield _classify_addition(position, change, context)
    elif after is None or not is_assigned(after):
        yield _classify_removal(position, change, context)
    else:
        yield from _classify_pair(position, change, before, after, context, watches)


def _classify_pair(
    position: int, change: Change, before: Item, after: Item, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
    """Report an entry that is assigned before and after."""
    columns = column_changes(context, entry_parts.read_path(after)).all_names()
    difference = compare_fields(change, context, columns | ignored_columns(context))
    events = find_entry_events(change, before, after, difference, context, watches)
    if not events:
        return
    if _is_redrawn(before, after, difference):
        yield make_block_finding(position, change, context)
        return
    yield make_finding(
        events[0],
        position,
        change,
        context,
        also=tuple(event for event in events[1:] if event != events[0]),
        same=_subject(events[0], change, difference),
        was=str(before.status) if before.status is not after.status else None,
        evidence=read_evidence(after),
        severity=find_severity(events, before, after, difference, context),
        quiet=events[0] == "editorial",
    )


def _is_redrawn(before: Item, after: Item, difference: Difference) -> bool:
    """Return whether nothing but the ends of a block differ, in whatever column it is printed."""
    old, new = numbers(before), numbers(after)
    is_block = any(block.high > block.low for block in (*old, *new))
    changed = [(parse_ranges(field.before), parse_ranges(field.after)) for field in difference.texts]
    return (
        have_common_numbers(old, new)
        and is_block
        and old != new
        and not difference.references
        and all(map(all, changed))
    )


def _subject(event: str, change: Change, difference: Difference) -> tuple[str, ...]:
    """Return the subject of an event, which is equal for the entries that share the event."""
    if event in ("editorial", "dates-changed"):
        return ("",)
    if event == "entry-moved" and change.before:
        return (entry_parts.read_path(change.before), entry_parts.read_path(change.item))
    if event in BY_DATES:
        facts = lifecycle.facts_of_change(change)
        return (*(f"{name} {facts[name]}" for name in sorted(facts) if name.startswith("temp")), *difference.cause())
    if not difference.texts and difference.references:
        return difference.reference_cause()
    if difference.texts and all(
        field.name in CODE_POINTS and is_code_point(field, change.item) for field in difference.texts
    ):
        return ("renumbered", entry_parts.read_path(change.item), *difference.reference_cause())
    return difference.cause() or (
        entry_parts.read_path(change.item),
        *change.item.key.values,
        str(change.item.key.ordinal),
    )


def _classify_addition(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.before is None and is_in_block_of_owner(context, context.old, change.item):
        return make_block_finding(position, change, context)
    was = str(change.before.status) if change.before else status_in(context, context.old, change.item)
    evidence = read_evidence(change.item)
    series = _series(change.item)
    same = (*series, was) if series and context.compute_once(_count_additions)[series] > _MANY else ()
    also = [lifecycle.REGISTERED] if is_temporary(change.item.fields) else []
    also += ["schema-changed"] if new_columns(change, context) else []
    return make_finding(
        "entry-added",
        position,
        change,
        context,
        kind=Kind.ADDED,
        also=tuple(also),
        was=was,
        evidence=evidence,
        same=same,
    )


def _count_additions(context: ChangeContext) -> Counter[tuple[str, ...]]:
    return Counter(
        _series(change.item)
        for change in context.changes
        if change.section is Section.ENTRY and not is_assigned(change.before) and is_assigned(change.after)
    )


def _series(item: Item) -> tuple[str, ...]:
    """Return the key that entries share which one document adds to one registry; () without references."""
    cited = documents(find_references(item.fields.get("references", "")))
    facts = ",".join(lifecycle.facts_of(item).values()) if is_temporary(item.fields) else ""
    return (entry_parts.read_path(item), str(item.status), facts, *sorted(cited)) if cited else ()


def _classify_removal(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.after is None and is_in_block_of_owner(context, context.new, change.item):
        return make_block_finding(position, change, context)
    if change.after is None and find_twin(change.item, context) is not None:
        shared = ("twin", entry_parts.read_path(change.item))
        return make_finding("entry-modified", position, change, context, also=("twin-removed",), same=shared)
    if change.after is None and covering_block(context, change.item) is not None:
        shared = ("block", entry_parts.read_path(change.item))
        finding = make_finding("entry-modified", position, change, context, also=("range-redrawn",), same=shared)
        return replace(finding, severity=Severity.NOTICE)
    status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
    if change.before is not None and is_temporary(change.before.fields):
        same = lifecycle.common_part(lifecycle.WITHDRAWN, change)
        also = ("entry-deprecated" if status == Status.RESERVED else "entry-removed",)
        return make_finding(
            lifecycle.WITHDRAWN, position, change, context, kind=Kind.REMOVED, also=also, same=same, was=Status.ASSIGNED
        )
    # A text in angle brackets ("<all values of …>") is no value that somebody uses; nor is one that was retired.
    is_unused = change.item.status in RETIRED or all(
        value[:1] == "<" for value in entry_parts.read_values(change.item)[:1]
    )
    severity = Severity.INFO if is_unused and status == ABSENT else None
    event, kind, same = "entry-removed", Kind.REMOVED, ()
    if status == Status.RESERVED:
        event, kind = "entry-deprecated", Kind.DEPRECATED
        if change.after is not None:
            same = ("reserved", entry_parts.read_path(change.item), change.after.fields.get("references", ""))
    was = str((change.before or change.item).status)
    return make_finding(event, position, change, context, kind=kind, same=same, was=was, severity=severity)
