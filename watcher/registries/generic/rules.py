"""The meaning of each change of any IANA registry, in the order of the table in docs/semantics.md.

A change of a whole registry (added, removed, another id, another column) is one event with the changes of all its
entries.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from watcher.core.model import RETIRED, Change, Item, Kind, Section, Severity, Status
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, lifecycle
from watcher.registries.generic.causes import DATES, Difference, compare_fields
from watcher.registries.generic.coverage import (
    free_space,
    had_status_before,
    is_in_block_of_owner,
    locate,
    status_in,
)
from watcher.registries.generic.headers import classify_header, ended_registries
from watcher.registries.generic.naming import bare_name, find_name, header_title, is_identifier
from watcher.registries.generic.structure import column_changes, move_event, registry_changes
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.references import documents, find_references
from watcher.registries.shared.remarks import is_temporary, strip_temporary
from watcher.registries.shared.text_differences import differ_in_notation
from watcher.registries.shared.value_ranges import parse_ranges

_BY_DATES = frozenset({lifecycle.EXTENDED, lifecycle.PERMANENT})  # one event for entries with the same dates
_MANY = 8  # one document that adds more entries to a registry is one event
_MOVED = re.compile(r"\bmoved to\b", re.IGNORECASE)
_PROVISIONAL = re.compile(r"\W*provisional\b", re.IGNORECASE)
_PERMANENT = re.compile(r"\W*permanent\b", re.IGNORECASE)
_EMPTY = GroupRules(document="")


def classify(context: ChangeContext, groups: Mapping[str, GroupRules]) -> Iterator[Finding]:
    """Yield the meaning of each change; redrawn free space and a new date of the document have none.

    `groups` are the tables of single registry groups, by document id.
    """
    if _is_redirect(context):
        yield from (
            _registry_finding("registry-moved", position, change, "") for position, change in enumerate(context.changes)
        )
        return
    group = groups.get(context.new.document, _EMPTY)
    for position, change in enumerate(context.changes):
        if change.section is Section.CONTACT:
            yield from contacts.classify_update(position, change, context, identity.describe)
        elif change.section is Section.REGISTRY:
            yield from classify_header(position, change, context)
        else:
            for finding in _classify_row(position, change, context, group.watched):
                yield _limit_severity(finding, group)


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Whether a change is quiet: see identity.is_bookkeeping; and one of nothing but ignored columns."""
    return _is_ignored(change, context) or identity.is_bookkeeping(change, context)


def _is_ignored(change: Change, context: ChangeContext) -> bool:
    ignored = {*context.table.ignore}
    return bool(ignored and change.before and change.after) and {field.name for field in change.fields} <= ignored


def _limit_severity(finding: Finding, group: GroupRules) -> Finding:
    """Return a finding with at most the severity that the group's table allows."""
    return finding if group.highest is None else finding._replace(severity=group.highest)


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
    if _is_ignored(change, context):
        return
    if (finding := _classify_with_registry(position, change, context)) is not None:
        yield finding
    elif identity.is_bookkeeping(change, context) and not _is_code_in_plain_table(change, context):
        yield from _classify_free_row(position, change, context)
    else:
        yield from _classify_entry(position, change, context, watches)


def _is_code_in_plain_table(change: Change, context: ChangeContext) -> bool:
    """Whether a key of a table that is not IANA's got another notation: 007 and 7 are two codes there."""
    return not context.new.document and is_assigned(change.before) and is_assigned(change.after)


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
        if after is None and is_assigned(before) and ended_registries(context).get(path) == "registry-moved":
            # Its rows went with it.
            finding = _registry_finding("registry-moved", position, change, path, also=("entry-moved",))
            return finding._replace(subject=(), kind=Kind.DEPRECATED)
        return None
    old_path = identity.path(before)
    if old_path != path and registries.moved.get(old_path) == path and before.fields == after.fields:
        return _registry_finding(move_event(old_path, path), position, change, path)
    if _has_only_column_changes(change, context):
        return _registry_finding("schema-changed", position, change, path)
    return None


def _has_only_column_changes(change: Change, context: ChangeContext) -> bool:
    """Whether an entry differs only in the columns that its registry gained, lost or renamed."""
    columns = column_changes(context, identity.path(change.item)).all_names()
    return bool(columns and change.fields) and identity.changed_columns(change) <= columns | DATES


