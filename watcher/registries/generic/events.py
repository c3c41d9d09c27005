"""The generic registries' table of events: how much each matters, and the sentence that says it.

`warning`: something that people rely on stops being true. `notice`: a new assignment, registry, rule. `info`: all else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from watcher.core.model import MARKUP, FieldChange, Item, Key, Section, Severity
from watcher.registries.base import PATH, EventType, Finding, Registry
from watcher.registries.context import ChangeContext
from watcher.registries.generic import identity, pairing
from watcher.registries.generic.coverage import ABSENT, covering
from watcher.registries.generic.rules import Rules, explained_by
from watcher.registries.generic.structure import columns_of
from watcher.registries.groups.base import ColumnWatch, GroupRules, told
from watcher.registries.shared.sentences import FIELD_WORDS, columns_changed, contact_updated, difference, listed, short

_MOST_FIELDS = 3
_MOST_VALUES = 10

Sentence = Callable[[Sequence[Finding], ChangeContext], str]


def registry(special: Sequence[GroupRules]) -> Registry:
    """Return the rules for every registry of the IANA vocabulary, with what is special to some."""
    by_document = {each.document: each for each in special}
    words = {each.document: {**FIELD_WORDS, **each.words} for each in special}
    watches: dict[str, list[ColumnWatch]] = {}
    for watch in (watch for each in special for watch in each.watched):
        watches.setdefault(watch.event, []).append(watch)
    return Registry(
        id="iana",
        document_id="",
        columns=identity.COLUMNS,
        may_be_empty=True,
        identify=partial(identity.identify, special=by_document),
        duplicate_order="registered",
        status=partial(identity.status, special=by_document),
        names=identity.names,
        interval=identity.interval,
        pairing_rules=pairing.pairing_rules,
        is_bookkeeping=identity.is_bookkeeping,
        classify=Rules(by_document).classify,
        explained_by=explained_by,
        events={**_events(words), **{event: _watched(found) for event, found in watches.items()}},
    )


def _where(found: Sequence[Finding], context: ChangeContext) -> str:
    """The registry that an event speaks of, and a colon; nothing for a document's own rows."""
    return f"{_title(found[0].registry, context)}: " if found[0].registry else ""


def _title(path: str, context: ChangeContext) -> str:
    """The title of a registry; of one that has none, its document's."""
    for each in (path, ""):
        for content in (context.new, context.old):
            header = content.items.get((Section.REGISTRY, Key((PATH,), (each,))))
            if header and header.fields.get("title"):
                return short(header.fields["title"])
    return path


def _subject(finding: Finding, context: ChangeContext) -> str:
    """What an entry is called: "0x13,0x01 TLS_AES_128_GCM_SHA256"."""
    return " ".join(part for part in (*finding.values, short(finding.service)) if part) or _first_words(
        context.changes[finding.change].item
    )


def _first_words(item: Item) -> str:
    return short(next((text for name, text in item.fields.items() if text and ":" not in name), "(no value)"))


def _subjects(found: Sequence[Finding], context: ChangeContext) -> str:
    return listed([_subject(finding, context) for finding in found])


def _added(found: Sequence[Finding], context: ChangeContext) -> str:
    was = found[0].was
    told = f"assigned (was {was})" if was and was != ABSENT else "added"
    return f"{_where(found, context)}{_subjects(found, context)} {told}"


def _removed(found: Sequence[Finding], context: ChangeContext) -> str:
    item = context.changes[found[0].change].after
    now = str(item.status) if item else covering(context, context.new, context.changes[found[0].change].item)
    before = context.changes[found[0].change].before or context.changes[found[0].change].item
    called = " ".join(part for part in (*found[0].values, short(identity.title(before))) if part)
    return f"{_where(found, context)}{called or _first_words(before)} removed" + (
        f"; {now} now" if now != ABSENT else ""
    )


def _deprecated(found: Sequence[Finding], context: ChangeContext) -> str:
    change = context.changes[found[0].change]
    if change.after is None or not identity.is_assigned(change.after):
        before = change.before or change.item
        called = " ".join(part for part in (*found[0].values, short(identity.title(before))) if part)
        return f"{_where(found, context)}{called} is reserved now"
    return f"{_where(found, context)}{_subjects(found, context)} {_are(found)} {change.after.status} now"


def _are(found: Sequence[Finding]) -> str:
    return "is" if len(found) == 1 else "are"


def _reinstated(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_where(found, context)}{_subjects(found, context)} {_are(found)} in use again (was {found[0].was})"


def _reserved(found: Sequence[Finding], context: ChangeContext) -> str:
    item = context.changes[found[0].change].item
    values = listed([" ".join(finding.values) or _first_words(item) for finding in found], _MOST_VALUES)
    return f"{_where(found, context)}{values} {_are(found)} {item.status} now (was {found[0].was})"


def _moved(found: Sequence[Finding], context: ChangeContext) -> str:
    before = context.changes[found[0].change].before
    old = identity.path(before) if before else ""
    return f"{_subjects(found, context)} moved from {_title(old, context)} to {_title(found[0].registry, context)}"


def _fields(found: Sequence[Finding], context: ChangeContext, by_document: Mapping[str, Mapping[str, str]]) -> str:
    """How the fields of an entry differ; dates ride along unless they are all there is."""
    words = by_document.get(context.new.document, FIELD_WORDS)
    changed = [each for each in context.changes[found[0].change].fields if not each.name.startswith(MARKUP)]
    markup = [each for each in context.changes[found[0].change].fields if each.name.startswith(MARKUP)]
    # What happened to the whole registry's columns is an event of its own.
    aside = {"registered", "modified"} | columns_of(context, found[0].registry).touched()
    news = [each for each in changed if each.name not in aside] or changed or markup
    told = [
        difference(words.get(each.name.removeprefix(MARKUP), each.name.removeprefix(MARKUP)), each.before, each.after)
        if not each.name.startswith(MARKUP)
        else f"{each.name.removeprefix(MARKUP)} changed"
        for each in news
    ]
    return ", ".join(told[:_MOST_FIELDS]) + (
        f" and {len(told) - _MOST_FIELDS} more" if len(told) > _MOST_FIELDS else ""
    )


