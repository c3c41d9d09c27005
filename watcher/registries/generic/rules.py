"""What a change of any IANA registry means: one finding a change, the table of docs/semantics.md.

What happens to a whole registry (it came, went, has another id, another column) is one event that carries the changes
of all its entries. "What was here before?" is answered by the row that holds the value, a range included.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from watcher.core.model import RETIRED, Change, Item, Kind, Section, Status
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity
from watcher.registries.generic.coverage import covering, in_a_block_of_its_owner, numbers, redrawn, set_aside, touched
from watcher.registries.generic.structure import DATES, columns_of, plain, registries, renamed
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared import contacts
from watcher.registries.shared.value_ranges import meets, spans

_PROCEDURE = frozenset({"registration_rule", "range"})
_LABELS = frozenset({"updated", "created", "id"})  # of a header: no news by themselves
_DRAFT = re.compile(r"\[(?:draft-|RFC-)[^\]]*\]")
_RFC = re.compile(r"\[RFC\d+[^\]]*\]")


class Rules:
    """The rules, with the tables of what is special to some registry groups, by document id."""

    def __init__(self, special: Mapping[str, GroupRules]) -> None:
        self._special = special

    def classify(self, context: ChangeContext) -> Iterator[Finding]:
        """Return what each change means; redrawn free space and changed dates of the document mean nothing."""
        if _went_elsewhere(context):
            yield from (_finding("registry-moved", index, change, "") for index, change in enumerate(context.changes))
            return
        watched = self._special[context.new.document].watched if context.new.document in self._special else ()
        for index, change in enumerate(context.changes):
            if change.section is Section.CONTACT:
                yield from contacts.updated(index, change, context, _described)
            elif change.section is Section.REGISTRY:
                yield from _header(index, change, context)
            else:
                yield from _row(index, change, context, watched)


def _row(index: int, change: Change, context: ChangeContext, watched: Sequence[ColumnWatch]) -> Iterator[Finding]:
    if (whole := _of_a_whole_registry(index, change, context)) is not None:
        yield whole
        return
    if (
        change.before
        and change.after
        and identity.news(change) & columns_of(context, identity.path(change.after)).touched()
    ):
        yield _finding("schema-changed", index, change, identity.path(change.after))
    if identity.is_bookkeeping(change, context):
        yield from _space(index, change, context)
    else:
        yield from _entry(index, change, context, watched)


def explained_by(found: Sequence[Finding], context: ChangeContext) -> Iterable[int]:
    """The rows of free space that were redrawn for an event: those that hold its values, and what came of them."""
    taken = [span for finding in found for value in finding.values for span in spans(value)]
    rows = [row for row in context.compute_once(redrawn).get(found[0].registry, ()) if taken]
    reach = taken + [span for _, change, held in rows if change.after is None and meets(held, taken) for span in held]
    yield from (index for index, _, held in rows if meets(held, reach))


def _described(item: Item) -> tuple[str, str, str]:
    return identity.names(item)[0], "", ""


def _went_elsewhere(context: ChangeContext) -> bool:
    """Whether the whole document says only where the registry group is published now."""
    return any(
        each.name == "moved_to" and each.after
        for change in context.changes
        if change.section is Section.REGISTRY
        for each in change.fields
    )


def _of_a_whole_registry(index: int, change: Change, context: ChangeContext) -> Finding | None:
    """What an entry's change means when it only follows from what happened to its registry; None when it does not."""
    whole = context.compute_once(registries)
    before, after = change.before, change.after
    if before is None and identity.path(change.item) in whole.added:
        return _finding("registry-added", index, change, identity.path(change.item))
    if after is None and identity.path(change.item) in whole.removed:
        return _finding("registry-removed", index, change, identity.path(change.item))
    if before is None or after is None:
        return None
    old, new = identity.path(before), identity.path(after)
    if old != new and whole.moved.get(old) == new and before.fields == after.fields:
        return _finding(renamed(old, new), index, change, new)
    touched_columns = columns_of(context, new).touched()
    if touched_columns and change.fields and identity.news(change) <= touched_columns | DATES:
        return _finding("schema-changed", index, change, new)
    return None


