"""What the port registry says of an entry of a list, and what is wrong with the entry. Pure but for the past."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from watcher.core.intervals import Interval
from watcher.core.model import FREE, RETIRED, Item, Section, Status
from watcher.core.patterns import regex
from watcher.core.suggestions import PROTOCOLS
from watcher.inventory.model import ListEntry
from watcher.inventory.names import fold_name
from watcher.registries.ports.coverage import Coverage
from watcher.registries.shared.assignment import is_assigned
from watcher.registries.shared.sentences import shorten
from watcher.reports.audit.findings import AuditedEntry, AuditFinding, make_finding
from watcher.reports.audit.past import FormerState

_DYNAMIC = 49152  # RFC 6335: the first port that nobody can register
# Linux takes local ports from here on (ip_local_port_range), so that a socket there need not be a service.
_EPHEMERAL = 32768
_MOST_NAMES = 4
_PORT_IN_TEXT = regex(r"\bports?\s+(\d{1,5})\b", re.IGNORECASE)


class PortPast(Protocol):
    """The past of services on a port and of names."""

    def find_by_port(self, ports: Interval, protocol: str, names: Iterable[str]) -> list[FormerState]: ...
    def find_by_name(self, name: str, path: str = "") -> list[FormerState]: ...


class PortAudit:
    """Judges entries by one release of the port registry. Lives as long as one audit."""

    def __init__(self, items: Iterable[Item], past: PortPast) -> None:
        entries = [item for item in items if item.section is Section.ENTRY]
        self._coverage = Coverage.build(entries)
        self._by_name: dict[str, list[Item]] = {}
        for item in entries:
            if (name := item.key.part("name")) and is_assigned(item):
                self._by_name.setdefault(fold_name(name), []).append(item)
        self._past = past

    def judge(self, entry: ListEntry, *, from_sockets: bool = False) -> AuditedEntry:
        """Return what the registry says of an entry; `from_sockets`: its port may be one that the system chose."""
        if entry.protocol and entry.protocol not in PROTOCOLS:
            return AuditedEntry(entry=entry, says=f"{entry.protocol} is no protocol of the registry")
        if entry.ports is None:
            return self._judge_name(entry)
        if entry.ports[0] != entry.ports[1]:
            return AuditedEntry(entry=entry, says=self._describe_range(entry))
        rows = self._rows_at(entry.ports[0], entry.protocol)
        assigned = [row for row in rows if is_assigned(row)]
        own = [row for row in assigned if _is_named(row, entry)]
        says = _describe_rows(own or assigned or rows)
        if not entry.names:
            findings = self._judge_bare(entry, rows, assigned, from_sockets=from_sockets)
        elif own:
            findings = _judge_own(own, entry.ports)
        elif assigned:
            findings = self._judge_foreign(entry, assigned)
        else:
            findings = self._judge_free(entry, rows)
        return AuditedEntry(entry=entry, says=says, findings=tuple(findings))

    def _rows_at(self, port: int, protocol: str) -> list[Item]:
        protocols = [protocol] if protocol else PROTOCOLS
        rows = [row for transport in protocols for row in self._coverage.rows_at(port, transport)]
        return list({row.key: row for row in rows}.values())

    def _registered(self, entry: ListEntry) -> list[Item]:
        """Return the rows with one of the names of an entry, for its protocol if it has one."""
        rows = [row for name in entry.names for row in self._by_name.get(fold_name(name), ())]
        return [row for row in rows if not entry.protocol or row.key.part("protocol") in (entry.protocol, "")] or rows

    def _judge_bare(
        self, entry: ListEntry, rows: Sequence[Item], assigned: Sequence[Item], *, from_sockets: bool
    ) -> Iterator[AuditFinding]:
        port = entry.ports[0] if entry.ports else 0
        if assigned:
            yield from _judge_own(assigned, entry.ports)
        elif port < (_EPHEMERAL if from_sockets else _DYNAMIC):
            is_reserved = any(row.status is Status.RESERVED for row in rows)
            place = entry.title
            if is_reserved:
                yield make_finding("reserved-port", f"{place} is reserved{_notes(rows)}")
            else:
                yield make_finding("unassigned-port", f"{place} is unassigned")

    def _judge_foreign(self, entry: ListEntry, assigned: Sequence[Item]) -> Iterator[AuditFinding]:
        """Judge a name on a port that others have."""
        place, owners = _place(entry), _names(assigned)
        if (former := self._find_former(entry)) is not None:
            yield _describe_former(entry, former, f"{place} is now {owners}", taken=True)
        elif registered := self._registered(entry):
            yield make_finding("other-service", f"{place} is assigned to {owners}; {_registered_for(registered)}")
        else:
            yield make_finding("local-use", f"{place} is assigned to {owners}; {entry.name} is not registered")

    def _judge_free(self, entry: ListEntry, rows: Sequence[Item]) -> Iterator[AuditFinding]:
        """Judge a name on a port that nobody has for this protocol."""
        place = _place(entry)
        free = "reserved" if any(row.status is Status.RESERVED for row in rows) else "unassigned"
        port = entry.ports[0] if entry.ports else 0
        others = [row for row in self._rows_at(port, "") if is_assigned(row) and _is_named(row, entry)]
        if others:
            yield make_finding("other-protocol", f"{_registered_for(others)}; {place} is {free}")
        elif (former := self._find_former(entry)) is not None:
            yield _describe_former(entry, former, f"{place} is now {free}", taken=False)
        elif registered := [row for row in self._registered(entry) if row.key.part("port")]:
            yield make_finding("other-port", f"{_registered_for(registered)}; {place} is {free}")
        elif free == "reserved":
            registration = "registered without a port" if self._registered(entry) else "not registered"
            yield make_finding("reserved-port", f"{place} is reserved; {entry.name} is {registration}")

    def _find_former(self, entry: ListEntry) -> FormerState | None:
        """Return the newest former state of one of the names on the port of an entry."""
        if entry.ports is None:
            return None
        return next(iter(self._past.find_by_port(entry.ports, entry.protocol, entry.names)), None)

    def _judge_name(self, entry: ListEntry) -> AuditedEntry:
        registered = self._registered(entry)
        if registered:
            says = f"registered for {_places(registered)}"
            return AuditedEntry(entry=entry, says=says, findings=tuple(_judge_own(registered)))
        former = next((state for name in entry.names for state in self._past.find_by_name(name)), None)
        if former is None:
            finding = make_finding("unknown-name", f"{entry.name} is not registered")
        elif former.now is not None and (name := former.now.key.part("name")) and not _is_named(former.now, entry):
            finding = make_finding("renamed", f"{entry.name} was renamed to {name} on {former.until}")
        else:
            finding = make_finding("withdrawn", f"{entry.name} was registered until {former.until}")
        return AuditedEntry(entry=entry, says="not registered", findings=(finding,))

    def _describe_range(self, entry: ListEntry) -> str:
        low, high = entry.ports or (0, 0)
        names: dict[str, None] = {}
        free = 0
        for port in range(low, high + 1):
            rows = [row for row in self._rows_at(port, entry.protocol) if is_assigned(row)]
            names |= dict.fromkeys(row.key.part("name") for row in rows)
            free += not rows
        shown = [name for name in names if name]
        listed = f" ({_enumerate(shown)})" if shown else ""
        services = "1 service" if len(shown) == 1 else f"{len(shown)} services"
        return f"{services}{listed}, {free} of {high - low + 1} ports not assigned"


def _judge_own(rows: Sequence[Item], ports: Interval | None = None) -> Iterator[AuditFinding]:
    """Judge the rows that an entry is about: retired if all of them are."""
    if all(row.status in RETIRED for row in rows):
        row = rows[0]
        yield make_finding("retired", f"{_row(row)} is {row.status}")
    for row in rows:
        text = row.fields.get("unauthorized_use", "")
        if text and _concerns_port(text, ports):
            yield make_finding("unauthorized-use", f"{_row(row)}: {shorten(text)}")
            return


def _concerns_port(text: str, ports: Interval | None) -> bool:
    """Return whether a remark about unauthorized use is about a port: that of a range often names one of its ports."""
    named = [int(number) for number in _PORT_IN_TEXT.findall(text)]
    return ports is None or not named or any(ports[0] <= number <= ports[1] for number in named)


def _describe_former(entry: ListEntry, former: FormerState, is_now: str, *, taken: bool) -> AuditFinding:
    """Return the finding about a service that had the port: it was renamed, it moved, or it ended."""
    now = former.now
    if now is not None and is_assigned(now):
        same_port = now.key.part("port") == former.item.key.part("port")
        name, port = now.key.part("name"), now.key.part("port")
        if same_port and not _is_named(now, entry):
            return make_finding("renamed", f"{_place(entry)} {entry.name} was renamed to {name} on {former.until}")
        where = f"has {_row(now)} since" if port else "has no port since"
        text = f"{entry.name} {where} {former.until}; {is_now}"
        return make_finding("reassigned" if taken else "moved", text)
    if taken:
        return make_finding("reassigned", f"{_place(entry)} was {entry.name} until {former.until}; {is_now}")
    return make_finding("withdrawn", f"{_place(entry)} was {entry.name} until {former.until}; {is_now}")


def _is_named(row: Item, entry: ListEntry) -> bool:
    """Return whether a row has one of the names of an entry. A range `x11` has `x11-1` too."""
    name = fold_name(row.key.part("name"))
    wanted = {fold_name(text) for text in entry.names}
    if fold_name(row.fields.get("description", "")) in wanted:
        return True  # 5061/tcp is `sips`, and its description is "SIP-TLS"
    is_range = "-" in row.key.part("port")
    return name in wanted or (is_range and bool(name) and any(text.startswith(name) for text in wanted))


def _describe_rows(rows: Sequence[Item]) -> str:
    if not rows:
        return "unassigned"
    if rows[0].status in FREE:
        return str(rows[0].status)
    retired = "" if rows[0].status is Status.ASSIGNED else f" ({rows[0].status})"
    return f"assigned to {_names(rows)}{retired}"


def _names(rows: Iterable[Item]) -> str:
    names = list(dict.fromkeys(row.key.part("name") or shorten(row.fields.get("description", "")) for row in rows))
    return _enumerate(names)


def _enumerate(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(names[:_MOST_NAMES]) + more


def _places(rows: Iterable[Item]) -> str:
    places: dict[str, list[str]] = {}
    for row in rows:
        protocols = places.setdefault(row.key.part("port"), [])
        if (protocol := row.key.part("protocol")) and protocol not in protocols:
            protocols.append(protocol)
    texts = [f"{port}/{','.join(protocols)}".rstrip("/") if port else "no port" for port, protocols in places.items()]
    return ", ".join(texts[:_MOST_NAMES])


def _registered_for(rows: Sequence[Item]) -> str:
    """Return "kerberos-iv is registered for 750/udp"."""
    return f"{_names(rows)} is registered for {_places(rows)}"


def _place(entry: ListEntry) -> str:
    return entry.title.removeprefix(entry.name).strip()


def _row(row: Item) -> str:
    place = "/".join(part for part in (row.key.part("port"), row.key.part("protocol")) if part)
    return " ".join(part for part in (row.key.part("name"), place) if part)


def _notes(rows: Iterable[Item]) -> str:
    text = next((row.fields["notes"] for row in rows if row.fields.get("notes")), "")
    return f": {shorten(text)}" if text else ""
