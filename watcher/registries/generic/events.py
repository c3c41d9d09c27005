"""The event table of all IANA registries without rules of their own: the severity and the sentence of each event.

`warning`: something that people rely on is no longer true. `notice`: a new assignment, registry or procedure. `info`:
everything else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from watcher.core.model import MARKUP, Change, FieldChange, Item, Key, Section, Severity
from watcher.registries.base import PATH, EventType, Finding, Registry
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, lifecycle, pairing
from watcher.registries.generic.coverage import status_in
from watcher.registries.generic.rules import classify, explained_by
from watcher.registries.generic.structure import column_changes
from watcher.registries.groups.base import ColumnWatch, GroupRules
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.sentences import (
    FIELD_WORDS,
    describe_columns,
    describe_contact,
    describe_difference,
    enumerate_names,
    shorten,
)

_MOST_FIELDS = 3
_MOST_VALUES = 10

Sentence = Callable[[Sequence[Finding], ChangeContext], str]
FieldWords = Mapping[str, Mapping[str, str]]  # by document id


def make_registry(groups: Sequence[GroupRules]) -> Registry:
    """Return the rules for every registry of the IANA vocabulary, with the tables of single groups."""
    by_document = {group.document: group for group in groups}
    words = {group.document: {**FIELD_WORDS, **group.words} for group in groups}
    watches: dict[str, list[ColumnWatch]] = {}
    for watch in (watch for group in groups for watch in group.watched):
        watches.setdefault(watch.event, []).append(watch)
    return Registry(
        id="iana",
        document_id="",
        columns=identity.COLUMNS,
        may_be_empty=True,
        identify=partial(identity.identify, groups=by_document),
        duplicate_order="registered",
        status=partial(identity.status, groups=by_document),
        names=identity.names,
        interval=identity.interval,
        pairing_rules=pairing.pairing_rules,
        is_bookkeeping=identity.is_bookkeeping,
        classify=partial(classify, groups=by_document),
        explained_by=explained_by,
        events={**_event_types(words), **{event: _watched_event(same) for event, same in watches.items()}},
    )


def _prefix(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Return the title of the registry and a colon; "" for the rows of the document itself."""
    return f"{_title(findings[0].registry, context)}: " if findings[0].registry else ""


def _title(path: str, context: ChangeContext) -> str:
    """Return the title of a registry, or else of its document."""
    for header_path in (path, ""):
        for content in (context.new, context.old):
            header = content.items.get((Section.REGISTRY, Key((PATH,), (header_path,))))
            if header and header.fields.get("title"):
                return shorten(header.fields["title"])
    return path


def _subject(finding: Finding, context: ChangeContext) -> str:
    """Return what an entry is called: "0x13,0x01 TLS_AES_128_GCM_SHA256"."""
    words = [word for word in (*finding.values, shorten(finding.service)) if word]
    return " ".join(words) or _first_text(context.changes[finding.change].item)


def _first_text(item: Item) -> str:
    return shorten(next((text for name, text in item.fields.items() if text and ":" not in name), "(no value)"))


def _subjects(findings: Sequence[Finding], context: ChangeContext) -> str:
    return enumerate_names([_subject(finding, context) for finding in findings])


def _old_subject(finding: Finding, context: ChangeContext) -> str:
    """Return what an entry was called before."""
    change = context.changes[finding.change]
    before = change.before or change.item
    words = [word for word in (*finding.values, shorten(identity.title(before))) if word]
    return " ".join(words) or _first_text(before)


def _added(findings: Sequence[Finding], context: ChangeContext) -> str:
    was = findings[0].was
    verb = f"assigned (was {was})" if was and was != ABSENT else "added"
    remarks = lifecycle.describe_addition(context.changes[findings[0].change].item)
    return f"{_prefix(findings, context)}{_subjects(findings, context)} {verb}{remarks}"


def _removed(findings: Sequence[Finding], context: ChangeContext) -> str:
    change = context.changes[findings[0].change]
    status = str(change.after.status) if change.after else status_in(context, context.new, change.item)
    subject = _old_subject(findings[0], context)
    return f"{_prefix(findings, context)}{subject} removed" + (f"; is now {status}" if status != ABSENT else "")


def _withdrawn(findings: Sequence[Finding], context: ChangeContext) -> str:
    subjects = enumerate_names([_old_subject(finding, context) for finding in findings])
    return f"{_prefix(findings, context)}{subjects} removed: {lifecycle.describe_withdrawal(findings, context)}"


