"""The port registry's table of events: how much each matters, and the sentence that says it.

`warning`: something that people rely on stops being true. `notice`: a new assignment. `info`: the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from watcher.core.model import Change, Item, Severity
from watcher.registries.base import EventType, Finding, Registry
from watcher.registries.context import ChangeContext
from watcher.registries.ports import identity
from watcher.registries.ports.rules import classify, explained_by, new_coverage, old_coverage
from watcher.registries.shared.sentences import (
    FIELD_WORDS,
    columns_changed,
    contact_updated,
    difference,
    header_changed,
    short,
)

_PROTOCOLS = ("tcp", "udp", "sctp", "dccp")

Sentence = Callable[[Sequence[Finding], ChangeContext], str]


def _place(found: Sequence[Finding], port: str | None = None) -> str:
    """ "7234/tcp", "47/tcp,udp"; without a port the protocols alone."""
    port = (found[0].ports[-1] if found[0].ports else "") if port is None else port
    named = {protocol for finding in found for protocol in finding.protocols}
    protocols = ",".join(sorted(named, key=lambda name: (_PROTOCOLS.index(name) if name in _PROTOCOLS else 9, name)))
    return "/".join(part for part in (port, protocols) if part)


def _subject(found: Sequence[Finding], context: ChangeContext) -> str:
    """What an event speaks of: "ssh 22/tcp", or a row's own words where it has no service."""
    name = found[0].service or _change(found, context).item.fields["description"]
    return " ".join(part for part in (name, _place(found)) if part)


def _change(found: Sequence[Finding], context: ChangeContext) -> Change:
    return context.changes[found[0].change]


def _before(found: Sequence[Finding], context: ChangeContext) -> Item:
    change = _change(found, context)
    return change.before or change.item


def _now(found: Sequence[Finding], context: ChangeContext, port: str) -> str:
    coverage = new_coverage(context)
    said = {coverage.says(port, protocol) for finding in found for protocol in finding.protocols or ("",)}
    return " and ".join(sorted(said))


def _assigned(found: Sequence[Finding], context: ChangeContext) -> str:
    old = old_coverage(context)
    beside = dict.fromkeys(
        name for finding in found for name in old.services(finding.ports[-1], "".join(finding.protocols))
    )
    was = " and ".join(dict.fromkeys(finding.was or "" for finding in found))
    said = f"assigned to {', '.join(beside)} already" if beside else f"was {was}"
    return f"{_place(found)} assigned to {_service(found, context)} ({said})"


def _service(found: Sequence[Finding], context: ChangeContext) -> str:
    return found[0].service or f'"{_change(found, context).item.fields["description"]}"'


def _reserved(found: Sequence[Finding], context: ChangeContext) -> str:  # noqa: ARG001 - one signature for all
    return f"{_place(found)} reserved (was {found[0].was})"


def _registered(found: Sequence[Finding], context: ChangeContext) -> str:
    protocols = _place(found, "")
    description = short(_change(found, context).item.fields["description"].replace("\n", " "))
    return (
        f"service name {found[0].service} registered" + (f" for {protocols}" if protocols else "") + f": {description}"
    )


def _withdrawn(found: Sequence[Finding], context: ChangeContext) -> str:  # noqa: ARG001
    return f"service name {found[0].service} withdrawn ({_place(found) or 'no protocol'})"


def _deassigned(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_place(found)} de-assigned from {_service(found, context)}; reserved now"


def _released(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_place(found)} released by {_service(found, context)}; {_now(found, context, found[0].ports[-1])} now"


def _moved(found: Sequence[Finding], context: ChangeContext) -> str:
    left, taken = _before(found, context).key.part("port"), found[0].ports[-1]
    now = _now(found, context, left.partition("-")[0])
    return f"{found[0].service} moved from {_place(found, left)} to {_place(found, taken)}; {left} is {now} now"


def _renamed(found: Sequence[Finding], context: ChangeContext) -> str:
    where = _place(found)
    return f"{_before(found, context).key.part('name')} renamed {found[0].service}" + (f" ({where})" if where else "")


def _reassigned(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_place(found)} reassigned from {_before(found, context).key.part('name')} to {found[0].service}"


def _retired(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_subject(found, context)} is {_change(found, context).item.status} now"


def _reinstated(found: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_subject(found, context)} is in use again (was {_before(found, context).status})"


def _field(name: str) -> Sentence:
    """A sentence for one changed field: its old and new text where they are short."""

    def sentence(found: Sequence[Finding], context: ChangeContext) -> str:
        change = _change(found, context)
        before, after = (item.fields[name] if item else "" for item in (change.before, change.after))
        return f"{_subject(found, context)}: {difference(FIELD_WORDS.get(name, name), before, after)}"

    return sentence


def _dates(found: Sequence[Finding], context: ChangeContext) -> str:
    fields = [field for field in _change(found, context).fields if field.name in ("registered", "modified")]
    return f"{_subject(found, context)}: " + ", ".join(
        difference(FIELD_WORDS[field.name], field.before, field.after) for field in fields
    )


def _modified(found: Sequence[Finding], context: ChangeContext) -> str:
    names = (FIELD_WORDS.get(field.name, field.name) for field in _change(found, context).fields)
    return f"{_subject(found, context)}: {', '.join(names)} changed"


def _event(severity: Severity, sentence: Sentence) -> EventType:
    return EventType(severity=severity, sentence=sentence)


EVENTS: Mapping[str, EventType] = {
    "port-assigned": _event(Severity.NOTICE, _assigned),  # a system port: warning
    "port-reserved": _event(Severity.INFO, _reserved),
    "service-name-registered": _event(Severity.NOTICE, _registered),
    "port-deassigned": _event(Severity.WARNING, _deassigned),
    "port-released": _event(Severity.WARNING, _released),
    "service-moved": _event(Severity.WARNING, _moved),
    "service-name-withdrawn": _event(Severity.WARNING, _withdrawn),
    "service-renamed": _event(Severity.WARNING, _renamed),
    "port-reassigned": _event(Severity.WARNING, _reassigned),
    "marked-historic": _event(Severity.WARNING, _retired),
    "reinstated": _event(Severity.INFO, _reinstated),
    "unauthorized-use-reported": _event(Severity.WARNING, _field("unauthorized_use")),  # not assigned: info
    "unauthorized-use-cleared": _event(Severity.INFO, _field("unauthorized_use")),
    "assignee-changed": _event(Severity.INFO, _field("assignee")),
    "contact-changed": _event(Severity.INFO, _field("contact")),
    "contact-updated": _event(Severity.INFO, contact_updated),
    "reference-published": _event(Severity.INFO, _field("references")),
    "reference-changed": _event(Severity.INFO, _field("references")),
    "description-changed": _event(Severity.INFO, _field("description")),
    "service-code-changed": _event(Severity.INFO, _field("service_code")),
    "notes-changed": _event(Severity.INFO, _field("notes")),
    "dates-changed": _event(Severity.INFO, _dates),
    "entry-modified": _event(Severity.INFO, _modified),
    "registry-note-changed": _event(Severity.INFO, header_changed),
    "schema-changed": _event(Severity.NOTICE, columns_changed),
}

REGISTRY = Registry(
    id="ports",
    document_id="service-names-port-numbers",
    columns=identity.COLUMNS,
    may_be_empty=False,
    identify=identity.identify,
    duplicate_order="registered",
    status=identity.status,
    names=identity.names,
    interval=identity.interval,
    pairing_rules=identity.pairing_rules,
    is_bookkeeping=identity.is_bookkeeping,
    classify=classify,
    explained_by=explained_by,
    events=EVENTS,
)
