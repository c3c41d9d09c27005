"""The identity of port entries: key, status, pairing. The facts come from 335 releases of 2017 to 2023."""

from __future__ import annotations

from collections.abc import Sequence

from watcher.core.intervals import Interval
from watcher.core.model import MARKUP, Change, Content, Fields, Item, Section, Status
from watcher.core.port_ranges import find_ports
from watcher.formats.base import FieldMap
from watcher.registries.base import PairingRule, Signature
from watcher.registries.context import ChangeContext
from watcher.registries.shared import contacts
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.status_words import read_nameless, read_retired

LABELS = ("name", "port", "protocol")
FIELDS = (
    "name",
    "port",
    "protocol",
    "description",
    "assignee",
    "contact",
    "registered",
    "modified",
    "references",
    "service_code",
    "unauthorized_use",
    "notes",
)
COLUMNS = FieldMap(
    elements={
        "name": "name",
        "number": "port",
        "protocol": "protocol",
        "description": "description",
        "assignee": "assignee",
        "sc": "service_code",
        "unauthorized": "unauthorized_use",
        "note": "notes",
    },
    attributes={"date": "registered", "updated": "modified"},
    titles={
        "Service Name": "name",
        "Port Number": "port",
        "Transport Protocol": "protocol",
        "Description": "description",
        "Assignee": "assignee",
        "Contact": "contact",
        "Registration Date": "registered",
        "Modification Date": "modified",
        "Reference": "references",
        "Service Code": "service_code",
        "Known Unauthorized Uses": "unauthorized_use",  # until 2018-12-20
        "Unauthorized Use Reported": "unauthorized_use",
        "Assignment Notes": "notes",
    },
    shown_for={"assignee": "contact"},
    people="contact",
    always=FIELDS,
    closed=True,
)


def list_names(item: Item) -> tuple[str, ...]:
    """Return the words that an entry is looked up by: its name."""
    return (item.key.part("name"),)


def describe_entry(item: Item) -> tuple[str, str, str]:
    """Return an entry's name, port and protocol."""
    return item.key.part("name"), item.key.part("port"), item.key.part("protocol")


def read_interval(item: Item) -> Interval | None:
    """Return the ports of an entry, both ends included; None for a service name without a port."""
    return find_ports(item.key.part("port"))


def read_status(document: str, fields: Fields) -> Status:  # noqa: ARG001 - the shape of Registry.status
    """Return the status that name, description and notes state: the registry has no column for it."""
    if not fields["name"]:
        return read_nameless(fields["description"])
    for column in ("name", "description", "notes"):
        if (retired := read_retired(column, fields[column])) is not None:
            return retired
    return Status.ASSIGNED


def is_relabelled(change: Change, context: ChangeContext) -> bool:
    """Return whether an entry differs only in the ids of the same people."""
    names = {field.name.removeprefix(MARKUP) for field in change.fields}
    return bool(names) and names <= contacts.relabelled_columns(change, context)


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:
    """Return whether a change is between rows of unassigned and reserved space, or only labels a contact."""
    if change.section is not Section.ENTRY:
        return contacts.is_relabelled(change)
    return is_relabelled(change, context) or not (is_assigned(change.before) or is_assigned(change.after))


def _is_named_service(item: Item) -> bool:
    return bool(item.key.part("name")) and is_assigned(item)


def _by_place(item: Item) -> Signature:
    port = item.key.part("port")
    return (port, item.key.part("protocol")) if port and _is_named_service(item) else None


def _by_service(item: Item) -> Signature:
    name, port, protocol = item.key.part("name"), item.key.part("port"), item.key.part("protocol")
    return (name, protocol) if port and _is_named_service(item) else None


def _by_purpose(item: Item) -> Signature:
    fields = item.fields
    if item.key.part("port") or not (_is_named_service(item) and fields["description"] and fields["registered"]):
        return None
    return fields["protocol"], fields["description"], fields["registered"]


def _by_reserved_place(item: Item) -> Signature:
    return (item.key.part("port"), item.key.part("protocol")) if item.status is Status.RESERVED else None


_PAIRING_RULES = (
    PairingRule(name="the same person under another id", removed=contacts.by_details, added=contacts.by_details),
    PairingRule(name="another name on the same port and protocol", removed=_by_place, added=_by_place),
    PairingRule(name="the same name and protocol on another port", removed=_by_service, added=_by_service),
    PairingRule(name="another name without a port, same purpose and date", removed=_by_purpose, added=_by_purpose),
    # After the moves: a service that moved is not de-assigned, even if its old port is now reserved.
    PairingRule(name="the service is removed and its port reserved", removed=_by_place, added=_by_reserved_place),
)


def pairing_rules(old: Content, new: Content) -> Sequence[PairingRule]:  # noqa: ARG001 - the shape of the contract
    return _PAIRING_RULES