def _registries_with_column_event(context: ChangeContext) -> frozenset[str]:
    """Return the registries in which an entry differs in nothing but columns: these carry `schema-changed`."""
    return frozenset(
        identity.path(change.item)
        for change in context.changes
        if change.section is Section.ENTRY
        and change.before
        and change.after
        and _has_only_column_changes(change, context)
    )


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
    columns = column_changes(context, identity.path(after)).all_names()
    difference = compare_fields(change, context, {*columns, *context.table.ignore})
    events = _entry_events(change, before, after, difference, context, watches)
    if not events:
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
        severity=_pair_severity(events, before, after, context),
        quiet=events[0] == "editorial",
    )


def _subject(event: str, change: Change, difference: Difference) -> tuple[str, ...]:
    """Return what entries have in common that are one event."""
    if event in ("editorial", "dates-changed"):
        return ("",)
    if event == "entry-moved" and change.before:
        return (identity.path(change.before), identity.path(change.item))
    if event in _BY_DATES:
        facts = lifecycle.facts_of_change(change)
        return (*(f"{name} {facts[name]}" for name in sorted(facts) if name.startswith("temp")), *difference.cause())
    if not difference.texts and difference.references:
        return difference.reference_cause()
    return difference.cause() or (identity.path(change.item), *change.item.key.values, str(change.item.key.ordinal))


def _pair_severity(events: Sequence[str], before: Item, after: Item, context: ChangeContext) -> Severity | None:
    """Return the severity of an entry whose name in software, or whose columns, changed; else None."""
    if events[0] in ("entry-modified", "entry-moved") and "entry-renamed" in events:
        names = [next(iter(identity.values(item)), "") for item in (before, after)]
        if any(map(parse_ranges, names)):
            names = [find_name(item, context) for item in (before, after)]
        names = [bare_name(name) for name in names]
        if _singular(names[0]) != _singular(names[1]) and all(map(is_identifier, names)):
            return Severity.WARNING
    return Severity.NOTICE if {"schema-changed", "entry-renumbered"} & {*events} and events[0] in _INFO else None


def _singular(name: str) -> str:
    return re.sub(r"(?:y|ies|s)$", "", name.casefold())


_INFO = frozenset(
    {"entry-modified", "reference-published", "reference-approved", "reference-changed", "erratum-added", "editorial"}
)


