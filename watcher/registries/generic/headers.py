"""The meaning of a changed header: a registry that is closed, deprecated or moved, its procedure, experts and notes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from watcher.core.model import Change, FieldChange, Key, Kind, Section, Severity
from watcher.core.patterns import regex
from watcher.registries.base import COLUMNS, PATH, Finding
from watcher.registries.context import ChangeContext
from watcher.registries.generic import entry_parts
from watcher.registries.generic.causes import Difference, compare_fields, field_cause
from watcher.registries.generic.structure import move_event, registry_changes
from watcher.registries.shared.sentences import list_people

_PROCEDURE_FIELDS = frozenset({"registration_rule", "range"})
_END_FIELDS = ("title", "note", "registration_rule", "description")  # may state that a registry ended
# The statement of a registry that it is no longer for use, the strongest first.
_ENDS = {
    "registry-moved": regex(
        r"\bmoved to (?:the )?\[|\bmoved to (?:the )?[^.]{0,80}\bregistry at\b|\bhas moved to\b"
        r"|\bnow maintained (?:at|in|by) ",
        re.IGNORECASE,
    ),
    "registry-closed": regex(
        r"\bregistry (?:is |has been |was )?(?:now )?closed\b"
        r"|\bregistries\b[^.]{0,40}\bclosed\b|\b(?:is|are) (?:now )?closed\b"
        r"|\bclosed (?:to|for) new\b|\bno (?:more|further|new) (?:registration|assignment|allocation|entrie|value)s?\b"
        r"|\bno longer (?:accept(?:s|ed|ing)?|open)\b|^closed\b",
        re.IGNORECASE | re.MULTILINE,
    ),
    "registry-deprecated": regex(
        r"\bno longer (?:be )?(?:maintained|updated|used|in use)\b|\((?:obsoleted?|deprecated|historic)\)"
        r"|\b(?:is|are|been|now) (?:now )?(?:obsoleted?|deprecated|historic)\b(?! interest)"
        r"|^(?:obsoleted?|deprecated|historic)\b"
        r"|\bregistry (?:was|has been) (?:obsoleted|deprecated|made historic)\b"
        r"|\blegacy registry\b|\bobsolete registry\b",
        re.IGNORECASE | re.MULTILINE,
    ),
}


END_EVENTS = tuple(_ENDS)


def ended_registries(context: ChangeContext) -> Mapping[str, str]:
    """Return the registries that these changes close, deprecate or move, with the event."""
    return context.compute_once(_ended_registries)


def _ended_registries(context: ChangeContext) -> dict[str, str]:
    headers = [
        change for change in context.changes if change.section is Section.REGISTRY and change.before and change.after
    ]
    ended = {entry_parts.read_path(change.item): events[0] for change in headers if (events := _end_events(change))}
    for change in headers:
        # "All registries listed below have been closed" is said once, at the root.
        path = entry_parts.read_path(change.item)
        parent = next((parent for parent in _parents(path) if parent in ended), None)
        if parent is not None and _is_about_all(context, parent):
            ended.setdefault(path, ended[parent])
    return ended


def _parents(path: str) -> Iterator[str]:
    """Yield the paths of the registries above one, the nearest first; the root is ""."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _is_about_all(context: ChangeContext, path: str) -> bool:
    """Return whether the note of a registry is about the registries below it too."""
    header = context.new.items.get((Section.REGISTRY, Key((PATH,), (path,))))
    return header is not None and bool(
        re.search(r"\b(?:all|these) registries\b", header.fields.get("note", ""), re.IGNORECASE)
    )


def _end_events(change: Change) -> list[str]:
    """Return the events of a header that says now, and did not before, that the registry is no longer for use."""
    assert change.before is not None and change.after is not None  # noqa: S101, PT018 - the caller's condition
    before, after = (
        "\n".join(item.fields.get(name, "") for name in _END_FIELDS) for item in (change.before, change.after)
    )
    if before == after or any(pattern.search(before) for pattern in _ENDS.values()):
        return []
    return [event for event, pattern in _ENDS.items() if pattern.search(after)]


