"""Small comparisons for tests of messages: one for each kind of change that people act on."""

from __future__ import annotations

from msgspec.structs import replace

from tests.support.group_releases import group, record, registry
from tests.support.port_releases import Row, person, release, tcp, udp
from watcher.core.model import Comparison
from watcher.reports.file_diff import InputFile, compare_files

ANN = person("Ann_Lee", "Ann Lee", "Example Inc.", "mailto:ann&example.org")
ACME = person("Acme", "", "Acme Ltd", "https://acme.example\n\nmailto:noc&acme.example")
BOB = person("Bob", "Bob Ray", "", "mailto:bob&example.net")
_CLOUD = {"description": "Configuration cloud", "assignee": "Acme", "contact": "Ann_Lee", "references": "rfc6335"}


def compare(old: bytes, new: bytes, rules: str) -> Comparison:
    """Return the comparison of two releases, with the times at which checks saw them."""
    comparison = compare_files(InputFile(name="old.xml", data=old), InputFile(name="new.xml", data=new), registry=rules)
    times = ("2020-01-01T06:00:00Z", "2020-01-02T06:00:00Z")
    before, after = (
        replace(release, observed=time) for release, time in zip((comparison.old, comparison.new), times, strict=True)
    )
    return replace(comparison, old=before, new=after)


def _ports(old: list[Row], new: list[Row], old_people: list[str], new_people: list[str]) -> Comparison:
    note = "A long note about how ports are assigned. " * 200
    return compare(
        release(old, "2020-01-01", people=old_people, note=note),
        release(new, "2020-01-02", people=new_people, note=note),
        "ports",
    )


def port_assigned() -> Comparison:
    base = [tcp("base", "1")]
    both = [make("cfg-cloud", "8015", **_CLOUD) for make in (tcp, udp)]
    return _ports(base, [*base, *both], [], [ANN, ACME])


def service_moved() -> Comparison:
    old, new = (tcp("cfg-cloud", port, date="2019-01-08", **_CLOUD) for port in ("8010", "8015"))
    other = {"description": "Base", "contact": "Ann_Lee"}
    bases = [tcp("base", "1", **other), tcp("base", "1", **{**other, "contact": "Bob"})]
    return _ports([bases[0], old], [bases[1], new], [ANN, ACME, BOB], [ANN, ACME, BOB])


def contact_updated() -> Comparison:
    rows = [tcp("cfg-cloud", "8010", **_CLOUD)]
    moved = person("Ann_Lee", "Ann Lee", "Example Inc.", "mailto:ann.lee&example.com")
    return _ports(rows, rows, [ANN, ACME], [moved, ACME])


_ANN = '<person id="Ann_Lee"><name>Ann Lee</name><uri>mailto:ann&amp;example.org</uri></person>'


def _suites(*records: str, updated: str) -> bytes:
    return group(registry("suites", *records, title="Toy Cipher Suites"), updated=updated, people=_ANN)


def entry_modified() -> Comparison:
    """Return a change of an entry's text and of its references in a registry without rules of its own."""
    text = "A suite that is meant for small devices which cannot do better, and for no others"
    old = record("draft-ietf-toy-03", date="2019-05-01", value="0x13", description=text, rec="Y")
    new = record("rfc9999 Ann_Lee", date="2019-05-01", value="0x13", description=f"{text} at all", rec="N")
    return compare(_suites(old, updated="2020-01-01"), _suites(new, updated="2020-01-02"), "iana")


def schema_changed() -> Comparison:
    """Return a comparison in which every row has a new column."""
    rows = [{"value": str(number), "name": f"toy-{number}"} for number in range(1, 7)]
    old = _suites(*(record("rfc9999", **row) for row in rows), updated="2020-01-01")
    new = _suites(*(record("rfc9999", **row, dtls="Y") for row in rows), updated="2020-01-02")
    return compare(old, new, "iana")


CASES = {
    "port-assigned": port_assigned,
    "service-moved": service_moved,
    "contact-updated": contact_updated,
    "entry-modified": entry_modified,
    "schema-changed": schema_changed,
}
