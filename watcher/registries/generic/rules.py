"""The meaning of each change of any IANA registry, in the order of the table in docs/semantics.md.

A change of a whole registry (added, removed, another id, another column) is one event with the changes of all its
entries.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from watcher.core.model import RETIRED, Change, Item, Kind, Section, Severity, Status
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext, Move
from watcher.registries.generic import entry_parts, identity, lifecycle
from watcher.registries.generic.causes import Difference, compare_fields
from watcher.registries.generic.coverage import (
    covering_block,
    free_space,
    had_status_before,
    is_in_block_of_owner,
    is_redrawn_by_assignment,
    locate,
    numbers,
    status_in,
)
from watcher.registries.generic.departures import (
    classify_moved_header,
    destination,
    find_move,
    has_graduated,
    is_moved,
)
from watcher.registries.generic.entry_events import BY_DATES, find_entry_events, find_severity, is_code_point
from watcher.registries.generic.headers import classify_header, ended_registries
from watcher.registries.generic.naming import CODE_POINTS, find_name
from watcher.registries.generic.structure import (
    column_changes,
    has_only_column_changes,
    move_event,
    new_columns,
    registry_changes,
)
from watcher.registries.generic.twins import find_twin
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.references import documents, find_references
from watcher.registries.shared.remarks import is_temporary, strip_temporary

_MANY = 8  # one document that adds more entries to a registry is one event
_NO_TABLE = GroupRules(document="")


def classify(context: ChangeContext, groups: Mapping[str, GroupRules]) -> Iterator[Finding]:
    """Yield the meaning of each change; redrawn free space and a new date of the document have none.

    `groups` are the tables of single registry groups, by document id.
    """
    if _is_redirect(context):
        yield from (
            _registry_finding("registry-moved", position, change, "") for position, change in enumerate(context.changes)
        )
        return
    group = groups.get(context.new.document, _NO_TABLE)
    for position, change in enumerate(context.changes):
        if position in context.moves and not context.moves[position].leaves:
            continue  # named by the event of the group that it came from
        if change.section is Section.CONTACT:
            if {field.name for field in change.fields} == {"updated"}:
                continue  # a date label alone says nothing about the person
            yield from contacts.classify_update(position, change, context, entry_parts.describe_entry)
        elif change.section is Section.REGISTRY:
            moved = is_moved(entry_parts.read_path(change.item), context)
            yield from (classify_moved_header if moved else classify_header)(position, change, context)
        else:
            for finding in _classify_row(position, change, context, group.watched):
                yield _limit_severity(finding, group)


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Return whether a change is quiet: `identity.is_bookkeeping`, or ignored columns alone changed."""
    return _is_ignored(change, context) or identity.is_bookkeeping(change, context)


def _is_ignored(change: Change, context: ChangeContext) -> bool:
    ignored = {*context.table.ignore}
    return bool(ignored and change.before and change.after) and {field.name for field in change.fields} <= ignored


def _limit_severity(finding: Finding, group: GroupRules) -> Finding:
    """Return a finding with at most the severity that the group's table allows."""
    return finding if group.highest is None else finding._replace(severity=group.highest)


def explained_by(findings: Sequence[Finding], context: ChangeContext) -> Iterable[int]:
    """Return the rows of free space that the registry redrew for an event."""
    ranges = [number for finding in findings for value in finding.values for number in parse_ranges(value)]
    return free_space(context).explained_by(locate(findings[0].registry, ranges)) if ranges else ()


def _is_redirect(context: ChangeContext) -> bool:
    """Return whether the new document only says where the registry group is published now."""
    return any(
        field.name == "moved_to" and field.after
        for change in context.changes
        if change.section is Section.REGISTRY
        for field in change.fields
    )


