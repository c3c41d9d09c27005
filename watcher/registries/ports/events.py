"""The port registry's event table: the severity and the sentence of each event.

`warning`: something that people rely on is no longer true. `notice`: a new assignment. `info`: everything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from watcher.core.model import Change, Item, Severity
from watcher.registries.base import EventType, Finding, Registry, Sentence, fixed_key
from watcher.registries.context import ChangeContext
from watcher.registries.ports import identity
from watcher.registries.ports.coverage import new_coverage, old_coverage
from watcher.registries.ports.rules import classify, explained_by
from watcher.registries.shared.sentences import (
    FIELD_WORDS,
    describe_columns,
    describe_contact,
    describe_difference,
    describe_header,
    enumerate_names,
    shorten,
)

_MOST_SERVICES = 10
_PROTOCOL_ORDER = ("tcp", "udp", "sctp", "dccp")


def _place(findings: Sequence[Finding], port: str | None = None) -> str:
    """Return "7234/tcp" or "47/tcp,udp", and the protocols alone for "". The default is the newest port."""
    if port is None:
        port = findings[0].ports[-1] if findings[0].ports else ""
    protocols = {protocol for finding in findings for protocol in finding.protocols}
    ordered = sorted(protocols, key=_protocol_order)
    return "/".join(part for part in (port, ",".join(ordered)) if part)


def _protocol_order(protocol: str) -> tuple[int, str]:
    rank = _PROTOCOL_ORDER.index(protocol) if protocol in _PROTOCOL_ORDER else len(_PROTOCOL_ORDER)
    return rank, protocol


def _subject(findings: Sequence[Finding], context: ChangeContext) -> str:
    """Return "ssh 22/tcp"; a row without a service is named by its description."""
    name = findings[0].service or _change(findings, context).item.fields["description"]
    return " ".join(part for part in (name, _place(findings)) if part)


def _change(findings: Sequence[Finding], context: ChangeContext) -> Change:
    return context.changes[findings[0].change]


def _before(findings: Sequence[Finding], context: ChangeContext) -> Item:
    change = _change(findings, context)
    return change.before or change.item


def _new_status(findings: Sequence[Finding], context: ChangeContext, port: str) -> str:
    coverage = new_coverage(context)
    protocols = [protocol for finding in findings for protocol in finding.protocols or ("",)]
    return " and ".join(sorted({coverage.status_at(port, protocol) for protocol in protocols}))


def _service(findings: Sequence[Finding], context: ChangeContext) -> str:
    description = _change(findings, context).item.fields["description"]
    return findings[0].service or (f'"{description}"' if description else "an entry without a name")


def _assigned(findings: Sequence[Finding], context: ChangeContext) -> str:
    coverage = old_coverage(context)
    other_services = dict.fromkeys(
        name for finding in findings for name in coverage.services_at(finding.ports[-1], "".join(finding.protocols))
    )
    if other_services:
        before = f"already assigned to {enumerate_names([*other_services], _MOST_SERVICES)}"
    else:
        before = "was " + " and ".join(dict.fromkeys(finding.was or "" for finding in findings))
    return f"{_place(findings)} assigned to {_service(findings, context)} ({before})"


def _reserved(findings: Sequence[Finding], context: ChangeContext) -> str:  # noqa: ARG001 - one signature for all
    return f"{_place(findings)} reserved (was {findings[0].was})"


def _registered(findings: Sequence[Finding], context: ChangeContext) -> str:
    protocols = _place(findings, "")
    transport = f" for {protocols}" if protocols else ""
    description = shorten(_change(findings, context).item.fields["description"].replace("\n", " "))
    return f"service name {findings[0].service} registered{transport}" + (f": {description}" if description else "")


def _withdrawn(findings: Sequence[Finding], context: ChangeContext) -> str:  # noqa: ARG001
    return f"service name {findings[0].service} withdrawn ({_place(findings) or 'no protocol'})"


def _deassigned(findings: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_place(findings)} de-assigned from {_service(findings, context)}; is now reserved"


def _released(findings: Sequence[Finding], context: ChangeContext) -> str:
    status = _new_status(findings, context, findings[0].ports[-1])
    return f"{_place(findings)} released by {_service(findings, context)}; is now {status}"


def _moved(findings: Sequence[Finding], context: ChangeContext) -> str:
    old, new = _before(findings, context).key.part("port"), findings[0].ports[-1]
    status = _new_status(findings, context, old)
    return f"{findings[0].service} moved from {_place(findings, old)} to {_place(findings, new)}; {old} is now {status}"


def _lost_port(findings: Sequence[Finding], context: ChangeContext) -> str:
    status = _new_status(findings, context, findings[0].ports[-1])
    return f"{findings[0].service} lost its port {_place(findings)}, which is now {status}; the name stays registered"


def _protocol_changed(findings: Sequence[Finding], context: ChangeContext) -> str:
    name, port = findings[0].service, (findings[0].ports or ("",))[-1]
    changes = [context.changes[finding.change] for finding in findings]
    old, new = (
        ",".join(
            sorted(
                {item.key.part("protocol") for item in items if item and item.key.part("name") == name},
                key=_protocol_order,
            )
        )
        for items in ([change.before for change in changes], [change.after for change in changes])
    )
    return f"{name}: protocol {old} → {new}" + (f" on port {port}" if port else "")


def _renamed(findings: Sequence[Finding], context: ChangeContext) -> str:
    place = _place(findings)
    old_name = _before(findings, context).key.part("name")
    return f"{old_name} renamed to {findings[0].service}" + (f" ({place})" if place else "")


def _reassigned(findings: Sequence[Finding], context: ChangeContext) -> str:
    old_name = _before(findings, context).key.part("name")
    return f"{_place(findings)} reassigned from {old_name} to {findings[0].service}"


def _retired(findings: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_subject(findings, context)} is now {_change(findings, context).item.status}"


def _reinstated(findings: Sequence[Finding], context: ChangeContext) -> str:
    return f"{_subject(findings, context)} is now in use again (was {_before(findings, context).status})"


def _field(name: str) -> Sentence:
    """Return the sentence for one changed field: its old and new text where they are short.

    "https 443/tcp,udp: references [A] → [B]; 443/sctp: references [C] → [D]" if protocols differ.
    """

    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        # Transports of one service can change in different ways: 443/sctp has another reference than 443/tcp.
        alike: dict[str, list[Finding]] = {}
        for finding in sorted(findings, key=lambda finding: _protocol_order("".join(finding.protocols))):
            change = context.changes[finding.change]
            before, after = (item.fields[name] if item else "" for item in (change.before, change.after))
            alike.setdefault(describe_difference(FIELD_WORDS.get(name, name), before, after), []).append(finding)
        first, *others = ((same, difference) for difference, same in alike.items())
        described = [f"{_subject(first[0], context)}: {first[1]}"]
        return "; ".join(described + [f"{_place(same)}: {difference}" for same, difference in others])

    return sentence


def _dates(findings: Sequence[Finding], context: ChangeContext) -> str:
    differences = [
        describe_difference(FIELD_WORDS[field.name], field.before, field.after)
        for field in _change(findings, context).fields
        if field.name in ("registered", "modified")
    ]
    return f"{_subject(findings, context)}: {', '.join(differences)}"


def _modified(findings: Sequence[Finding], context: ChangeContext) -> str:
    names = (FIELD_WORDS.get(field.name, field.name) for field in _change(findings, context).fields)
    return f"{_subject(findings, context)}: {', '.join(names)} changed"


EVENTS: Mapping[str, EventType] = {
    "port-assigned": EventType(Severity.NOTICE, _assigned),  # a system port: warning
    "port-reserved": EventType(Severity.INFO, _reserved),
    "service-name-registered": EventType(Severity.NOTICE, _registered),
    "port-deassigned": EventType(Severity.WARNING, _deassigned),
    "port-released": EventType(Severity.WARNING, _released),
    "service-moved": EventType(Severity.WARNING, _moved),
    "service-lost-port": EventType(Severity.WARNING, _lost_port),
    "protocol-changed": EventType(Severity.NOTICE, _protocol_changed),
    "service-name-withdrawn": EventType(Severity.WARNING, _withdrawn),
    "service-renamed": EventType(Severity.WARNING, _renamed),
    "port-reassigned": EventType(Severity.WARNING, _reassigned),
    "marked-historic": EventType(Severity.WARNING, _retired),
    "reinstated": EventType(Severity.INFO, _reinstated),
    "unauthorized-use-reported": EventType(Severity.WARNING, _field("unauthorized_use")),  # on a retired entry: info
    "unauthorized-use-cleared": EventType(Severity.INFO, _field("unauthorized_use")),
    "assignee-changed": EventType(Severity.INFO, _field("assignee")),
    "contact-changed": EventType(Severity.INFO, _field("contact")),
    "contact-updated": EventType(Severity.INFO, describe_contact),
    "reference-published": EventType(Severity.INFO, _field("references")),
    "reference-approved": EventType(Severity.INFO, _field("references")),
    "erratum-added": EventType(Severity.INFO, _field("references")),
    "reference-changed": EventType(Severity.INFO, _field("references")),
    "description-changed": EventType(Severity.INFO, _field("description")),
    "service-code-changed": EventType(Severity.INFO, _field("service_code")),
    "notes-changed": EventType(Severity.INFO, _field("notes")),
    "dates-changed": EventType(Severity.INFO, _dates),
    "entry-modified": EventType(Severity.INFO, _modified),
    "registry-note-changed": EventType(Severity.INFO, describe_header),
    "schema-changed": EventType(Severity.INFO, describe_columns),
}

REGISTRY = Registry(
    id="ports",
    document_id="service-names-port-numbers",
    columns=identity.COLUMNS,
    may_be_empty=False,
    identify=fixed_key(*identity.LABELS),
    duplicate_order="registered",
    status=identity.read_status,
    names=identity.list_names,
    interval=identity.read_interval,
    pairing_rules=identity.pairing_rules,
    is_bookkeeping=identity.is_bookkeeping,
    classify=classify,
    explained_by=explained_by,
    events=EVENTS,
)
