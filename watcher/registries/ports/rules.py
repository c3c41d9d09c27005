"""The meaning of each change of the port registry, in the order of the table in docs/semantics.md."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher

from watcher.core.model import MARKUP, RETIRED, Change, Item, Kind, Section, Severity, Status
from watcher.core.port_ranges import find_ports
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext
from watcher.registries.ports import identity
from watcher.registries.ports.coverage import Coverage, new_coverage, old_coverage
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import ABSENT, is_assigned
from watcher.registries.shared.free_space import FreeSpaceChanges, Place
from watcher.registries.shared.references import reference_event

_HIGHEST_SYSTEM_PORT = 1023
_SPACE = ("", "")  # all ports are numbers of one registry
# A new name on a port is a renamed service if one of these is the same, else another service.
_RENAME_EVIDENCE = ("registered", "assignee", "contact", "description")
# The event of each changed field, the most important first.
_FIELD_EVENTS = (
    ("unauthorized_use", "unauthorized-use-reported"),
    ("assignee", "assignee-changed"),
    ("contact", "contact-changed"),
    ("references", "reference-changed"),
    ("description", "description-changed"),
    ("service_code", "service-code-changed"),
    ("notes", "notes-changed"),
)
_LONGEST_WORD = 40
_SPELLING = 0.7  # of the letters: two words are spellings of one
_DATES = frozenset({"registered", "modified"})
_KEY_FIELDS = frozenset(identity.LABELS)


def classify(context: ChangeContext) -> Iterator[Finding]:
    """Yield the meaning of each change; redrawn unassigned space and a new date of the document have none."""
    old, new = old_coverage(context), new_coverage(context)
    replacements = context.compute_once(_find_replacements)
    for position, change in enumerate(context.changes):
        if change.section is Section.CONTACT:
            yield from contacts.classify_update(position, change, context, identity.describe_entry)
        elif change.section is Section.REGISTRY:
            yield from _classify_header(position, change)
        elif identity.is_relabelled(change, context):
            pass
        elif position in replacements:
            yield replacements[position]
        elif is_assigned(change.before) or is_assigned(change.after):
            yield _classify_service(position, change, old, new, context)
        else:
            yield from _classify_free_row(position, change, old, context)


def explained_by(findings: Sequence[Finding], context: ChangeContext) -> Iterable[int]:
    """Return the rows of unassigned and reserved space that the registry redrew for an event."""
    if findings[0].event == "contact-updated":  # its ports are those of the entries that name the contact
        return ()
    intervals = (find_ports(port) for finding in findings for port in finding.ports)
    return context.compute_once(_free_space).explained_by([(_SPACE, interval) for interval in intervals if interval])


def _free_space(context: ChangeContext) -> FreeSpaceChanges:
    return FreeSpaceChanges(context, identity.is_bookkeeping, _locate)


def _locate(item: Item) -> Iterable[Place]:
    interval = identity.read_interval(item)
    return [(_SPACE, interval)] if interval else ()


def _classify_service(position: int, change: Change, old: Coverage, new: Coverage, context: ChangeContext) -> Finding:
    before, after = contacts.translate(change.before, context), change.after
    item = change.item
    service, port, protocol = item.key.values
    if not is_assigned(before):
        if not port:
            return _finding("service-name-registered", position, Kind.ADDED, item)
        severity = Severity.WARNING if _is_system_port(item) else None
        was = old.status_at(port, protocol)
        return _finding("port-assigned", position, Kind.ADDED, item, was=was, severity=severity)
    assert before is not None  # noqa: S101 - is_assigned(None) is False
    if after is None or not is_assigned(after):
        return _classify_removal(position, before, after, new)
    old_name = before.key.part("name")
    if old_name and old_name != service:
        renamed = any(before.fields[name] and before.fields[name] == after.fields[name] for name in _RENAME_EVIDENCE)
        event = "service-renamed" if renamed else "port-reassigned"
        return _finding(event, position, change.kind, after, before, also=_other_events(before, after), was=old_name)
    if before.key.part("port") != port:
        return _finding("service-moved", position, change.kind, after, before, also=_other_events(before, after))
    events = _field_events(before, after)
    is_minor = events[0] == "unauthorized-use-reported" and (after.status in RETIRED or _is_spelling(change))
    severity = Severity.INFO if is_minor else None
    return _finding(events[0], position, change.kind, after, also=events[1:], severity=severity)


def _is_spelling(change: Change) -> bool:
    """Return whether the remark about an unauthorized use says the same in corrected spelling (ceph 3300)."""
    remark = next((field for field in change.fields if field.name == "unauthorized_use"), None)
    if remark is None or not remark.before:
        return False
    words, others = remark.before.casefold().split(), remark.after.casefold().split()
    return len(words) == len(others) and all(map(_are_spellings, words, others))


def _are_spellings(word: str, other: str) -> bool:
    has_digit = any(map(str.isdigit, word + other))  # another number is another fact
    if word == other or has_digit or max(len(word), len(other)) > _LONGEST_WORD:
        return word == other
    return SequenceMatcher(None, word, other).ratio() >= _SPELLING


def _find_replacements(context: ChangeContext) -> Mapping[int, Finding]:
    """Return the findings of services that lost their port or got another protocol, by the position of the change.

    Such a service is a removed row and an added one under the same name: one event, not two.
    """
    removed: dict[str, list[int]] = {}
    added: dict[str, list[int]] = {}
    for position, change in enumerate(context.changes):
        for item, other, positions in ((change.before, change.after, removed), (change.after, change.before, added)):
            if is_assigned(item) and not is_assigned(other) and item is not None and item.key.part("name"):
                positions.setdefault(item.key.part("name"), []).append(position)
    findings: dict[int, Finding] = {}
    for name in removed.keys() & added.keys():
        findings.update(_find_replacement(context, name, removed[name], added[name]))
    return findings


def _was_given_back(row: Item | None) -> bool:
    """Return whether the row that stays on a port is about the port, and not about the removed entry.

    "This entry has been removed on 2017-05-18" (47/tcp ni-ftp) is about the entry, whose name was registered again.
    """
    if row is None:
        return True
    notes = row.fields["notes"]
    return "entry has been removed" not in notes and bool(notes or row.fields["registered"] or row.fields["modified"])


def _find_replacement(
    context: ChangeContext, name: str, removed: Sequence[int], added: Sequence[int]
) -> Mapping[int, Finding]:
    """Return the findings of one service with removed and added rows; none if that is not one event."""
    old = [before for position in removed if (before := context.changes[position].before)]
    new = [after for position in added if (after := context.changes[position].after)]
    remaining = [context.changes[position].after for position in removed]
    old_ports, new_ports = ({item.key.part("port") for item in items} for items in (old, new))
    old_protocols, new_protocols = ({item.key.part("protocol") for item in items} for items in (old, new))
    if "" not in old_ports and new_ports == {""} and all(map(_was_given_back, remaining)):
        event, kind = "service-lost-port", Kind.DEPRECATED
    elif old_ports == new_ports and not old_protocols & new_protocols and len(old) == len(new):
        event, kind = "protocol-changed", Kind.MODIFIED
    else:
        return {}
    subject = (name, *sorted(old_ports))
    ports = tuple(sorted(filter(None, old_ports)))
    protocols = tuple(sorted(filter(None, old_protocols)))
    return {
        position: Finding(
            event=event, change=position, subject=subject, kind=kind, service=name, ports=ports, protocols=protocols
        )
        for position in (*removed, *added)
    }


def _classify_removal(position: int, before: Item, after: Item | None, new: Coverage) -> Finding:
    _, port, protocol = before.key.values
    if not port:
        return _finding("service-name-withdrawn", position, Kind.REMOVED, before)
    status = str(after.status) if after else new.status_at(port, protocol)
    if status == Status.RESERVED:
        return _finding("port-deassigned", position, Kind.DEPRECATED, before)
    if status in (Status.UNASSIGNED, ABSENT):
        return _finding("port-released", position, Kind.REMOVED, before)
    # Another service keeps that port and protocol: only an alias was removed.
    return _finding("service-name-withdrawn", position, Kind.REMOVED, before)


def _classify_free_row(position: int, change: Change, old: Coverage, context: ChangeContext) -> Iterator[Finding]:
    """Report a row without a service that is newly reserved or whose text changed."""
    before, after = change.before, change.after
    if after is None or after.status is not Status.RESERVED:
        return
    if before is not None and before.status is Status.RESERVED:
        events = _other_events(before, after)
        if events and before.key == after.key:
            yield _finding(events[0], position, change.kind, after, also=events[1:], severity=Severity.INFO)
        return
    was = str(before.status) if before else old.status_at(after.key.part("port"), after.key.part("protocol"))
    if was != Status.RESERVED and not context.compute_once(_free_space).is_assigned_at(after):
        yield _finding("port-reserved", position, Kind.ADDED, after, was=was)


def _classify_header(position: int, change: Change) -> Iterator[Finding]:
    changed = {field.name.removeprefix(MARKUP) for field in change.fields} - {"updated"}
    if changed:
        event = "schema-changed" if COLUMNS in changed else "registry-note-changed"
        yield Finding(event=event, change=position, subject=(), kind=change.kind)


def _finding(
    event: str,
    position: int,
    kind: Kind,
    item: Item,
    before: Item | None = None,
    *,
    also: tuple[str, ...] = (),
    was: str | None = None,
    severity: Severity | None = None,
) -> Finding:
    service, port, protocol = item.key.values
    ports = [*((before.key.part("port"),) if before else ()), port]
    return Finding(
        event=event,
        change=position,
        subject=(service, *ports, before.key.part("name") if before else ""),
        kind=kind,
        service=service,
        ports=tuple(dict.fromkeys(filter(None, ports))),
        protocols=(protocol,) if protocol else (),
        also=also,
        was=was,
        severity=severity,
    )


def _field_events(before: Item, after: Item) -> tuple[str, ...]:
    """Return the events of the changed fields of a pair, the most important first; at least one."""
    changed = {
        name.removeprefix(MARKUP)
        for name in before.fields.keys() | after.fields.keys()
        if before.fields.get(name, "") != after.fields.get(name, "")
    } - _KEY_FIELDS
    events = []
    if (after.status in RETIRED) != (before.status in RETIRED):
        events.append("marked-historic" if after.status in RETIRED else "reinstated")
    events += [_refine(event, before, after) for name, event in _FIELD_EVENTS if name in changed]
    # IANA's pages print the contact for a missing assignee. A first assignee was implied before, so the new contact
    # is what changed.
    if "contact-changed" in events and "assignee-changed" in events and not before.fields["assignee"]:
        events.remove("assignee-changed")
        events.insert(events.index("contact-changed") + 1, "assignee-changed")
    if changed - {name for name, _ in _FIELD_EVENTS} - _DATES:
        events.append("entry-modified")
    return tuple(events) or ("dates-changed",)


def _other_events(before: Item, after: Item) -> tuple[str, ...]:
    return tuple(event for event in _field_events(before, after) if event != "dates-changed")


def _refine(event: str, before: Item, after: Item) -> str:
    if event == "unauthorized-use-reported" and not after.fields["unauthorized_use"]:
        return "unauthorized-use-cleared"
    if event == "reference-changed":
        return reference_event(before.fields["references"], after.fields["references"])
    return event


def _is_system_port(item: Item) -> bool:
    interval = identity.read_interval(item)
    return interval is not None and interval[0] <= _HIGHEST_SYSTEM_PORT
