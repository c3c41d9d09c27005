"""The status that a row of any registry states. The texts are from real registries."""

from __future__ import annotations

import pytest

from watcher.core.model import Status
from watcher.registries.shared.status_words import read_status


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"value": "7-19", "description": "Unassigned"}, Status.UNASSIGNED),
        ({"value": "7", "description": "(unassigned)"}, Status.UNASSIGNED),
        ({"value": "7", "description": "Available for assignment"}, Status.UNASSIGNED),
        ({"value": "0", "description": "Reserved"}, Status.RESERVED),
        ({"value": "6", "description": "rsa_ephemeral_dh_RESERVED"}, Status.RESERVED),
        ({"value": "224-255", "description": "Reserved for Private Use"}, Status.PRIVATE_USE),
        ({"value": "224-255", "description": "Private Use"}, Status.PRIVATE_USE),
        ({"value": "224-255", "name": "Vendor-specific use"}, Status.PRIVATE_USE),
        ({"value": "252-255", "description": "Experimental Use"}, Status.EXPERIMENTAL),
        ({"value": "252-255", "description": "Reserved for Experimental Use"}, Status.EXPERIMENTAL),
        ({"class": "26", "title": "Association Error", "value": "0", "meaning": "Unassigned"}, Status.UNASSIGNED),
        ({"prefix": "240/8", "designation": "Future use", "status": "RESERVED"}, Status.RESERVED),
        ({"value": "1", "name": "des-cbc-crc (deprecated)"}, Status.DEPRECATED),
        ({"value": "1", "description": "DNSSEC Lookaside Validation (OBSOLETE)"}, Status.OBSOLETE),
        ({"value": "55", "name": "ipv6MIB", "description": "IP Version 6 MIB (Historic)"}, Status.HISTORIC),
        ({"type": "sha1", "status": "historic"}, Status.HISTORIC),
        ({"type": "x", "deprecated": "yes"}, Status.DEPRECATED),
        ({"Type": "region", "Subtag": "BU", "Description": "Burma", "Deprecated": "1989-12-05"}, Status.DEPRECATED),
        ({"value": "x", "notes": "Deprecated by another"}, Status.DEPRECATED),
        ({"value": "x", "notes": "This is no longer deprecated"}, Status.ASSIGNED),
        ({"value": "x", "notes": "Historical"}, Status.HISTORIC),
        ({"value": "x", "notes": "using the obsolete foo"}, Status.ASSIGNED),
        ({"value": "x", "description": "Records of historical interest"}, Status.ASSIGNED),
        ({"value": "0x0b", "description": '"Deprecated reason code"'}, Status.DEPRECATED),
        ({"value": "x", "name": "toy_DEPRECATED"}, Status.DEPRECATED),
        ({"value": "x", "note": "This service name is no longer in use."}, Status.OBSOLETE),
        ({"value": "x", "description": "Replaces the obsolete y"}, Status.ASSIGNED),
        ({"value": "x", "status": "active"}, Status.ASSIGNED),
        ({"value": "4", "description": "Reservation handle"}, Status.ASSIGNED),
        ({"value": "4", "name": "experimental-widget"}, Status.EXPERIMENTAL),
    ],
)
def test_a_row_states_its_status(fields: dict[str, str], status: Status) -> None:
    assert read_status(fields).status is status


def test_the_evidence_is_the_text_that_the_status_was_read_from() -> None:
    assert read_status({"type": "sha1", "status": "historic"}).evidence == "historic"
    assert read_status({"value": "9", "name": "fine"}).evidence == ""
