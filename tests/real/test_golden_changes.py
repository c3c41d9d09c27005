"""The golden table of real changes, held against the raw files first and then against what the product says."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache

import lxml.etree
import pytest

from tests import real_data
from tests.real.golden_changes import CHANGES, Golden
from watcher.contents import read
from watcher.judge import explain
from watcher.model import Change, ChangeSet, Event, Item
from watcher.registries.table import REGISTRIES

NAMESPACE = "{http://www.iana.org/assignments}"
# What happens to a registry as a whole names every entry in it, and is no entry's own event.
OF_A_REGISTRY = frozenset(
    {"registry-added", "registry-removed", "registry-renamed", "registry-moved", "schema-changed"}
)


def _title(row: Golden) -> str:
    registry, what = row.registry.rpartition("/")[2] or "(root)", row.what[0] if row.what else "-"
    return f"{row.group} {row.new} {registry} {what} {row.event or 'nothing'}"


# Rows that the product does not give yet, by cause; the row is right. One that comes true must be taken off the list.
AWAITED = {
    "a table that gained or split columns together with other changes is not seen as one change of schema": (
        "_6lowpan-parameters 2016-11-06 _6lowpan-parameters-1 - schema-changed",
        "flow-spec 2020-12-29 flow-spec-2 - schema-changed",
        "flow-spec 2020-12-29 flow-spec-2 13 entry-added",
    ),
    "a registry whose records changed in the same month is not recognised under its new id": (
        "_6tisch 2021-06-02 _6tisch-cojp-unsupported-configuration-codes - registry-renamed",
        "isis-tlv-codepoints 2017-06-08 isis-tlv-codepoints-22-23-25-141-222-223 - registry-renamed",
        "bmp-parameters 2021-08-25 initiation-peer-up-tlvs 3 entry-modified",
        "isis-tlv-codepoints 2021-12-01 isis-tlv-codepoints-advertising-neighbor-information 43 entry-modified",
    ),
    "another way to write the same value is not the same value": (
        "bgp-extended-communities 2016-09-07 trans-two-octet-as 0x10 nothing",
        "rpki 2019-05-05 bgpsec-algorithm-suite 0x01 entry-modified",
        "rpl 2020-12-29 control-message-options 0x0A nothing",
    ),
    "a note in brackets is part of the identity": (
        "jwt 2019-08-07 claims act entry-modified",
        "jwt 2019-08-07 claims may_act entry-modified",
        "well-known-uris 2018-07-02 well-known-uris-1 mud (deprecated) entry-deprecated",
        (
            "xml-registry 2021-08-25 ns yang:ietf-syslog (TEMPORARY - registered 2021-07-11, exprires 2022-07-11)"
            " entry-modified"
        ),
    ),
    "a word for a hole, or for its opposite, is not known": (
        "bootp-dhcp-parameters 2020-12-29 options 108 entry-added",
        "http-status-codes 2021-10-06 http-status-codes-1 418 entry-reserved",
        "pwe3-parameters 2017-08-03 icc-rg 0x001A-0x002F nothing",
        "registrar-ids 2016-02-03 registrar-ids-1 1386 entry-deprecated",
    ),
    "what was for private use and is reserved now is taken for a hole redrawn": (
        "capability-codes 2020-12-29 capability-codes-2 255 entry-reserved",
    ),
    "a row that goes and comes back with other cells is not paired": (
        "message-headers 2018-01-04 perm-headers Cancel-Lock entry-moved",
        "dscp-registry 2017-06-08 dscp-registry-2 EF entry-modified",
        "iana-ipv4-special-registry 2021-03-03 iana-ipv4-special-registry-1 0.0.0.0/32 entry-added",
    ),
    "the sentence does not name what people know it by": (
        "dns-parameters 2019-12-08 dns-parameters-4 DLV entry-deprecated",
        "dns-parameters 2019-01-02 dns-parameters-4 ZONEMD entry-added",
        "ssh-parameters 2017-04-02 ssh-parameters-8 42 entry-added",
        "ssh-parameters 2017-08-03 ssh-parameters-3 - registration-procedure-changed",
    ),
    "the columns that identify the rows are not the same in the two months": (
        "pcep 2017-07-04 pcep-objects 32 entry-modified",
        "pcep 2019-04-07 pcep-error-object 10 entry-modified",
        "rpki 2017-10-01 rpki-rtr-pdu 1 entry-modified",
        "yang-parameters 2018-04-07 yang-parameters-1 ietf-interfaces entry-modified",
    ),
    "prose is part of the identity": ("email-auth 2019-08-07 email-auth-methods arc entry-modified",),
    "the second row of an entry that goes is taken for the entry": (
        "dns-parameters 2019-02-07 dns-underscore-global-scoped-entries SRV nothing",
        "icalendar 2016-10-06 properties CATEGORIES entry-modified",
    ),
    "a word is taken for the entry's status that says something else": (
        "message-headers 2016-12-04 perm-headers Authentication-Control entry-added",
        "rdap-json-values 2021-02-03 rdap-json-values-1 reserved entry-added",
    ),
    "a date of update alone is an event": (
        "xml-registry 2021-08-25 ns vts-lang nothing",
        "trip-parameters 2016-03-03 trip-parameters-5 1924 nothing",
        "registrar-ids 2016-04-01 registrar-ids-1 1079 nothing",
    ),
}


def _judged(row: Golden) -> object:
    causes = [cause for cause, titles in AWAITED.items() if _title(row) in titles]
    marks = [pytest.mark.xfail(reason=cause, raises=AssertionError, strict=True) for cause in causes]
    return pytest.param(row, id=_title(row), marks=marks)


def _text(cell: lxml.etree._Element) -> str:
    return " ".join("".join(cell.itertext()).split())


def _printed(document: bytes, path: str) -> list[set[str]]:
    """The cells of every record in a registry, and the ids of the people, without any of the product's reading."""
    place = lxml.etree.fromstring(document)
    for step in filter(None, path.split("/")):
        found = [nested for nested in place.findall(f"{NAMESPACE}registry") if nested.get("id") == step]
        if not found:
            return []
        place = found[0]
    records = [{_text(cell) for cell in record} for record in place.findall(f"{NAMESPACE}record")]
    people = [] if path else [{str(person.get("id"))} for person in place.iter(f"{NAMESPACE}person")]
    return records + people