def _allocation(describe: Callable[[Change], str]) -> Sentence:
    """Return the sentence for an early allocation: what `describe` says, then what else differs."""

    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        columns = column_changes(context, findings[0].registry).all_names()
        parts = [
            describe_difference(FIELD_WORDS.get(field.name, field.name), field.before, field.after)
            for field in lifecycle.other_differences(change)
            if field.name not in columns
        ]
        words = ", ".join([describe(change), *parts[:_MOST_FIELDS]])
        return f"{_prefix(findings, context)}{_subjects(findings, context)}: {words}"

    return sentence


def _deprecated(findings: Sequence[Finding], context: ChangeContext) -> str:
    after = context.changes[findings[0].change].after
    if after is None or not is_assigned(after):
        return f"{_prefix(findings, context)}{_old_subject(findings[0], context)} is now reserved"
    return f"{_prefix(findings, context)}{_subjects(findings, context)} {_is_now(findings)} {after.status}"


def _is_now(findings: Sequence[Finding]) -> str:
    return "is now" if len(findings) == 1 else "are now"


def _reinstated(findings: Sequence[Finding], context: ChangeContext) -> str:
    subjects = _subjects(findings, context)
    return f"{_prefix(findings, context)}{subjects} {_is_now(findings)} in use again (was {findings[0].was})"


def _reserved(findings: Sequence[Finding], context: ChangeContext) -> str:
    item = context.changes[findings[0].change].item
    values = enumerate_names([" ".join(finding.values) or _first_text(item) for finding in findings], _MOST_VALUES)
    return f"{_prefix(findings, context)}{values} {_is_now(findings)} {item.status} (was {findings[0].was})"


def _moved(findings: Sequence[Finding], context: ChangeContext) -> str:
    before = context.changes[findings[0].change].before
    old, new = _title(identity.path(before) if before else "", context), _title(findings[0].registry, context)
    return f"{_subjects(findings, context)} moved from {old} to {new}"


def _describe_fields(findings: Sequence[Finding], context: ChangeContext, words_by_document: FieldWords) -> str:
    """Say how the fields of an entry differ; dates only if nothing else does."""
    words = words_by_document.get(context.new.document, FIELD_WORDS)
    fields = context.changes[findings[0].change].fields
    texts = [field for field in fields if not field.name.startswith(MARKUP)]
    # The columns of the whole registry are an event of their own.
    ignored = {"registered", "modified"} | column_changes(context, findings[0].registry).all_names()
    shown = [field for field in texts if field.name not in ignored] or texts
    if shown:
        parts = [describe_difference(words.get(field.name, field.name), field.before, field.after) for field in shown]
    else:
        parts = [f"{field.name.removeprefix(MARKUP)} changed" for field in fields]
    more = f" and {len(parts) - _MOST_FIELDS} more" if len(parts) > _MOST_FIELDS else ""
    return ", ".join(parts[:_MOST_FIELDS]) + more


def _modified(findings: Sequence[Finding], context: ChangeContext, words_by_document: FieldWords) -> str:
    if "range-redrawn" in findings[0].also:
        blocks = enumerate_names([value for finding in findings for value in finding.values])
        return f"{_prefix(findings, context)}{shorten(findings[0].service)}: blocks merged or split: {blocks}"
    if "twin-removed" in findings[0].also:
        difference = "one of the rows with this key removed"
    else:
        difference = _describe_fields(findings, context, words_by_document)
    return f"{_prefix(findings, context)}{_subjects(findings, context)}: {difference}"


def _registry_event(verb: str) -> Sentence:
    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        entries = sum(1 for finding in findings if context.changes[finding.change].section is Section.ENTRY)
        number = f" with {entries} {'entry' if entries == 1 else 'entries'}" if entries else ""
        return f"registry {_title(findings[0].registry, context)} {verb}{number}"

    return sentence


def _registry_renamed(findings: Sequence[Finding], context: ChangeContext) -> str:
    old_paths = (identity.path(before) for finding in findings if (before := context.changes[finding.change].before))
    old = next(filter(None, old_paths), "")
    return f"registry {_title(findings[0].registry, context)}: id {old} → {findings[0].registry}"


def _registry_moved(findings: Sequence[Finding], context: ChangeContext) -> str:
    for finding in findings:
        for field in context.changes[finding.change].fields:
            if field.name == "moved_to":
                return f"this registry group is now published as {field.after}"
    return _registry_renamed(findings, context)


