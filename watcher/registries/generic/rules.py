"""The meaning of each change of any IANA registry, in the order of the table in docs/semantics.md.

A change of a whole registry (added, removed, another id, another column) is one event with the changes of all its
entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from watcher.core.model import Change, Kind, Section, Severity, Status
from watcher.core.value_ranges import parse_ranges
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext, Move
from watcher.registries.generic import entry_parts, identity
from watcher.registries.generic.causes import compare_fields
from watcher.registries.generic.coverage import (
    free_space,
    had_status_before,
    have_common_numbers,
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
from watcher.registries.generic.entry_rules import classify_entry
from watcher.registries.generic.findings import make_finding, make_registry_finding, read_evidence
from watcher.registries.generic.headers import classify_header, ended_registries
from watcher.registries.generic.row_numbers import ignored_columns
from watcher.registries.generic.structure import (
    column_changes,
    has_only_column_changes,
    move_event,
    registry_changes,
)
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned

_NO_TABLE = GroupRules(document="")


def classify(context: ChangeContext, groups: Mapping[str, GroupRules]) -> Iterator[Finding]:
    """Yield the meaning of each change; redrawn free space and a new date of the document have none.

    `groups` are the tables of single registry groups, by document id.
    """
    if _is_redirect(context):
        yield from (
            make_registry_finding("registry-moved", position, change, "")
            for position, change in enumerate(context.changes)
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
    """Return whether a change is quiet: `identity.is_bookkeeping`, or ignored columns and row numbers alone changed."""
    return _is_ignored(change, context) or identity.is_bookkeeping(change, context)


def _is_ignored(change: Change, context: ChangeContext) -> bool:
    ignored = ignored_columns(context)
    return bool(ignored and change.before and change.after) and {field.name for field in change.fields} <= ignored


def _limit_severity(finding: Finding, group: GroupRules) -> Finding:
    """Return a finding with at most the severity that the group's table allows."""
    return finding if group.highest is None else replace(finding, severity=group.highest)


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
        yield from classify_entry(position, change, context, watches)


def _classify_with_registry(position: int, change: Change, context: ChangeContext) -> Finding | None:
    """Return the finding if an entry only changed because its whole registry did."""
    registries = registry_changes(context)
    before, after = change.before, change.after
    path = entry_parts.read_path(change.item)
    if before is None or after is None:
        if before is None and path in registries.added:
            return make_registry_finding("registry-added", position, change, path)
        if after is None and is_moved(path, context) and (is_assigned(before) or path in registries.removed):
            # Its rows went with it.
            finding = make_registry_finding("registry-moved", position, change, path, also=("entry-moved",))
            return replace(finding, subject=destination(path, context), kind=Kind.DEPRECATED)
        if after is None and path in registries.removed:
            return make_registry_finding("registry-removed", position, change, path)
        return None
    old_path = entry_parts.read_path(before)
    if (event := ended_registries(context).get(path)) is not None and "closed" in entry_parts.find_title(after).lower():
        finding = make_registry_finding(event, position, change, path)  # every row says it again: "Registry closed"
        return replace(finding, subject=(), kind=Kind.DEPRECATED)
    if old_path != path and registries.moved.get(old_path) == path and before.fields == after.fields:
        finding = make_registry_finding(move_event(old_path, path), position, change, path)
        return replace(finding, severity=Severity.NOTICE)
    if has_only_column_changes(change, context):
        return make_registry_finding("schema-changed", position, change, path)
    return None


def _classify_move(position: int, change: Change, context: ChangeContext, move: Move) -> Finding:
    """Report an entry that is in another group now."""
    path = entry_parts.read_path(change.item)
    same = (path, move.group, move.release, move.path)
    graduated = has_graduated(path, move, context)
    event, also = ("entry-graduated", ("entry-moved",)) if graduated else ("entry-moved", ())
    return make_finding(event, position, change, context, kind=Kind.MODIFIED, also=also, same=same)


def _classify_free_row(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Report a row without an owner that is newly set aside or has another reference."""
    before, after = change.before, change.after
    if after is None or after.status is Status.UNASSIGNED:
        return
    if before is not None and before.status is after.status:
        columns = column_changes(context, entry_parts.read_path(after)).all_names()
        difference = compare_fields(change, context, columns)
        if before.key != after.key and not have_common_numbers(numbers(before), numbers(after)):
            same = (entry_parts.read_path(after), after.status, *difference.reference_cause())
            also = ("entry-renumbered", *difference.reference_events())
            yield make_finding("entry-modified", position, change, context, also=also, same=same)
        elif before.key == after.key and (events := difference.reference_events()):
            also = (*events[1:], "entry-modified")
            yield make_finding(events[0], position, change, context, also=also, same=difference.reference_cause())
        elif before.key == after.key and difference.notation:
            yield make_finding("editorial", position, change, context, same=("",), quiet=True)
        return
    was = str(before.status) if before else status_in(context, context.old, after)
    redrawn = is_redrawn_by_assignment(context, after) or had_status_before(context, after)
    if was != after.status and not redrawn:
        same = (entry_parts.read_path(after), after.status, was, entry_parts.find_title(after))
        evidence = read_evidence(after)
        yield make_finding(
            "entry-reserved", position, change, context, was=was, kind=Kind.ADDED, same=same, evidence=evidence
        )
