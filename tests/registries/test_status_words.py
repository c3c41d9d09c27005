"""The status that a row of any registry states. The texts are from real registries."""

from __future__ import annotations

from itertools import product

import pytest

from watcher.core.model import Status
from watcher.registries.shared import status_words
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


_PARTS = (
    *(
        "private",
        "Local",
        "vendor-specific",
        "use",
        "USE",
        "site",
        "reserved for",
        "resrved",
        "(reserved)",
        "experiments",
    ),
    *(
        "Un-assigned",
        "not yet",
        "allocated",
        "available for x",
        "to be assigned",
        "unused",
        "registry  closed",
        "closed",
    ),
    *(
        "DEPRECATED",
        "historical",
        "obsoleted",
        "by",
        "is no longer in use",
        "terminated",
        "yes",
        "2020-01",
        "name",
        "\n",
    ),
    *("(TEMPORARY - expires 2020-01-01)", "un\u017fed", "\u212aelvin", "\u0130nformation", "", "-", "7"),
)


@pytest.mark.parametrize("column", ["name", "status", "Deprecated", "obsolete", "notes", "other"])
def test_a_row_without_any_word_of_a_status_is_read_as_it_is_in_full(column: str) -> None:
    for one, other in product(_PARTS, repeat=2):
        for fields in ({"value": "7", column: f"{one} {other}"}, {"value": one, column: other}):
            assert status_words.read_status(fields) == status_words._read_words(fields), fields