def test_the_table_is_large_and_spread() -> None:
    events = Counter(row.event for row in CHANGES)
    assert len(CHANGES) >= 60
    assert len({row.group for row in CHANGES}) >= 25
    assert len(set(map(_title, CHANGES))) == len(CHANGES)
    assert events[""] >= 8
    assert {title for titles in AWAITED.values() for title in titles} <= set(map(_title, CHANGES))


@pytest.mark.parametrize("row", CHANGES, ids=_title)
def test_the_raw_files_hold_what_the_table_says(row: Golden) -> None:
    old, new = (real_data.iana_document(row.group, tag) for tag in (row.old, row.new))
    assert old != new
    if row.what:
        assert any(set(row.what) <= cells for cells in _printed(old, row.registry) + _printed(new, row.registry))
    if row.event in ("entry-added", "registry-added", "registry-renamed", "registry-moved"):
        found, lost = _printed(new, row.registry), _printed(old, row.registry)
        assert not any(set(row.what) <= cells for cells in lost)
        assert row.what == () or any(set(row.what) <= cells for cells in found)


@lru_cache(maxsize=4)
def _explained(group: str, old: str, new: str) -> tuple[ChangeSet, tuple[Event, ...]]:
    registry = REGISTRIES["iana"]
    return explain(registry, *(read(real_data.iana_document(group, tag), registry) for tag in (old, new)))


def _is(item: Item | None, row: Golden) -> bool:
    return item is not None and item.key.part("registry") == row.registry and set(row.what) <= set(item.fields.values())


def _about(event: Event, changes: tuple[Change, ...], row: Golden) -> bool:
    """Whether the event is about the row's entry itself, and does not only explain what came of it."""
    if not row.what:
        return event.registry == row.registry
    own = (changes[index] for index in event.changes)
    return any(not change.quiet and (_is(change.before, row) or _is(change.after, row)) for change in own)


@pytest.mark.parametrize("row", [_judged(row) for row in CHANGES])
def test_every_golden_change_gives_its_event(row: Golden) -> None:
    changes, events = _explained(row.group, row.old, row.new)
    found = [event for event in events if _about(event, changes.changes, row)]
    said = [(event.id, event.also, event.summary) for event in found]
    if not row.event and not row.what:
        assert [(event.id, event.summary) for event in events] == []
    elif not row.event:
        assert [saying for saying in said if saying[0] not in OF_A_REGISTRY] == [], row.why
    else:
        fitting = [event for event in found if event.id == row.event]
        assert fitting, (row.why, said)
        assert any(row.text in event.summary and (not row.also or row.also in event.also) for event in fitting), said
