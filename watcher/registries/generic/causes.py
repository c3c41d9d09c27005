"""The differences between two states of an entry or a header, and their cause.

Entries whose differences have one cause are one event. The cause is the document that is newly referenced, or else the
words that were removed and added.
"""

from __future__ import annotations

from collections.abc import Collection

from msgspec import Struct
from msgspec.structs import replace

from watcher.core.model import MARKUP, Change, FieldChange
from watcher.core.patterns import regex
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, lifecycle
from watcher.registries.shared import contacts
from watcher.registries.shared.references import (
    adds_erratum,
    changed_references,
    documents,
    is_only_references,
    reference_event,
)
from watcher.registries.shared.remarks import strip_temporary
from watcher.registries.shared.text_differences import changed_words, differ_in_notation

DATES = frozenset({"registered", "modified"})
_LABELS = frozenset({"updated", "created", "id"})  # of a header; a change of these alone is no event
_LINK = regex(r'data="([^"]*)"')
# The columns that a sentence shows first, and last.
_ORDER = ("title", "name", "value", "status", "state", "registration_rule", "range", "description", "note", "notes")
_LAST = ("references (column)", "reference", "references", "expert", "contact", "controller")


class Difference(Struct, frozen=True):
    """The changed fields of one item: what the text says, its references, its notation, its dates."""

    texts: tuple[FieldChange, ...] = ()
    references: tuple[FieldChange, ...] = ()
    notation: tuple[FieldChange, ...] = ()
    dates: tuple[FieldChange, ...] = ()

    def reference_events(self) -> tuple[str, ...]:
        """Return the events of the references in any column, the most important first."""
        events = {reference_event(field.before, field.after) for field in self.references}
        events |= {"erratum-added" for field in self.references if adds_erratum(field.before, field.after)}
        return tuple(event for event in REFERENCE_EVENTS if event in events)

    def reference_cause(self) -> tuple[str, ...]:
        """Return the documents that are newly referenced, or else those that no longer are."""
        pairs = [changed_references(field.before, field.after) for field in self.references]
        lost = documents(reference for pair in pairs for reference in pair[0])
        gained = documents(reference for pair in pairs for reference in pair[1])
        return tuple(sorted(gained - lost or gained or lost))

    def cause(self) -> tuple[str, ...]:
        """Return the cause, which is equal for differences of one event."""
        return (*sorted(map(field_cause, self.texts)), *self.reference_cause())


REFERENCE_EVENTS = (
    *("reference-published", "reference-approved", "erratum-added", "contact-changed", "reference-changed"),
)


def is_newer_version(field: FieldChange) -> bool:
    """Return whether references differ in the versions of drafts alone."""
    lost, gained = changed_references(field.before, field.after)
    return documents(lost) == documents(gained)


def field_cause(field: FieldChange) -> str:
    """Return the name of a field with the words that were removed and added."""
    hunks = changed_words(field.before, field.after)
    return "\n".join([field.name, *(f"{hunk.removed}\t{hunk.added}" for hunk in hunks)])


def compare_fields(change: Change, context: ChangeContext, ignored: Collection[str] = ()) -> Difference:
    """Sort the changed fields of a pair; `ignored` are columns that do not matter here."""
    plain = {field.name for field in change.fields}
    relabelled = contacts.relabelled_columns(change, context)
    remarks = lifecycle.remark_columns(change.before, change.after) if change.before and change.after else set()
    keeps_zeros = not context.new.document  # in a plain table a code is a text
    key = {*change.item.key.labels}
    # Nobody files an erratum about a value whose case does not matter.
    is_corrected = any(adds_erratum(field.before, field.after) for field in change.fields)
    skipped = {*remarks, *relabelled, *ignored, *_LABELS}
    sorted_fields: dict[str, list[FieldChange]] = {"texts": [], "references": [], "notation": [], "dates": []}
    for field in map(_without_remark, change.fields):
        bare = field.name.removeprefix(MARKUP)
        if bare in skipped or (bare != field.name and bare in plain):
            continue
        if bare in DATES:
            group = "dates"
        elif bare != field.name:
            group = "notation" if _same_links(field) else "texts"
        elif _is_notation(field, in_key=bare in key, keeps_zeros=keeps_zeros) and not (is_corrected and bare in key):
            group = "notation"
        elif bare == "references" or is_only_references(field.before, field.after):
            group = "references"
        else:
            group = "texts"
        sorted_fields[group].append(field)
    return Difference(**{group: tuple(sorted(fields, key=_importance)) for group, fields in sorted_fields.items()})


def _without_remark(field: FieldChange) -> FieldChange:
    """Return a change of a text without the remark about an early allocation, which is an event of its own."""
    before, after = strip_temporary(field.before), strip_temporary(field.after)
    return field if (before, after) == (field.before, field.after) else replace(field, before=before, after=after)


def _is_notation(field: FieldChange, *, in_key: bool, keeps_zeros: bool) -> bool:
    # A text in angle brackets ("<all values of …>") is no name that software uses.
    keep_case = in_key and field.after[:1] != "<"
    return differ_in_notation(field.before, field.after, keep_zeros=keeps_zeros, keep_case=keep_case) or (
        in_key and not keeps_zeros and identity.normalize_value(field.before) == identity.normalize_value(field.after)
    )


def _same_links(field: FieldChange) -> bool:
    """Return whether the markup of an unchanged text has the same links, but for their notation."""
    before, after = links(field.before), links(field.after)
    return before == after or not field.before or not field.after or differ_in_notation(before, after)


def _importance(field: FieldChange) -> tuple[int, int]:
    name = field.name.removeprefix(MARKUP)
    if name in _ORDER:
        return 0, _ORDER.index(name)
    return (2, _LAST.index(name)) if name in _LAST else (1, 0)


def links(text: str) -> str:
    """Return the targets of the links in a piece of markup."""
    return " ".join(_LINK.findall(text))