def end_statement(change: Change, event: str) -> str:
    """Return the sentence in which a registry says that it ended."""
    for name in _END_FIELDS:
        text = change.item.fields.get(name, "")
        if match := _ENDS[event].search(text):
            start = max(text.rfind(". ", 0, match.start()) + 1, text.rfind("\n", 0, match.start()) + 1)
            end = min(
                (place for mark in (". ", "\n") if (place := text.find(mark, match.end())) > 0), default=len(text)
            )
            return text[start:end].strip(" .") if name != "title" else ""
    return ""


def classify_header(position: int, change: Change, context: ChangeContext) -> Iterator[Finding]:
    """Yield the finding of a changed header; changed dates alone have none."""
    before, after = change.before, change.after
    path = entry_parts.read_path(change.item)
    if before is None or after is None:
        moved = registry_changes(context).moved.items()
        old, new = next((pair for pair in moved if path in pair), ("", ""))
        event = move_event(old, new) if new else "registry-added" if before is None else "registry-removed"
        yield _finding(event, position, change, new or path, (new or path,))
        return
    difference = compare_fields(change, context)
    events = _events(change, difference, context)
    if entry_parts.read_path(before) != path:
        events.insert(0, move_event(entry_parts.read_path(before), path))
    if not events:
        return
    event = events[0]
    if ended_registries(context).get(path) == event:
        yield _finding(event, position, change, path, (), kind=Kind.DEPRECATED, also=tuple(events[1:]))
    elif event in ("registry-renamed", "registry-moved"):
        yield _finding(event, position, change, path, (path,), also=tuple(events[1:]), severity=Severity.NOTICE)
    else:
        cause = _cause(event, difference)
        yield _finding(event, position, change, path, cause, also=tuple(events[1:]), quiet=event == "editorial")


def _events(change: Change, difference: Difference, context: ChangeContext) -> list[str]:
    """Return the events of a pair of headers, the most important first."""
    names = {field.name for field in difference.texts}
    events = [event] if (event := ended_registries(context).get(entry_parts.read_path(change.item))) else []
    events += _end_events(change)[1:]
    if COLUMNS in names:
        events.append("schema-changed")
    if names & _PROCEDURE_FIELDS:
        events.append("registration-procedure-changed")
    if names - _PROCEDURE_FIELDS - {COLUMNS, "expert"}:
        events.append("registry-note-changed")
    if "expert" in names:
        events += ["expert-changed", "registry-note-changed"]
    if difference.references:
        events += [*difference.reference_events(), "registry-note-changed"]
    if difference.notation and not events:
        events.append("editorial")
    return list(dict.fromkeys(events))


def _cause(event: str, difference: Difference) -> tuple[str, ...]:
    """Return the cause of an event, which is equal for headers that share the event."""
    texts = difference.texts
    if event == "registration-procedure-changed":
        return tuple(sorted(field_cause(field) for field in texts if field.name in _PROCEDURE_FIELDS))
    if event == "expert-changed":
        return tuple(_expert_cause(field) for field in texts if field.name == "expert")
    if event in ("registry-note-changed", "schema-changed"):
        return tuple(sorted(field_cause(field) for field in texts if field.name != "expert"))
    return () if event == "editorial" else difference.reference_cause()


def _expert_cause(field: FieldChange) -> str:
    """Return the experts who were appointed, or else those who left."""
    old, new = ({*list_people(text)} - {"Unassigned"} for text in (field.before, field.after))
    return ", ".join(sorted(new - old) or sorted(old - new))


def _finding(
    event: str,
    position: int,
    change: Change,
    path: str,
    subject: tuple[str, ...],
    *,
    kind: Kind | None = None,
    also: tuple[str, ...] = (),
    severity: Severity | None = None,
    quiet: bool = False,
) -> Finding:
    return Finding(
        event=event,
        change=position,
        subject=subject,
        kind=kind or change.kind,
        also=tuple(other for other in also if other != event),
        registry=path,
        severity=severity,
        quiet=quiet,
    )