def _header(index: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    before, after = change.before, change.after
    path = identity.path(change.item)
    whole = context.compute_once(registries)
    if before is None or after is None:
        old, new = next((pair for pair in whole.moved.items() if path in pair), ("", ""))
        event = renamed(old, new) if new else "registry-added" if before is None else "registry-removed"
        yield _finding(event, index, change, new or path)
        return
    changed = {plain(each) for each in change.fields} - _LABELS
    also = ["schema-changed"] if COLUMNS in changed else []
    if changed & _PROCEDURE:
        also.append("registration-procedure-changed")
    if changed - _PROCEDURE - {COLUMNS}:
        also.append("registry-note-changed")
    if identity.path(before) != path:
        yield _finding(renamed(identity.path(before), path), index, change, path, also=tuple(also))
    elif also:
        yield _finding(also[0], index, change, path, also=tuple(also[1:]))


def _entry(index: int, change: Change, context: ChangeContext, watched: Sequence[ColumnWatch]) -> Iterator[Finding]:
    before, after = change.before, change.after
    if before is None or not identity.is_assigned(before):
        yield _came(index, change, context)
    elif after is None or not identity.is_assigned(after):
        yield _gone(index, change, context)
    elif events := _events(change, before, after, context, watched):
        same = () if events[0] in _ALONE else tuple(f"{f.name}\n{f.before}\n{f.after}" for f in change.fields)
        was = str(before.status) if before.status is not after.status else None
        yield _finding(events[0], index, change, also=events[1:], same=same, was=was, evidence=_evidence(after))


# Events that name their entry, and are not told of many at once.
_ALONE = frozenset({"entry-moved"})


def _redrawn_block(index: int, change: Change) -> Finding:
    same = ("range", identity.title(change.item))
    return _finding("entry-modified", index, change, also=("range-redrawn",), same=same)


def _came(index: int, change: Change, context: ChangeContext) -> Finding:
    if change.before is None and in_a_block_of_its_owner(context, context.old, change.item):
        return _redrawn_block(index, change)
    was = str(change.before.status) if change.before else covering(context, context.old, change.item)
    return _finding("entry-added", index, change, kind=Kind.ADDED, was=was, evidence=_evidence(change.item))


def _gone(index: int, change: Change, context: ChangeContext) -> Finding:
    if change.after is None and in_a_block_of_its_owner(context, context.new, change.item):
        return _redrawn_block(index, change)
    if change.after is None and _stands_once(change.item, context):
        return _finding("entry-modified", index, change, also=("twin-removed",))
    now = str(change.after.status) if change.after else covering(context, context.new, change.item)
    if now == Status.RESERVED:
        return _finding("entry-deprecated", index, change, kind=Kind.DEPRECATED, was=Status.ASSIGNED)
    return _finding("entry-removed", index, change, kind=Kind.REMOVED, was=Status.ASSIGNED)


def _stands_once(item: Item, context: ChangeContext) -> bool:
    """Whether one of the rows that shared a key went, and another is there still."""
    other = context.new.items.get((item.section, item.key._replace(ordinal=1)))
    return other is not None and identity.is_assigned(other)


def _events(
    change: Change, before: Item, after: Item, context: ChangeContext, watched: Sequence[ColumnWatch]
) -> tuple[str, ...]:
    """The events of an entry that is assigned before and after, the most important first."""
    path = identity.path(after)
    ignored = DATES | columns_of(context, path).touched()
    changed = identity.news(change) - ignored
    events = [watch.event for watch in watched if watch.sees(change) and watch.column not in ignored]
    if (after.status in RETIRED) != (before.status in RETIRED):
        events.insert(0, "entry-deprecated" if after.status in RETIRED else "entry-reinstated")
    if identity.path(before) != path and context.compute_once(registries).moved.get(identity.path(before)) != path:
        events.append("entry-moved")
    if changed:
        events.append("entry-modified")
    if identity.values(before) != identity.values(after) and before.key.labels == after.key.labels and changed:
        events.append("entry-renumbered" if spans(identity.values(after)[0]) else "entry-renamed")
    elif "name" in changed:
        events.append("entry-renamed")
    if "references" in changed:
        events.append(_references(before.fields.get("references", ""), after.fields.get("references", "")))
    if not events and {plain(each) for each in change.fields} & DATES:
        events.append("dates-changed")
    return tuple(dict.fromkeys(events))


def _references(was: str, now: str) -> str:
    drafts_gone = {*_DRAFT.findall(was)} - {*_DRAFT.findall(now)}
    return "reference-published" if drafts_gone and {*_RFC.findall(now)} - {*_RFC.findall(was)} else "reference-changed"


def _evidence(item: Item) -> str | None:
    return identity.reading(item.fields).evidence or None if item.status is not Status.ASSIGNED else None


def _space(index: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Rows without an owner: set aside on their own, or said something new of."""
    before, after = change.before, change.after
    if after is None or after.status is Status.UNASSIGNED:
        return
    if before is not None and before.status is after.status:
        told = identity.news(change) - DATES - columns_of(context, identity.path(after)).touched()
        if told and before.key == after.key and "references" in told:
            same = tuple(f"{field.name}\n{field.before}\n{field.after}" for field in change.fields)
            yield _finding("entry-modified", index, change, also=("reference-changed",), same=same)
        return
    was = str(before.status) if before else covering(context, context.old, after)
    taken = context.compute_once(touched).get(identity.path(after), ())
    if was != after.status and not meets(numbers(after), taken) and not set_aside(context, after):
        same = (after.status, was, identity.title(after))
        yield _finding("entry-reserved", index, change, was=was, kind=Kind.ADDED, same=same, evidence=_evidence(after))


def _finding(
    event: str,
    index: int,
    change: Change,
    registry: str | None = None,
    *,
    kind: Kind | None = None,
    also: tuple[str, ...] = (),
    same: tuple[str, ...] = (),
    was: str | None = None,
    evidence: str | None = None,
) -> Finding:
    """A finding. One about a whole registry names it in `registry`; entries with the `same` differences are twins."""
    item = change.item
    place = identity.path(item) if registry is None else registry
    values = identity.values(item) if registry is None else ()
    return Finding(
        event=event,
        change=index,
        subject=(place, *(same or (() if registry is not None else (*values, str(item.key.ordinal))))),
        kind=kind or change.kind,
        service=identity.title(item) if registry is None else "",
        also=also,
        was=was,
        registry=place,
        values=(" ".join(filter(None, values)),) if registry is None else (),
        evidence=evidence,
    )
