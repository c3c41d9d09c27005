"""The life of a code point: temporary, extended, approved, published, deprecated, removed.

RFC 7120 lets a registry give out a value before its document is approved, for a year at a time. The rules here find
when such an allocation is registered, extended, made permanent and withdrawn, in rows that changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from msgspec.structs import replace

from watcher.core.model import MARKUP, RETIRED, Change, FieldChange, Item, Section, Status
from watcher.registries.base import Finding
from watcher.registries.context import ChangeContext
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.remarks import EntryFacts, is_approved, is_temporary, read_facts, strip_temporary
from watcher.registries.shared.sentences import describe_difference

REGISTERED, EXTENDED, PERMANENT, WITHDRAWN = (
    "temporary-registered",
    "temporary-extended",
    "temporary-made-permanent",
    "temporary-withdrawn",
)
EXPIRING, EXPIRED = "temporary-expiring", "temporary-expired"  # made by time (monitor/deadlines.py), by no rule


class Stage(StrEnum):
    """The stage of an entry's life that one of its states shows."""

    TEMPORARY = "temporary"
    EXTENDED = "extended"
    REGISTERED = "registered"  # assigned, with a reference that is no approved document
    APPROVED = "approved"  # its draft is in the RFC editor's queue
    PUBLISHED = "published"  # its reference is an RFC
    DEPRECATED = "deprecated"
    HISTORIC = "historic"
    OBSOLETE = "obsolete"
    RESERVED = "reserved"
    UNASSIGNED = "unassigned"
    PRIVATE_USE = "private-use"
    EXPERIMENTAL = "experimental"
    REMOVED = "removed"  # the entry ended


def read_stage(item: Item) -> Stage:
    """Return the stage that a state of an entry shows."""
    if item.status is not Status.ASSIGNED:
        return Stage(str(item.status))
    facts = read_facts(item.fields)
    if facts.temporary:
        return Stage.EXTENDED if facts.extended else Stage.TEMPORARY
    references = item.fields.get("references", "")
    if not is_approved(references):
        return Stage.REGISTERED
    return Stage.APPROVED if "[RFC-" in references else Stage.PUBLISHED


def facts_of(item: Item | None) -> Mapping[str, str]:
    """Return the facts in the texts of an entry by name, {} for other items."""
    return read_facts(item.fields).as_dict() if item is not None and item.section is Section.ENTRY else {}


def facts_of_change(change: Change) -> Mapping[str, str]:
    """Return the facts of an early allocation that a change is about, with the end that it had before."""
    before, after = (_facts(item) for item in (change.before, change.after))
    if not before.temporary and not after.temporary:
        return {}
    facts = (after if after.temporary else before).as_dict()
    if before.temporary and after.temporary and before.temporary_until != after.temporary_until:
        facts["temporary_until_before"] = before.temporary_until
    return facts


def find_event(before: Item, after: Item) -> str | None:
    """Return the event of the early allocation of an entry that is assigned before and after, or None."""
    was_temporary, now_temporary = is_temporary(before.fields), is_temporary(after.fields)
    if not was_temporary:
        return REGISTERED if now_temporary else None
    if not now_temporary:
        return WITHDRAWN if after.status in RETIRED else PERMANENT
    old, new = read_facts(before.fields), read_facts(after.fields)
    if (old.temporary_until, old.in_evaluation) == (new.temporary_until, new.in_evaluation):
        return None
    return EXTENDED


def remark_columns(before: Item, after: Item) -> set[str]:
    """Return the columns in which nothing but the remark about an early allocation differs."""
    return {
        column
        for column in before.fields.keys() | after.fields.keys()
        if (text := before.fields.get(column, "")) != (new_text := after.fields.get(column, ""))
        and strip_temporary(text) == strip_temporary(new_text)
    }


def common_part(event: str, change: Change) -> tuple[str, ...]:
    """Return the subject that entries of one event share: dates and references before and after, other differences."""
    parts = [event]
    for item in (change.before, change.after):
        facts = _facts(item)
        parts += [facts.temporary_since, facts.extended, facts.temporary_until, facts.in_evaluation]
        parts.append(item.fields.get("references", "") if item is not None else "")
    return (*parts, *(f"{field.name}\n{field.before}\n{field.after}" for field in other_differences(change)))


def other_differences(change: Change) -> list[FieldChange]:
    """Return the changed fields of an entry without remarks, references and dates."""
    if change.before is None or change.after is None:
        return []
    ignored = {"references", "registered", "modified", *remark_columns(change.before, change.after)}
    return [
        replace(field, before=strip_temporary(field.before), after=strip_temporary(field.after))
        for field in change.fields
        if field.name not in ignored and not field.name.startswith(MARKUP)
    ]


def describe_addition(item: Item) -> str:
    """Return the end of the sentence about a new entry: until when it is temporary, or that it is retired already."""
    facts = _facts(item)
    words = ""
    if facts.temporary:
        words += f", temporary until {facts.temporary_until}" if facts.temporary_until else ", temporary"
    if item.status in RETIRED:
        words += f"; is already {item.status}"
    return words


def describe_extension(change: Change) -> str:
    """Return "temporary registration extended, expires 2023-03-23 → 2024-03-23"."""
    before, after = _facts(change.before), _facts(change.after)
    if after.in_evaluation and not after.temporary_until:
        return (
            f"temporary registration extended: its document was sent to the IESG on {after.in_evaluation}; "
            f"expires {before.temporary_until or 'without a date'} → without a date"
        )
    return (
        f"temporary registration extended, expires {before.temporary_until or 'without a date'}"
        f" → {after.temporary_until or 'without a date'}"
    )


def describe_permanence(change: Change) -> str:
    """Return "made permanent (temporary since 2022-03-23), references [draft-…] → [RFC9999]"."""
    facts = _facts(change.before)
    since = f" (temporary since {facts.temporary_since})" if facts.temporary_since else " (was temporary)"
    old, new = (item.fields.get("references", "") if item else "" for item in (change.before, change.after))
    return f"made permanent{since}" + (f", {describe_difference('references', old, new)}" if old != new else "")


def describe_withdrawal(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Return "temporary registration of 2022-03-23 withdrawn, it expired 2023-03-23"."""
    facts = _facts(context.changes[findings[0].change].before)
    words = "temporary registration" + (f" of {facts.temporary_since}" if facts.temporary_since else "") + " withdrawn"
    if not facts.temporary_until:
        return words
    is_past = bool(context.new.published and context.new.published > facts.temporary_until)
    return f"{words}, it {'expired' if is_past else 'would have expired'} {facts.temporary_until}"


def is_early_allocation(item: Item) -> bool:
    """Return whether an entry is an early allocation; free rows with the same remark are not."""
    return is_assigned(item) and is_temporary(item.fields)


def _facts(item: Item | None) -> EntryFacts:
    return read_facts(item.fields) if item is not None else EntryFacts()