def _modified(words: Mapping[str, Mapping[str, str]]) -> Sentence:
    def sentence(found: Sequence[Finding], context: ChangeContext) -> str:
        if "twin-removed" in found[0].also:
            return f"{_where(found, context)}{_subjects(found, context)}: stood twice, and one row went"
        if "range-redrawn" in found[0].also:
            blocks = listed([value for finding in found for value in finding.values])
            return f"{_where(found, context)}{short(found[0].service)}: blocks put together or cut: {blocks}"
        return f"{_where(found, context)}{_subjects(found, context)}: {_fields(found, context, words)}"

    return sentence


def _registry(verb: str) -> Sentence:
    def sentence(found: Sequence[Finding], context: ChangeContext) -> str:
        entries = sum(1 for finding in found if context.changes[finding.change].section is Section.ENTRY)
        held = f" with {entries} {'entry' if entries == 1 else 'entries'}" if entries else ""
        return f"registry {verb}: {_title(found[0].registry, context)}{held}"

    return sentence


def _renamed(found: Sequence[Finding], context: ChangeContext) -> str:
    pairs = [context.changes[finding.change] for finding in found]
    old = next((identity.path(each.before) for each in pairs if each.before and identity.path(each.before)), "")
    return f"registry {_title(found[0].registry, context)}: id {old} → {found[0].registry}"


def _registry_moved(found: Sequence[Finding], context: ChangeContext) -> str:
    for finding in found:
        for each in context.changes[finding.change].fields:
            if each.name == "moved_to":
                return f"this registry group is published as {each.after} now"
    return _renamed(found, context)


def _header_changed(found: Sequence[Finding], context: ChangeContext) -> str:
    changed = context.changes[found[0].change].fields
    told = {
        each.name.removeprefix(MARKUP): each for each in reversed(changed) if each.name not in ("updated", "created")
    }
    parts = [_part(FIELD_WORDS.get(name, name), each) for name, each in sorted(told.items())]
    return f"{_where(found, context) or 'the registry: '}{', '.join(parts)}"


def _part(word: str, each: FieldChange) -> str:
    """What became of one part of a registry's own text; of several ranges or notes, which came and which went."""
    if each.name.startswith(MARKUP):
        return f"{word} changed"
    before, after = ([line for line in text.split("\n\n") if line] for text in (each.before, each.after))
    if len(before) < 2 and len(after) < 2:
        return difference(word, each.before, each.after)
    told = [f"without “{short(line)}”" for line in before if line not in after]
    told += [f"with “{short(line)}”" for line in after if line not in before]
    return f"{word} {', '.join(told) or 'in another order'}"


def _schema(found: Sequence[Finding], context: ChangeContext) -> str:
    if context.changes[found[0].change].section is Section.REGISTRY:
        return columns_changed(found, context)
    columns = columns_of(context, found[0].registry)
    told = [f"column {old} is {new} now" for old, new in columns.renamed.items()]
    told += [f"column {name} is new" for name in sorted(columns.gained)]
    told += [f"column {name} went" for name in sorted(columns.lost)]
    entries = f"{len(found)} {'entry' if len(found) == 1 else 'entries'}"
    return f"{_where(found, context)}{', '.join(told) or 'the columns changed'} ({entries})"


def _events(words: Mapping[str, Mapping[str, str]]) -> dict[str, EventType]:
    modified = _modified(words)
    table: tuple[tuple[str, Severity, Sentence], ...] = (
        ("entry-added", Severity.NOTICE, _added),
        ("entry-removed", Severity.WARNING, _removed),
        ("entry-deprecated", Severity.WARNING, _deprecated),
        ("entry-reinstated", Severity.INFO, _reinstated),
        ("entry-reserved", Severity.INFO, _reserved),
        ("entry-moved", Severity.NOTICE, _moved),
        ("entry-modified", Severity.INFO, modified),
        # What an entry-modified is besides: never the id of an event of its own.
        ("entry-renumbered", Severity.NOTICE, modified),
        ("entry-renamed", Severity.INFO, modified),
        ("range-redrawn", Severity.INFO, modified),
        ("twin-removed", Severity.INFO, modified),
        ("reference-published", Severity.INFO, modified),
        ("reference-changed", Severity.INFO, modified),
        ("dates-changed", Severity.INFO, modified),
        ("registry-added", Severity.NOTICE, _registry("added")),
        ("registry-removed", Severity.WARNING, _registry("removed")),
        ("registry-renamed", Severity.NOTICE, _renamed),
        ("registry-moved", Severity.NOTICE, _registry_moved),
        ("registration-procedure-changed", Severity.NOTICE, _header_changed),
        ("registry-note-changed", Severity.INFO, _header_changed),
        ("schema-changed", Severity.NOTICE, _schema),
        ("contact-updated", Severity.INFO, contact_updated),
    )
    return {event: EventType(severity=severity, sentence=sentence) for event, severity, sentence in table}


def _watched(watches: Sequence[ColumnWatch]) -> EventType:
    def sentence(found: Sequence[Finding], context: ChangeContext) -> str:
        change = context.changes[found[0].change]
        said = dict.fromkeys(told(watch, change) for watch in watches if watch.sees(change))
        return f"{_where(found, context)}{_subjects(found, context)}: {', '.join(said)}"

    return EventType(severity=watches[0].severity, sentence=sentence)