def _classify_row(
    position: int, change: Change, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
    if _is_ignored(change, context):
        return
    if (move := find_move(position, context)) is not None:
        yield _classify_move(position, change, context, move)
    elif (finding := _classify_with_registry(position, change, context)) is not None:
        yield finding
    elif identity.is_bookkeeping(change, context) and not (is_assigned(change.before) and is_assigned(change.after)):
        yield from _classify_free_row(position, change, context)
    else:
        yield from _classify_entry(position, change, context, watches)


def _classify_with_registry(position: int, change: Change, context: ChangeContext) -> Finding | None:
    """Return the finding if an entry only changed because its whole registry did."""
    registries = registry_changes(context)
    before, after = change.before, change.after
    path = entry_parts.read_path(change.item)
    if before is None or after is None:
        if before is None and path in registries.added:
            return _registry_finding("registry-added", position, change, path)
        if after is None and is_moved(path, context) and (is_assigned(before) or path in registries.removed):
            # Its rows went with it.
            finding = _registry_finding("registry-moved", position, change, path, also=("entry-moved",))
            return finding._replace(subject=destination(path, context), kind=Kind.DEPRECATED)
        if after is None and path in registries.removed:
            return _registry_finding("registry-removed", position, change, path)
        return None
    old_path = entry_parts.read_path(before)
    if (event := ended_registries(context).get(path)) is not None and "closed" in entry_parts.find_title(after).lower():
        finding = _registry_finding(event, position, change, path)  # every row says it again: "Registry closed"
        return finding._replace(subject=(), kind=Kind.DEPRECATED)
    if old_path != path and registries.moved.get(old_path) == path and before.fields == after.fields:
        finding = _registry_finding(move_event(old_path, path), position, change, path)
        return finding._replace(severity=Severity.NOTICE)
    if has_only_column_changes(change, context):
        return _registry_finding("schema-changed", position, change, path)
    return None


def _classify_move(position: int, change: Change, context: ChangeContext, move: Move) -> Finding:
    """Report an entry that is in another group now."""
    path = entry_parts.read_path(change.item)
    same = (path, move.group, move.release, move.path)
    graduated = has_graduated(path, move, context)
    event, also = ("entry-graduated", ("entry-moved",)) if graduated else ("entry-moved", ())
    return _finding(event, position, change, context, kind=Kind.MODIFIED, also=also, same=same)


def _classify_entry(
    position: int, change: Change, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
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
    difference = compare_fields(change, context, {*columns, *context.table.ignore})
    events = find_entry_events(change, before, after, difference, context, watches)
    if not events:
        return
    if _is_redrawn(before, after, difference):
        yield _redrawn_block(position, change, context)
        return
    yield _finding(
        events[0],
        position,
        change,
        context,
        also=tuple(event for event in events[1:] if event != events[0]),
        same=_subject(events[0], change, difference),
        was=str(before.status) if before.status is not after.status else None,
        evidence=_evidence(after),
        severity=find_severity(events, before, after, difference, context),
        quiet=events[0] == "editorial",
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
        return _redrawn_block(position, change, context)
    was = str(change.before.status) if change.before else status_in(context, context.old, change.item)
    evidence = _evidence(change.item)
    series = _series(change.item)
    same = (*series, was) if series and context.compute_once(_count_additions)[series] > _MANY else ()
    also = [lifecycle.REGISTERED] if is_temporary(change.item.fields) else []
    also += ["schema-changed"] if new_columns(change, context) else []
    return _finding(
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
        return _redrawn_block(position, change, context)
    if change.after is None and find_twin(change.item, context) is not None:
        shared = ("twin", entry_parts.read_path(change.item))
        return _finding("entry-modified", position, change, context, also=("twin-removed",), same=shared)
    if change.after is None and covering_block(context, change.item) is not None:
        shared = ("block", entry_parts.read_path(change.item))
        finding = _finding("entry-modified", position, change, context, also=("range-redrawn",), same=shared)
        return finding._replace(severity=Severity.NOTICE)
    status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
    if change.before is not None and is_temporary(change.before.fields):
        same = lifecycle.common_part(lifecycle.WITHDRAWN, change)
        also = ("entry-deprecated" if status == Status.RESERVED else "entry-removed",)
        return _finding(
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
    return _finding(event, position, change, context, kind=kind, same=same, was=was, severity=severity)


def _is_redrawn(before: Item, after: Item, difference: Difference) -> bool:
    """Return whether nothing but the ends of a block differ, in whatever column it is printed."""
    old, new = numbers(before), numbers(after)
    is_block = any(each.high > each.low for each in (*old, *new))
    changed = [(parse_ranges(field.before), parse_ranges(field.after)) for field in difference.texts]
    return _overlap(before, after) and is_block and old != new and not difference.references and all(map(all, changed))


def _overlap(before: Item, after: Item) -> bool:
    return any(one.overlaps(other) for one in numbers(before) for other in numbers(after))


def _redrawn_block(position: int, change: Change, context: ChangeContext) -> Finding:
    same = ("range", entry_parts.find_title(change.item))
    also = ("range-redrawn", "entry-renumbered") if change.before and change.after else ("range-redrawn",)
    return _finding("entry-modified", position, change, context, also=also, same=same)


def _classify_free_row(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Report a row without an owner that is newly set aside or has another reference."""
    before, after = change.before, change.after
    if after is None or after.status is Status.UNASSIGNED:
        return
    if before is not None and before.status is after.status:
        columns = column_changes(context, entry_parts.read_path(after)).all_names()
        difference = compare_fields(change, context, columns)
        if before.key != after.key and not _overlap(before, after):
            same = (entry_parts.read_path(after), after.status, *difference.reference_cause())
            also = ("entry-renumbered", *difference.reference_events())
            yield _finding("entry-modified", position, change, context, also=also, same=same)
        elif before.key == after.key and (events := difference.reference_events()):
            also = (*events[1:], "entry-modified")
            yield _finding(events[0], position, change, context, also=also, same=difference.reference_cause())
        elif before.key == after.key and difference.notation:
            yield _finding("editorial", position, change, context, same=("",), quiet=True)
        return
    was = str(before.status) if before else status_in(context, context.old, after)
    redrawn = is_redrawn_by_assignment(context, after) or had_status_before(context, after)
    if was != after.status and not redrawn:
        same = (entry_parts.read_path(after), after.status, was, entry_parts.find_title(after))
        evidence = _evidence(after)
        yield _finding(
            "entry-reserved", position, change, context, was=was, kind=Kind.ADDED, same=same, evidence=evidence
        )


def _evidence(item: Item) -> str | None:
    return identity.read_row_status(item.fields).evidence or None if item.status is not Status.ASSIGNED else None


def _registry_finding(
    event: str, position: int, change: Change, registry: str, *, also: tuple[str, ...] = ()
) -> Finding:
    """Return a finding about a whole registry."""
    return Finding(event=event, change=position, subject=(registry,), kind=change.kind, also=also, registry=registry)


def _finding(
    event: str,
    position: int,
    change: Change,
    context: ChangeContext,
    *,
    kind: Kind | None = None,
    also: tuple[str, ...] = (),
    same: tuple[str, ...] = (),
    was: str | None = None,
    evidence: str | None = None,
    severity: Severity | None = None,
    quiet: bool = False,
) -> Finding:
    """Return a finding about an entry. Entries with the `same` difference become one event."""
    item = change.item
    registry, values = entry_parts.read_path(item), entry_parts.read_values(item)
    return Finding(
        event=event,
        change=position,
        subject=same or (registry, *values, str(item.key.ordinal)),
        kind=kind or change.kind,
        service=strip_temporary(find_name(item, context)) or next(filter(None, values), ""),
        also=also,
        was=was,
        registry=registry,
        values=(strip_temporary(" ".join(filter(None, values))),),
        evidence=evidence,
        severity=severity,
        quiet=quiet,
        facts=lifecycle.facts_of_change(change),
    )
