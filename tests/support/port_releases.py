"""Small releases of the port registry in IANA's vocabulary."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from watcher.core.model import ChangeSet, Content, Event
from watcher.diff.classify import explain
from watcher.diff.content import read_content
from watcher.diff.incremental import IncrementalReader
from watcher.registries.catalog import REGISTRIES

PORTS = REGISTRIES["ports"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One record. `contact`, `assignee` and `references` are ids, several separated by spaces."""

    name: str = ""
    port: str = ""
    protocol: str = ""
    description: str = ""
    contact: str = ""
    assignee: str = ""
    references: str = ""
    unauthorized: str = ""
    notes: str = ""
    service_code: str = ""
    date: str = ""
    updated: str = ""
    more: str = ""

    def xml(self) -> str:
        attributes = "".join(
            f" {name}={quoteattr(value)}" for name, value in (("date", self.date), ("updated", self.updated)) if value
        )
        cells = "".join(
            f"\n    <{name}>{escape(value)}</{name}>"
            for name, value in (
                ("name", self.name),
                ("protocol", self.protocol),
                ("description", self.description),
                ("number", self.port),
                ("sc", self.service_code),
                ("unauthorized", self.unauthorized),
                ("note", self.notes),
            )
            if value
        )
        people = "".join(f'\n    <xref type="person" data="{name}"/>' for name in self.contact.split())
        if self.assignee:
            inner = "".join(f'<xref type="person" data="{name}"/>' for name in self.assignee.split())
            people += f"\n    <assignee>\n      {inner}\n    </assignee>"
        references = "".join(f'\n    <xref type="{_kind(name)}" data="{name}"/>' for name in self.references.split())
        return f"  <record{attributes}>{cells}{people}{references}{self.more}\n  </record>\n"


def _kind(name: str) -> str:
    return "rfc" if name.startswith("rfc") else "draft" if "-" in name else "uri"


def person(identifier: str, name: str = "", org: str = "", uri: str = "", updated: str = "") -> str:
    """One contact."""
    cells = "".join(
        f"<{tag}>{escape(value)}</{tag}>"
        for tag, value in (("name", name), ("org", org), ("uri", uri), ("updated", updated))
        if value
    )
    return f'    <person id="{identifier}">{cells}</person>\n'


def release(
    rows: Iterable[Row],
    updated: str = "2020-01-01",
    people: Sequence[str] = (),
    note: str = "A note.",
    title: str = "Service Name and Transport Protocol Port Number Registry",
) -> bytes:
    """A whole release of the port registry."""
    records = "".join(row.xml() for row in rows)
    return (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        '<?xml-stylesheet type="text/xsl" href="service-names-port-numbers.xsl"?>\n'
        '<registry xmlns="http://www.iana.org/assignments" id="service-names-port-numbers">\n'
        f"  <title>{escape(title)}</title>\n  <updated>{updated}</updated>\n"
        f'  <xref type="rfc" data="rfc6335"/>\n  <note>{escape(note)}</note>\n'
        f"{records}  <people>\n{''.join(people)}  </people>\n</registry>\n"
    ).encode()


def content(rows: Iterable[Row], **header: object) -> Content:
    return read_content(release(rows, **header), PORTS)  # type: ignore[arg-type]


def explained(
    old: Iterable[Row],
    new: Iterable[Row],
    old_people: Sequence[str] = (),
    new_people: Sequence[str] = (),
) -> tuple[ChangeSet, tuple[Event, ...]]:
    """Return the events of the difference of two small releases."""
    incremental = IncrementalReader(PORTS)
    return explain(
        PORTS,
        incremental.read(release(old, people=old_people)),
        incremental.read(release(new, "2020-01-02", people=new_people)),
    )


def tcp(name: str, port: str, **more: str) -> Row:
    """An ordinary assignment."""
    return Row(name=name, port=port, protocol="tcp", **{"description": f"The {name} service", **more})  # type: ignore[arg-type]


def udp(name: str, port: str, **more: str) -> Row:
    return Row(name=name, port=port, protocol="udp", **{"description": f"The {name} service", **more})  # type: ignore[arg-type]


def unassigned(port: str, protocol: str = "") -> Row:
    return Row(port=port, protocol=protocol, description="Unassigned")


def reserved(port: str, protocol: str = "", notes: str = "") -> Row:
    return Row(port=port, protocol=protocol, description="Reserved", notes=notes)
