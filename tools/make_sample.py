#!/usr/bin/env python3
"""Write the series of releases that the demo serves: `make_sample.py SEED [FOLDER]` (default: snapshots/sample).

SEED is the port registry's page of 2024-11-19 as plain text, ports 3018 to 3061 with their contacts; it is not part of
the project. The first release says what that text says, in IANA's XML vocabulary. The later ones are simulated, carry
the word in their title, and change invented services of invented people only. Refuses to know the package: the reader
that is tested on these files must not have written them. docs/sample.md says what was decided.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

TITLE = "Service Name and Transport Protocol Port Number Registry"
MARK = "SIMULATED by registry-watcher for demonstration"

# The text prints a contact's name and organisation into one column. These two ids are of organisations, and this
# person's line has both.
ORGANISATIONS = frozenset({"American_Power_Conve", "Safenet_Inc."})
PERSON_OF = {"Michael_Zunke_3": ("Michael Zunke", "Safenet Inc.")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record. `contact` and `assignee` are ids of people; "" stands for an element that is not written."""

    name: str = ""
    number: str
    protocol: str = ""
    assignee: str = ""
    contact: str = ""
    description: str
    unauthorized: str = ""
    note: str = ""
    date: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person or organisation; `uri` as IANA prints it, `&` in the place of `@`."""

    id: str
    name: str = ""
    org: str = ""
    uri: str
    updated: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """One published state."""

    title: str = TITLE
    updated: str
    expert: str
    note: str
    request: str
    rows: tuple[Row, ...]
    people: tuple[Person, ...]


# --- The seed text, read ----------------------------------------------------------------------------------------------

_ROW = re.compile(r"^(?P<name>\S+) (?P<number>\d+) (?P<protocol>tcp|udp) (?P<rest>.*)$")
_REST = re.compile(
    r"^(?P<description>.*?)"
    r"(?: ?\[(?P<assignee>\S+)\] \[(?P<contact>\S+)\])?"
    r"(?: (?P<updated>\d{4}-\d\d-\d\d))?"
    r"(?: (?P<unauthorized>Known Unauthorized Use on port \d+))?"
    r"(?: (?P<note>This entry is an alias to .*))?$",
    re.DOTALL,
)
_PERSON = re.compile(r"^\[(?P<id>\S+)\] (?P<who>.*) (?P<uri>mailto:\S+)(?: (?P<updated>\d{4}(?:-\d\d){1,2}))?$")


def read_seed(text: str) -> Release:
    """Return what the text shows. Raises ValueError where it is not the page this was written for."""
    header, _, body = text.partition("\nService Name Port Number ")
    table, _, people = body.partition("\nContact Information\n")
    experts = _between(header, "\nExpert(s)\n", "\nReference\n")
    note = _between(header, "\nNote\n", "\n\nRequest an Assignment\n")
    return Release(
        updated=_between(header, "\nLast Updated\n", "\nExpert(s)\n"),
        expert=experts,
        note=note,
        request=_between(header, "\nRequest an Assignment\n  [", "]\n"),
        rows=tuple(_read_row(lines) for lines in _rows(table.splitlines()[1:])),
        people=tuple(_read_person(line) for line in people.splitlines() if line.startswith("[")),
    )


def _between(text: str, start: str, end: str) -> str:
    if start not in text or end not in text.partition(start)[2]:
        raise ValueError(f"the seed has no text between {start!r} and {end!r}")
    return text.partition(start)[2].partition(end)[0]


def _rows(lines: Iterable[str]) -> Iterator[list[str]]:
    """Group lines into rows: what does not begin a row belongs to the one above it."""
    row: list[str] = []
    for line in lines:
        if _ROW.match(line):
            if row:
                yield row
            row = [line]
        elif line:
            row.append(line)
    if row:
        yield row


def _read_row(lines: Sequence[str]) -> Row:
    start = _ROW.match(lines[0])
    rest = _REST.match("\n".join([start["rest"], *lines[1:]])) if start else None
    if start is None or rest is None:
        raise ValueError(f"the seed's row cannot be read: {lines}")
    texts = {name: (value or "").strip() for name, value in rest.groupdict().items()}
    if texts["assignee"] == texts["contact"]:
        texts["assignee"] = ""  # IANA's pages repeat the contact where a record has no assignee
    return Row(name=start["name"], number=start["number"], protocol=start["protocol"], **texts)


def _read_person(line: str) -> Person:
    match = _PERSON.match(line)
    if match is None:
        raise ValueError(f"the seed's contact cannot be read: {line}")
    name, org = PERSON_OF.get(match["id"], (match["who"], ""))
    if match["id"] in ORGANISATIONS:
        name, org = "", match["who"]
    return Person(id=match["id"], name=name, org=org, uri=match["uri"], updated=match["updated"] or "")


# --- The vocabulary, written ------------------------------------------------------------------------------------------


def write(release: Release) -> bytes:
    """Write a release in IANA's XML vocabulary."""
    lines = [
        "<?xml version='1.0' encoding='UTF-8'?>",
        '<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">',
        f"  <title>{escape(release.title)}</title>",
        f"  <updated>{release.updated}</updated>",
        '  <xref type="rfc" data="rfc6335"/>',
        f"  <expert>{escape(release.expert)}</expert>",
        f"  <note>\n{_linked(release.note)}\n\n</note>",
        f'  <note title="Request an Assignment">\n  <xref type="uri" data={quoteattr(release.request)}/>\n\n</note>',
        *(line for row in release.rows for line in _record(row)),
        "  <people>",
        *(line for person in release.people for line in _person(person)),
        "  </people>",
        "</registry>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _linked(text: str) -> str:
    return re.sub(r"\[RFC(\d+)\]", r'<xref type="rfc" data="rfc\1"/>', escape(text))


def _record(row: Row) -> Iterator[str]:
    dates = "".join(f' {name}="{value}"' for name, value in (("date", row.date), ("updated", row.updated)) if value)
    yield f"  <record{dates}>"
    yield from _element("name", row.name)
    yield from _element("protocol", row.protocol)
    if row.assignee:
        yield f'    <assignee>\n      <xref type="person" data={quoteattr(row.assignee)}/>\n    </assignee>'
    if row.contact:
        yield f'    <xref type="person" data={quoteattr(row.contact)}/>'
    yield f"    <description>{escape(row.description).replace(chr(10), '<br/><br/>' + chr(10))}</description>"
    yield from _element("number", row.number)
    yield from _element("unauthorized", row.unauthorized)
    yield from _element("note", row.note)
    yield "  </record>"


def _person(person: Person) -> Iterator[str]:
    yield f"    <person id={quoteattr(person.id)}>"
    for name in ("name", "org", "uri", "updated"):
        yield from _element(name, getattr(person, name), indent=6)
    yield "    </person>"


def _element(name: str, text: str, indent: int = 4) -> Iterator[str]:
    if text:
        yield f"{' ' * indent}<{name}>{escape(text)}</{name}>"


# --- What never happened ----------------------------------------------------------------------------------------------

ADA = Person(id="Ada_Example", name="Ada Example", org="Tidepool Example", uri="mailto:ada&example.com")
BRUNO = Person(id="Bruno_Sample", name="Bruno Sample", org="Lamplight Example", uri="mailto:bruno&example.com")
CHIYO = Person(id="Chiyo_Specimen", name="Chiyo Specimen", uri="mailto:chiyo&example.com", updated="2025-01-14")
TIDEPOOL = Person(id="Tidepool_Example", org="Tidepool Example", uri="mailto:ports&example.com", updated="2024-12-03")


def _unassigned(number: str) -> Row:
    return Row(number=number, description="Unassigned")


def _reserved(number: str, protocol: str) -> Row:
    return Row(number=number, protocol=protocol, description="Reserved")


def _each(rows: Iterable[Row], service: str, **fields: str) -> tuple[Row, ...]:
    """Edit every row of a service."""
    return tuple(replace(row, **fields) if row.name == service else row for row in rows)


def extended(old: Release) -> Release:
    """Three invented services and an unassigned range beyond the last real row; the title says SIMULATED from here."""
    tidepool = Row(
        name="tidepool",
        number="3062",
        protocol="tcp",
        assignee=TIDEPOOL.id,
        contact=ADA.id,
        description="Tidepool Exchange",
        date="2024-12-03",
    )
    lamplight = Row(
        name="lamplight",
        number="3063",
        protocol="tcp",
        contact=BRUNO.id,
        description="Lamplight Control",
        date="2024-12-03",
    )
    new = (tidepool, replace(tidepool, protocol="udp"), lamplight, _reserved("3063", "udp"), _unassigned("3064-3079"))
    people = (*old.people, *(replace(person, updated="2024-12-03") for person in (ADA, BRUNO)), TIDEPOOL)
    return replace(old, title=f"{TITLE} ({MARK})", updated="2024-12-03", rows=(*old.rows, *new), people=people)


def assigned(old: Release) -> Release:
    """An assignment into the unassigned range, and a report of unauthorized use."""
    harbor = Row(
        name="harbor-sync",
        number="3070",
        protocol="tcp",
        contact=CHIYO.id,
        description="Harbor Synchronisation",
        date="2025-01-14",
    )
    rows = _each(old.rows, "lamplight", unauthorized="Known Unauthorized Use on port 3063", updated="2025-01-14")
    gap = (_unassigned("3064-3069"), harbor, _reserved("3070", "udp"), _unassigned("3071-3079"))
    return replace(old, updated="2025-01-14", rows=(*rows[:-1], *gap), people=(*old.people, CHIYO))


def renamed(old: Release) -> Release:
    """A rename, an entry that names another contact, and a person whose details change."""
    rows = _each(old.rows, "harbor-sync", name="harbor-link", updated="2025-02-11")
    rows = _each(rows, "tidepool", contact=CHIYO.id, updated="2025-02-11")
    people = tuple(
        replace(
            person,
            org="Lamplight and Daughters Example",
            uri="mailto:bruno&lamplight.example.com",
            updated="2025-02-11",
        )
        if person.id == BRUNO.id
        else person
        for person in old.people
        if person.id != ADA.id  # nothing names her any more, and IANA lists only who is named
    )
    return replace(old, updated="2025-02-11", rows=rows, people=people)


def redated(old: Release) -> Release:
    """Nothing but the date."""
    return replace(old, updated="2025-03-04")


def withdrawn(old: Release) -> Release:
    """A de-assignment, and an entry that turns historic and stays."""
    gone = Row(
        number="3063",
        protocol="tcp",
        description="Reserved",
        note="Historic usage was lamplight. De-Assigned on 2025-04-22",
        updated="2025-04-22",
    )
    note = "This entry is now historic, not usable for use with many common service discovery mechanisms."
    rows = _each(old.rows, "tidepool", note=note, updated="2025-04-22")
    rows = tuple(gone if row.name == "lamplight" else row for row in rows)
    people = tuple(person for person in old.people if person.id != BRUNO.id)
    return replace(old, updated="2025-04-22", rows=rows, people=people)


STEPS: tuple[Callable[[Release], Release], ...] = (extended, assigned, renamed, redated, withdrawn)


def series(seed: str) -> Iterator[Release]:
    """Return the seed's release and every simulated one after it, in order."""
    release = read_seed(seed)
    yield release
    for step in STEPS:
        release = step(release)
        yield release


def main(arguments: Sequence[str]) -> None:
    if len(arguments) not in (1, 2):
        sys.exit("usage: make_sample.py SEED [FOLDER]")
    folder = Path(arguments[1]) if arguments[1:] else Path(__file__).parent.parent / "snapshots" / "sample"
    folder.mkdir(parents=True, exist_ok=True)
    for number, release in enumerate(series(Path(arguments[0]).read_text("utf-8")), start=1):
        (folder / f"{number}-{release.updated}.xml").write_bytes(write(release))


if __name__ == "__main__":
    main(sys.argv[1:])
