"""The Service Name and Transport Protocol Port Number Registry: identity, statuses, pairing.

Read off 335 releases of 2017 to 2023. What its changes mean is in `ports_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from watcher.core.intervals import Interval
from watcher.core.model import RETIRED, Change, Content, Fields, Item, Section, Status
from watcher.core.port_ranges import find_ports
from watcher.formats.column_map import FieldMap
from watcher.registries.base import Labels, PairingRule, Rows, Signature
from watcher.registries.context import ChangeContext
from watcher.registries.shared.searching import matches

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

_UNASSIGNED = re.compile(r"\(?unassigned\b", re.IGNORECASE)
# Rows without a service that are kept from being assigned, in all the words the registry has used for it.
_RESERVED = re.compile(r"\b(reserved|deprecated|removed|de-?(registered|assigned)|de-?com+iss?ioned)\b", re.IGNORECASE)
# "Historic usage was toruxserver" and "Historically" say what was; "replaces the obsolete foo" speaks of another;
# "no longer historic" takes it back.
_RETIRED = re.compile(
    r"\b(historic|deprecated|obsoleted?)\b(?!\s+(usage|use|names?|entry|alias(es)?)\b)", re.IGNORECASE
)
_OTHERS = re.compile(
    r"\b(no longer|not|never|formerly|previously|was|were|replac\w+|supersed\w+|obsolet(es|ing)"
    r"|successor (to|of)|instead of|update (to|of)|version of|alternative to)\s+"
    r"((the|an?|any|its|now|been|being|considered|yet)\s+)*$",
    re.IGNORECASE,
)
_NAMED_RETIRED = re.compile(r"(^|[-_ (])(historic|deprecated|obsoleted?)($|[-_ )])", re.IGNORECASE)
_OUT_OF_USE = re.compile(r"\b(is|are) no longer in use\b", re.IGNORECASE)
_WORDS = {"historic": Status.HISTORIC, "deprecated": Status.DEPRECATED}


def identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - the contract's shape
    return LABELS


def names(item: Item) -> tuple[str, ...]:
    return (item.key.part("name"),)


def described(item: Item) -> tuple[str, str, str]:
    """An entry's name, port and protocol."""
    return item.key.part("name"), item.key.part("port"), item.key.part("protocol")


def interval(item: Item) -> Interval | None:
    """The ports an entry stands for, both ends included; None for a service name without a port."""
    return find_ports(item.key.part("port"))


def status(document: str, fields: Fields) -> Status:  # noqa: ARG001 - the contract's shape
    """What the entry is, by its name, description and notes: the registry has no column for it."""
    description = fields["description"]
    if not fields["name"]:
        if _UNASSIGNED.match(description):
            return Status.UNASSIGNED
        return Status.RESERVED if _RESERVED.search(description) else Status.ASSIGNED
    if found := _NAMED_RETIRED.search(fields["name"]):
        return _word(found[2])
    for text in (description, fields["notes"]):
        for found in matches(_RETIRED, text):
            if not _OTHERS.search(text[: found.start()]):
                return _word(found[1])
    return Status.OBSOLETE if _OUT_OF_USE.search(fields["notes"]) else Status.ASSIGNED


def _word(word: str) -> Status:
    return _WORDS.get(word.lower(), Status.OBSOLETE)


def is_service(item: Item | None) -> bool:
    """Whether an entry gives its value to somebody; the other rows only say that nobody has it."""
    return (
        item is not None
        and item.section is Section.ENTRY
        and (item.status is Status.ASSIGNED or item.status in RETIRED)
    )


def is_bookkeeping(change: Change, context: ChangeContext) -> bool:  # noqa: ARG001 - the contract's shape
    """A change between rows of unassigned and reserved space."""
    return change.section is Section.ENTRY and not is_service(change.before) and not is_service(change.after)


def _named(item: Item) -> bool:
    return bool(item.key.part("name")) and is_service(item)


def _same_place(item: Item) -> Signature:
    port = item.key.part("port")
    return (port, item.key.part("protocol")) if port and _named(item) else None


def _same_service(item: Item) -> Signature:
    return item.key.values[0::2] if item.key.part("port") and _named(item) else None


def _same_purpose(item: Item) -> Signature:
    fields = item.fields
    if item.key.part("port") or not (_named(item) and fields["description"] and fields["registered"]):
        return None
    return fields["protocol"], fields["description"], fields["registered"]


def _left_reserved(item: Item) -> Signature:
    return (item.key.part("port"), item.key.part("protocol")) if item.status is Status.RESERVED else None


_STEPS = (
    PairingRule(name="another name on the same port and protocol", removed=_same_place, added=_same_place),
    PairingRule(name="the same name and protocol on another port", removed=_same_service, added=_same_service),
    PairingRule(name="another name without a port, same purpose and date", removed=_same_purpose, added=_same_purpose),
    # After the moves: a service that went elsewhere is not de-assigned, though its old port is reserved now.
    PairingRule(name="the service is gone and its port reserved", removed=_same_place, added=_left_reserved),
)


def pairing_rules(old: Content, new: Content) -> Sequence[PairingRule]:  # noqa: ARG001 - the contract's shape
    """The steps of pairing: the same for all releases."""
    return _STEPS