def _header_changed(findings: Sequence[Finding], context: ChangeContext) -> str:
    fields = {
        field.name.removeprefix(MARKUP): field
        for field in reversed(context.changes[findings[0].change].fields)
        if field.name not in ("updated", "created")
    }
    parts = [_describe_paragraphs(FIELD_WORDS.get(name, name), field) for name, field in sorted(fields.items())]
    return f"{_prefix(findings, context) or 'the registry: '}{', '.join(parts)}"


def _describe_paragraphs(word: str, field: FieldChange) -> str:
    """Say which of several notes or ranges of a registry were removed and added."""
    if field.name.startswith(MARKUP):
        return f"{word} changed"
    before, after = ([text for text in texts.split("\n\n") if text] for texts in (field.before, field.after))
    if len(before) < 2 and len(after) < 2:
        return describe_difference(word, field.before, field.after)
    parts = [f"“{shorten(text)}” removed" for text in before if text not in after]
    parts += [f"“{shorten(text)}” added" for text in after if text not in before]
    return f"{word} {', '.join(parts) or 'in another order'}"


def _columns_changed(findings: Sequence[Finding], context: ChangeContext) -> str:
    if context.changes[findings[0].change].section is Section.REGISTRY:
        return describe_columns(findings, context)
    columns = column_changes(context, findings[0].registry)
    parts = [f"column {old} renamed to {new}" for old, new in columns.renamed.items()]
    parts += [f"column {name} added" for name in sorted(columns.gained)]
    parts += [f"column {name} removed" for name in sorted(columns.lost)]
    entries = f"{len(findings)} {'entry' if len(findings) == 1 else 'entries'}"
    return f"{_prefix(findings, context)}{', '.join(parts) or 'the columns changed'} ({entries})"


def _event_types(words: FieldWords) -> dict[str, EventType]:
    modified = partial(_modified, words_by_document=words)
    return {
        "entry-added": EventType(Severity.NOTICE, _added),
        "entry-removed": EventType(Severity.WARNING, _removed),
        "entry-deprecated": EventType(Severity.WARNING, _deprecated),
        "entry-reinstated": EventType(Severity.INFO, _reinstated),
        "entry-reserved": EventType(Severity.INFO, _reserved),
        "entry-moved": EventType(Severity.NOTICE, _moved),
        "entry-modified": EventType(Severity.INFO, modified),
        "temporary-extended": EventType(Severity.INFO, _allocation(lifecycle.describe_extension)),
        "temporary-made-permanent": EventType(Severity.NOTICE, _allocation(lifecycle.describe_permanence)),
        "temporary-withdrawn": EventType(Severity.NOTICE, _withdrawn),
        # Made by time, with a sentence of monitor/deadlines.py.
        "temporary-expiring": EventType(Severity.NOTICE, _allocation(lifecycle.describe_extension)),
        "temporary-expired": EventType(Severity.NOTICE, _allocation(lifecycle.describe_extension)),
        # In `also` of an entry-added.
        "temporary-registered": EventType(Severity.NOTICE, _added),
        # In `also` of an entry-modified, never the id of an event.
        "entry-renumbered": EventType(Severity.NOTICE, modified),
        "entry-renamed": EventType(Severity.INFO, modified),
        "range-redrawn": EventType(Severity.INFO, modified),
        "twin-removed": EventType(Severity.INFO, modified),
        "reference-published": EventType(Severity.INFO, modified),
        "reference-changed": EventType(Severity.INFO, modified),
        "dates-changed": EventType(Severity.INFO, modified),
        "registry-added": EventType(Severity.NOTICE, _registry_event("added")),
        "registry-removed": EventType(Severity.WARNING, _registry_event("removed")),
        "registry-renamed": EventType(Severity.NOTICE, _registry_renamed),
        "registry-moved": EventType(Severity.NOTICE, _registry_moved),
        "registration-procedure-changed": EventType(Severity.NOTICE, _header_changed),
        "registry-note-changed": EventType(Severity.INFO, _header_changed),
        "schema-changed": EventType(Severity.NOTICE, _columns_changed),
        "contact-updated": EventType(Severity.INFO, describe_contact),
    }


def _watched_event(watches: Sequence[ColumnWatch]) -> EventType:
    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[findings[0].change]
        meanings = dict.fromkeys(watch.describe(change) for watch in watches if watch.matches(change))
        return f"{_prefix(findings, context)}{_subjects(findings, context)}: {', '.join(meanings)}"

    return EventType(watches[0].severity, sentence)
