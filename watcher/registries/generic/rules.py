"""The meaning of each change of any IANA registry, in the order of the table in docs/semantics.md.

A change of a whole registry (added, removed, another id, another column) is one event with the changes of all its
entries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from watcher.core.model import MARKUP, RETIRED, Change, Item, Kind, Section, Status
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, lifecycle
from watcher.registries.generic.coverage import (
    free_space,
    had_status_before,
    is_in_block_of_owner,
    locate,
    status_in,
)
from watcher.registries.generic.structure import DATES, column_changes, move_event, registry_changes
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.references import became_rfc
from watcher.registries.shared.remarks import is_temporary, strip_temporary
from watcher.registries.shared.value_ranges import parse_ranges

_PROCEDURE_FIELDS = frozenset({"registration_rule", "range"})
_HEADER_LABELS = frozenset({"updated", "created", "id"})  # a change of these alone is no event
_BY_DATES = frozenset({lifecycle.EXTENDED, lifecycle.PERMANENT})  # one event for entries with the same dates
_NEVER_GROUPED = frozenset({"entry-moved"})  # each entry is an event of its own


def classify(context: ChangeContext, groups: Mapping[str, GroupRules]) -> Iterator[Finding]:
    """Yield the meaning of each change; redrawn free space and a new date of the document have none.

    `groups` are the tables of single registry groups, by document id.
    """
    if _is_redirect(context):
        yield from (
            _registry_finding("registry-moved", position, change, "") for position, change in enumerate(context.changes)
        )
        return
    watches = groups[context.new.document].watched if context.new.document in groups else ()
    for position, change in enumerate(context.changes):
        if change.section is Section.CONTACT:
            yield from contacts.classify_update(position, change, context, identity.describe)
        elif change.section is Section.REGISTRY:
            yield from _classify_header(position, change, context)
        else:
            yield from _classify_row(position, change, context, watches)


def explained_by(findings: Sequence[Finding], context: ChangeContext) -> Iterable[int]:
    """Return the rows of free space that the registry redrew for an event."""
    ranges = [each for finding in findings for value in finding.values for each in parse_ranges(value)]
    return free_space(context).explained_by(locate(findings[0].registry, ranges)) if ranges else ()


def _is_redirect(context: ChangeContext) -> bool:
    """Whether the new document only says where the registry group is published now."""
    return any(
        field.name == "moved_to" and field.after
        for change in context.changes
        if change.section is Section.REGISTRY
        for field in change.fields
    )


def _classify_row(
    position: int, change: Change, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
    if (finding := _classify_with_registry(position, change, context)) is not None:
        yield finding
        return
    if change.before and change.after:
        path = identity.path(change.after)
        if identity.changed_columns(change) & column_changes(context, path).all_names():
            yield _registry_finding("schema-changed", position, change, path)
    if identity.is_bookkeeping(change, context):
        yield from _classify_free_row(position, change, context)
    else:
        yield from _classify_entry(position, change, context, watches)


def _classify_with_registry(position: int, change: Change, context: ChangeContext) -> Finding | None:
    """Return the finding if an entry only changed because its whole registry did."""
    registries = registry_changes(context)
    before, after = change.before, change.after
    path = identity.path(change.item)
    if before is None or after is None:
        if before is None and path in registries.added:
            return _registry_finding("registry-added", position, change, path)
        if after is None and path in registries.removed:
            return _registry_finding("registry-removed", position, change, path)
        return None
    old_path = identity.path(before)
    if old_path != path and registries.moved.get(old_path) == path and before.fields == after.fields:
        return _registry_finding(move_event(old_path, path), position, change, path)
    columns = column_changes(context, path).all_names()
    if columns and change.fields and identity.changed_columns(change) <= columns | DATES:
        return _registry_finding("schema-changed", position, change, path)
    return None


def _classify_header(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    before, after = change.before, change.after
    path = identity.path(change.item)
    if before is None or after is None:
        moved = registry_changes(context).moved.items()
        old, new = next((pair for pair in moved if path in pair), ("", ""))
        event = move_event(old, new) if new else "registry-added" if before is None else "registry-removed"
        yield _registry_finding(event, position, change, new or path)
        return
    changed = {field.name.removeprefix(MARKUP) for field in change.fields} - _HEADER_LABELS
    events = ["schema-changed"] if COLUMNS in changed else []
    if changed & _PROCEDURE_FIELDS:
        events.append("registration-procedure-changed")
    if changed - _PROCEDURE_FIELDS - {COLUMNS}:
        events.append("registry-note-changed")
    if identity.path(before) != path:
        events.insert(0, move_event(identity.path(before), path))
    if events:
        yield _registry_finding(events[0], position, change, path, also=tuple(events[1:]))


def _classify_entry(
    position: int, change: Change, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> Iterator[Finding]:
    before, after = change.before, change.after
    if before is None or not is_assigned(before):
        yield _classify_addition(position, change, context)
    elif after is None or not is_assigned(after):
        yield _classify_removal(position, change, context)
    elif events := _entry_events(change, before, after, context, watches):
        same = () if events[0] in _NEVER_GROUPED else _difference(change)
        if events[0] in _BY_DATES:
            same = lifecycle.common_part(events[0], change)
        was = str(before.status) if before.status is not after.status else None
        yield _finding(events[0], position, change, also=events[1:], same=same, was=was, evidence=_evidence(after))


def _classify_addition(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.before is None and is_in_block_of_owner(context, context.old, change.item):
        return _redrawn_block(position, change)
    was = str(change.before.status) if change.before else status_in(context, context.old, change.item)
    also = (lifecycle.REGISTERED,) if is_temporary(change.item.fields) else ()
    evidence = _evidence(change.item)
    return _finding("entry-added", position, change, kind=Kind.ADDED, also=also, was=was, evidence=evidence)


def _classify_removal(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.after is None and is_in_block_of_owner(context, context.new, change.item):
        return _redrawn_block(position, change)
    if change.after is None and _has_remaining_twin(change.item, context):
        return _finding("entry-modified", position, change, also=("twin-removed",))
    status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
    if change.before is not None and is_temporary(change.before.fields):
        same = lifecycle.common_part(lifecycle.WITHDRAWN, change)
        also = ("entry-deprecated" if status == Status.RESERVED else "entry-removed",)
        return _finding(
            lifecycle.WITHDRAWN, position, change, kind=Kind.REMOVED, also=also, same=same, was=Status.ASSIGNED
        )
    if status == Status.RESERVED:
        return _finding("entry-deprecated", position, change, kind=Kind.DEPRECATED, was=Status.ASSIGNED)
    return _finding("entry-removed", position, change, kind=Kind.REMOVED, was=Status.ASSIGNED)


def _redrawn_block(position: int, change: Change) -> Finding:
    same = ("range", identity.title(change.item))
    return _finding("entry-modified", position, change, also=("range-redrawn",), same=same)


def _has_remaining_twin(item: Item, context: ChangeContext) -> bool:
    """Whether another row with the key and the name of a removed one is still assigned.

    Two names that share a value are two entries: protocol 84 is TTP and IPTM.
    """
    twin = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return twin is not None and is_assigned(twin) and identity.title(twin) == identity.title(item)


def _entry_events(
    change: Change, before: Item, after: Item, context: ChangeContext, watches: Sequence[ColumnWatch]
) -> tuple[str, ...]:
    """Return the events of an entry that is assigned before and after, the most important first."""
    old_path, path = identity.path(before), identity.path(after)
    ignored = DATES | column_changes(context, path).all_names()
    changed = identity.changed_columns(change, exact=not context.new.document) - ignored
    changed -= contacts.relabelled_columns(change, context)
    events = [watch.event for watch in watches if watch.column not in ignored and watch.matches(change)]
    if (after.status in RETIRED) != (before.status in RETIRED):
        events.insert(0, "entry-deprecated" if after.status in RETIRED else "entry-reinstated")
    if old_path != path and registry_changes(context).moved.get(old_path) != path:
        events.append("entry-moved")
    allocation = lifecycle.find_event(before, after)
    remarks = lifecycle.remark_columns(before, after)
    if allocation in _BY_DATES:
        events.append(allocation)
    if changed - (remarks | {"references"} if allocation in _BY_DATES else set()):
        events.append("entry-modified")
    if allocation is not None:
        events.append(allocation)
    old_values, new_values = ([strip_temporary(text) for text in identity.values(item)] for item in (before, after))
    if old_values != new_values and before.key.labels == after.key.labels and changed:
        events.append("entry-renumbered" if parse_ranges(identity.values(after)[0]) else "entry-renamed")
    elif "name" in changed - remarks:
        events.append("entry-renamed")
    if "references" in changed:
        published = became_rfc(before.fields.get("references", ""), after.fields.get("references", ""))
        events.append("reference-published" if published else "reference-changed")
    if not events and {field.name.removeprefix(MARKUP) for field in change.fields} & DATES:
        events.append("dates-changed")
    return tuple(dict.fromkeys(events))


def _classify_free_row(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Report a row without an owner that is newly set aside or has another reference."""
    before, after = change.before, change.after
    if after is None or after.status is Status.UNASSIGNED:
        return
    if before is not None and before.status is after.status:
        columns = column_changes(context, identity.path(after)).all_names()
        if before.key == after.key and "references" in identity.changed_columns(change) - columns:
            same = _difference(change)
            yield _finding("entry-modified", position, change, also=("reference-changed",), same=same)
        return
    was = str(before.status) if before else status_in(context, context.old, after)
    redrawn = free_space(context).is_assigned_at(after) or had_status_before(context, after)
    if was != after.status and not redrawn:
        same = (after.status, was, identity.title(after))
        evidence = _evidence(after)
        yield _finding("entry-reserved", position, change, was=was, kind=Kind.ADDED, same=same, evidence=evidence)


def _difference(change: Change) -> tuple[str, ...]:
    return tuple(f"{field.name}\n{field.before}\n{field.after}" for field in change.fields)


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
    *,
    kind: Kind | None = None,
    also: tuple[str, ...] = (),
    same: tuple[str, ...] = (),
    was: str | None = None,
    evidence: str | None = None,
) -> Finding:
    """Return a finding about an entry. Entries of a registry with the `same` difference become one event."""
    item = change.item
    registry, values = identity.path(item), identity.values(item)
    return Finding(
        event=event,
        change=position,
        subject=(registry, *(same or (*values, str(item.key.ordinal)))),
        kind=kind or change.kind,
        service=identity.title(item),
        also=also,
        was=was,
        registry=registry,
        values=(strip_temporary(" ".join(filter(None, values))),),
        evidence=evidence,
        facts=lifecycle.facts_of_change(change),
    )