def _classify_addition(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.before is None and is_in_block_of_owner(context, context.old, change.item):
        return _redrawn_block(position, change, context)
    was = str(change.before.status) if change.before else status_in(context, context.old, change.item)
    evidence = _evidence(change.item)
    series = _series(change.item)
    same = (*series, was) if series and context.compute_once(_count_additions)[series] > _MANY else ()
    also = (lifecycle.REGISTERED,) if is_temporary(change.item.fields) else ()
    return _finding(
        "entry-added", position, change, context, kind=Kind.ADDED, also=also, was=was, evidence=evidence, same=same
    )


def _count_additions(context: ChangeContext) -> Counter[tuple[str, ...]]:
    return Counter(
        _series(change.item)
        for change in context.changes
        if change.section is Section.ENTRY and not is_assigned(change.before) and is_assigned(change.after)
    )


def _series(item: Item) -> tuple[str, ...]:
    """Return what the entries have in common that one document adds to one registry."""
    cited = documents(find_references(item.fields.get("references", "")))
    facts = ",".join(lifecycle.facts_of(item).values()) if is_temporary(item.fields) else ""
    return (identity.path(item), str(item.status), facts, *sorted(cited)) if cited else ()


def _classify_removal(position: int, change: Change, context: ChangeContext) -> Finding:
    if change.after is None and is_in_block_of_owner(context, context.new, change.item):
        return _redrawn_block(position, change, context)
    if change.after is None and _has_remaining_twin(change.item, context):
        return _finding("entry-modified", position, change, context, also=("twin-removed",))
    status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
    if change.before is not None and is_temporary(change.before.fields):
        same = lifecycle.common_part(lifecycle.WITHDRAWN, change)
        also = ("entry-deprecated" if status == Status.RESERVED else "entry-removed",)
        return _finding(
            lifecycle.WITHDRAWN, position, change, context, kind=Kind.REMOVED, also=also, same=same, was=Status.ASSIGNED
        )
    # A text in angle brackets ("<all values of …>") is no value that somebody uses.
    severity = Severity.INFO if all(value[:1] == "<" for value in identity.values(change.item)[:1]) else None
    event, kind = ("entry-removed", Kind.REMOVED)
    if status == Status.RESERVED:
        event, kind = ("entry-deprecated", Kind.DEPRECATED)
    return _finding(event, position, change, context, kind=kind, was=Status.ASSIGNED, severity=severity)


def _redrawn_block(position: int, change: Change, context: ChangeContext) -> Finding:
    same = ("range", identity.path(change.item), identity.title(change.item))
    return _finding("entry-modified", position, change, context, also=("range-redrawn",), same=same)


def _has_remaining_twin(item: Item, context: ChangeContext) -> bool:
    """Whether another row with the key and the name of a removed one is still assigned.

    Two names that share a value are two entries: protocol 84 is TTP and IPTM.
    """
    twin = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return twin is not None and is_assigned(twin) and identity.title(twin) == identity.title(item)


def _entry_events(
    change: Change,
    before: Item,
    after: Item,
    difference: Difference,
    context: ChangeContext,
    watches: Sequence[ColumnWatch],
) -> tuple[str, ...]:
    """Return the events of an entry that is assigned before and after, the most important first."""
    old_path, path = identity.path(before), identity.path(after)
    columns = column_changes(context, path).all_names()
    events = [watch.event for watch in watches if watch.column not in columns and watch.matches(change)]
    if (after.status in RETIRED) != (before.status in RETIRED):
        events.insert(0, "entry-deprecated" if after.status in RETIRED else "entry-reinstated")
    if _became_permanent(difference, old_path, path, context):
        events.append("entry-graduated")
    has_moved = old_path != path and registry_changes(context).moved.get(old_path) != path
    if has_moved or any(_MOVED.search(each.after) and not _MOVED.search(each.before) for each in difference.texts):
        events.append("entry-moved")
    allocation = lifecycle.find_event(before, after)
    if allocation in _BY_DATES:
        events.append(allocation)
    if difference.texts or allocation in (lifecycle.REGISTERED, lifecycle.WITHDRAWN):
        events.append("entry-modified")
    if allocation is not None:
        events.append(allocation)
    if difference.texts or difference.notation:
        events += _name_events(before, after, context)
    events += difference.reference_events()
    if difference.references:
        events.append("entry-modified")
    if columns & identity.changed_columns(change) and path not in context.compute_once(_registries_with_column_event):
        events.append("schema-changed")
    if difference.notation and not events:
        events.append("editorial")
    if difference.dates and not events:
        events.append("dates-changed")
    return tuple(dict.fromkeys(events))


def _became_permanent(difference: Difference, old_path: str, path: str, context: ChangeContext) -> bool:
    """Whether a provisional entry became permanent, in a column or by its registry."""
    if any(_PROVISIONAL.match(each.before) and _PERMANENT.match(each.after) for each in difference.texts):
        return True
    if old_path == path:
        return False
    titles = [header_title(each, context).lower() for each in (old_path, path)]
    return "provisional" in titles[0] and "provisional" not in titles[1]


def _name_events(before: Item, after: Item, context: ChangeContext) -> list[str]:
    """Return whether an entry has another value or name; a remark behind the name is none."""
    old_values, new_values = identity.values(before), identity.values(after)
    if old_values != new_values and before.key.labels == after.key.labels:
        number = new_values and parse_ranges(new_values[0])
        if number and identity.normalize_value(old_values[0]) != identity.normalize_value(new_values[0]):
            return ["entry-renumbered"]
        if not number and _is_other_name(old_values[0], new_values[0]):
            return ["entry-renamed"]
    names = [item.fields.get("name") or find_name(item, context) for item in (before, after)]
    return ["entry-renamed"] if all(names) and _is_other_name(*names) else []


def _is_other_name(before: str, after: str) -> bool:
    before, after = bare_name(before), bare_name(after)
    return before.casefold() != after.casefold() and not differ_in_notation(before, after)


def _classify_free_row(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Report a row without an owner that is newly set aside or has another reference."""
    before, after = change.before, change.after
    if after is None or after.status is Status.UNASSIGNED:
        return
    if before is not None and before.status is after.status:
        columns = column_changes(context, identity.path(after)).all_names()
        difference = compare_fields(change, context, columns)
        if before.key == after.key and (events := difference.reference_events()):
            also = (*events[1:], "entry-modified")
            yield _finding(events[0], position, change, context, also=also, same=difference.reference_cause())
        return
    was = str(before.status) if before else status_in(context, context.old, after)
    redrawn = free_space(context).is_assigned_at(after) or had_status_before(context, after)
    if was != after.status and not redrawn:
        same = (identity.path(after), after.status, was, identity.title(after))
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
    registry, values = identity.path(item), identity.values(item)
    return Finding(
        event=event,
        change=position,
        subject=same or (registry, *values, str(item.key.ordinal)),
        kind=kind or change.kind,
        service=find_name(item, context) or next(filter(None, values), ""),
        also=also,
        was=was,
        registry=registry,
        values=(strip_temporary(" ".join(filter(None, values))),),
        evidence=evidence,
        severity=severity,
        quiet=quiet,
        facts=lifecycle.facts_of_change(change),
    )
