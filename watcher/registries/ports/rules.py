"""What a change of the port registry means: one finding a change, in the order of docs/semantics.md's table.

"What was here before?" is answered by coverage: the row of exactly that port and protocol, a row without a protocol,
or a range that holds the port. Rows of unassigned and reserved space are explained by the event that redrew them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from watcher.core.intervals import Interval, IntervalIndex, IntervalUnion
from watcher.core.model import MARKUP, RETIRED, Change, Item, ItemKey, Kind, Section, Severity, Status
from watcher.core.port_ranges import find_ports
from watcher.registries.base import COLUMNS, Finding
from watcher.registries.context import ChangeContext, IndexKeys, ItemIndex
from watcher.registries.ports import identity
from watcher.registries.shared import contacts

ABSENT = "absent"
_SYSTEM_PORTS = 1023
_DRAFT = re.compile(r"\[(?:draft-|RFC-)[^\]]*\]")
_RFC = re.compile(r"\[RFC\d+\]")
_STAYS = ("registered", "assignee", "contact", "description")
# Which event a changed field makes, the most important first.
_LADDER = (
    ("unauthorized_use", "unauthorized-use-reported"),
    ("assignee", "assignee-changed"),
    ("contact", "contact-changed"),
    ("references", "reference-changed"),
    ("description", "description-changed"),
    ("service_code", "service-code-changed"),
    ("notes", "notes-changed"),
)
_DATES = ("registered", "modified")
_IDENTITY = ("name", "port", "protocol")


def classify(context: ChangeContext) -> Iterator[Finding]:
    """Return what each change means; changes of unassigned space and changed dates of the document mean nothing."""
    old, new = old_coverage(context), new_coverage(context)
    touched = IntervalUnion(
        spanned
        for change in context.changes
        for item in (change.before, change.after)
        if identity.is_service(item) and item is not None and (spanned := identity.interval(item))
    )
    for index, change in enumerate(context.changes):
        if change.section is Section.CONTACT:
            yield from contacts.updated(index, change, context, identity.described)
        elif change.section is Section.REGISTRY:
            yield from _header(index, change)
        elif identity.is_service(change.before) or identity.is_service(change.after):
            yield _service(index, change, old, new)
        else:
            yield from _space(index, change, old, touched)


def explained_by(found: Sequence[Finding], context: ChangeContext) -> Iterable[int]:
    """The rows of unassigned and reserved space that were redrawn for an event: those that hold its ports, and what
    came of them."""
    if found[0].event in _WITHOUT_PLACE:
        return
    spans = [spanned for finding in found for port in finding.ports if (spanned := find_ports(port))]
    rows = context.compute_once(_redrawn)
    gone = [
        own for spanned in spans for own, index in rows.overlapping(spanned) if context.changes[index].after is None
    ]
    yield from {index for spanned in (*spans, *gone) for _, index in rows.overlapping(spanned)}


def _redrawn(context: ChangeContext) -> IntervalIndex[int]:
    """The changes of unassigned and reserved space by the ports they speak of."""
    return IntervalIndex(
        (spanned, index)
        for index, change in enumerate(context.changes)
        if identity.is_bookkeeping(change, context) and (spanned := identity.interval(change.item))
    )


def old_coverage(context: ChangeContext) -> Coverage:
    """The coverage of the old release."""
    return context.get_index(COVERAGE, context.old)


def new_coverage(context: ChangeContext) -> Coverage:
    """The coverage of the new release."""
    return context.get_index(COVERAGE, context.new)


class Coverage:
    """Which row of a release speaks for a port and protocol."""

    def __init__(self, single: dict[str, tuple[Item, ...]], ranges: dict[ItemKey, tuple[Interval, Item]]) -> None:
        self._single = single
        self._ranges = ranges

    @classmethod
    def build(cls, items: Iterable[Item]) -> Coverage:
        return cls({}, {}).updated((), tuple(items))

    def updated(self, gone: Sequence[Item], came: Sequence[Item]) -> Coverage:
        """Return the coverage of another release: some rows less, some more."""
        single, ranges = self._single.copy(), self._ranges.copy()  # not dict(…): watcher/diff/item_map.py says why
        for item in gone:
            if port := item.key.part("port"):
                ranges.pop((item.section, item.key), None)
                single[port] = tuple(other for other in single.get(port, ()) if other.key != item.key)
        for item in came:
            port = item.key.part("port")
            if port and "-" not in port:
                single[port] = (*single.get(port, ()), item)
            elif port and (spanned := find_ports(port)):
                ranges[item.section, item.key] = spanned, item
        return Coverage(single, ranges)

    def rows(self, port: int, protocol: str) -> list[Item]:
        """The rows that hold a port, the closest first: of that protocol before any, a single port before a range."""
        single = self._single.get(str(port), ())
        held = [*single, *reversed([item for _, item in self._placed.overlapping((port, port))])]
        return sorted(
            (item for item in held if item.key.part("protocol") in (protocol, "")),
            key=lambda item: (not item.key.part("protocol"), "-" in item.key.part("port"), item.key.values),
        )

    @cached_property
    def _placed(self) -> IntervalIndex[Item]:
        return IntervalIndex(self._ranges.values())

    def says(self, port: str, protocol: str) -> str:
        """The status of a port and protocol: `assigned`, `reserved`, …; `absent` where no row speaks of it."""
        spanned = find_ports(port)
        rows = self.rows(spanned[0], protocol) if spanned else []
        if not rows:
            return ABSENT
        return Status.ASSIGNED if identity.is_service(rows[0]) else rows[0].status

    def services(self, port: str, protocol: str) -> list[str]:
        """The names of the services that have a port and protocol."""
        spanned = find_ports(port)
        rows = self.rows(spanned[0], protocol) if spanned else []
        return [name for row in rows if identity.is_service(row) and (name := row.key.part("name"))]


def _about(context: ChangeContext) -> IndexKeys:
    items = (item for change in context.changes for item in (change.before, change.after) if item is not None)
    return IndexKeys(intervals=tuple({spanned for spanned in map(identity.interval, items) if spanned}))


COVERAGE = ItemIndex(Coverage.build, Coverage.updated, _about)


def _service(index: int, change: Change, old: Coverage, new: Coverage) -> Finding:
    before, after = change.before, change.after
    item = change.item
    service, port, protocol = item.key.values
    if not identity.is_service(before):
        if not port:
            return _finding("service-name-registered", index, Kind.ADDED, item)
        severity = Severity.WARNING if _is_system(item) else None
        return _finding("port-assigned", index, Kind.ADDED, item, was=old.says(port, protocol), severity=severity)
    assert before is not None  # noqa: S101 - is_service(None) is False
    if after is None or not identity.is_service(after):
        return _gone(index, before, after, new)
    if before.key.part("name") != service and before.key.part("name"):
        stays = any(before.fields[name] and before.fields[name] == after.fields[name] for name in _STAYS)
        event = "service-renamed" if stays else "port-reassigned"
        return _finding(
            event, index, change.kind, after, before, also=_also(before, after), was=before.key.part("name")
        )
    if before.key.part("port") != port:
        return _finding("service-moved", index, change.kind, after, before, also=_also(before, after))
    reasons = _reasons(before, after)
    severity = Severity.INFO if reasons[0] == "unauthorized-use-reported" and after.status in RETIRED else None
    return _finding(reasons[0], index, change.kind, after, also=reasons[1:], severity=severity)


def _gone(index: int, before: Item, after: Item | None, new: Coverage) -> Finding:
    _, port, protocol = before.key.values
    if not port:
        return _finding("service-name-withdrawn", index, Kind.REMOVED, before)
    now = str(after.status) if after else new.says(port, protocol)
    if now == Status.RESERVED:
        return _finding("port-deassigned", index, Kind.DEPRECATED, before)
    if now in (Status.UNASSIGNED, ABSENT):
        return _finding("port-released", index, Kind.REMOVED, before)
    # Another name stays on that port and protocol: an alias went, the port did not.
    return _finding("service-name-withdrawn", index, Kind.REMOVED, before)


def _space(index: int, change: Change, old: Coverage, touched: IntervalUnion) -> Iterator[Finding]:
    """Rows without a service: reserved on their own, or said something new of."""
    before, after = change.before, change.after
    if after is None or after.status is not Status.RESERVED:
        return
    spanned = identity.interval(after)
    if before is not None and before.status is Status.RESERVED:
        reasons = [reason for reason in _reasons(before, after) if reason != "dates-changed"]
        if reasons and before.key == after.key:
            yield _finding(reasons[0], index, change.kind, after, also=tuple(reasons[1:]), severity=Severity.INFO)
        return
    was = str(before.status) if before else old.says(after.key.part("port"), after.key.part("protocol"))
    if was != Status.RESERVED and not (spanned and touched.overlaps(spanned)):
        yield _finding("port-reserved", index, Kind.ADDED, after, was=was)


def _header(index: int, change: Change) -> Iterator[Finding]:
    changed = {field.name.removeprefix(MARKUP) for field in change.fields} - {"updated"}
    if COLUMNS in changed:
        yield Finding(event="schema-changed", change=index, subject=(), kind=change.kind)
    elif changed:
        yield Finding(event="registry-note-changed", change=index, subject=(), kind=change.kind)


def _finding(
    event: str,
    index: int,
    kind: Kind,
    item: Item,
    before: Item | None = None,
    *,
    also: tuple[str, ...] = (),
    was: str | None = None,
    severity: Severity | None = None,
) -> Finding:
    service, port, protocol = item.key.values
    places = [*((before.key.part("port"),) if before else ()), port]
    return Finding(
        event=event,
        change=index,
        subject=(service, *places, before.key.part("name") if before else ""),
        kind=kind,
        service=service,
        ports=tuple(dict.fromkeys(place for place in places if place)),
        protocols=(protocol,) if protocol else (),
        also=also,
        was=was,
        severity=severity,
    )


def _reasons(before: Item, after: Item) -> tuple[str, ...]:
    """The events that the changed fields of a pair make, the most important first; never none."""
    changed = {
        name.removeprefix(MARKUP)
        for name in before.fields.keys() | after.fields.keys()
        if before.fields.get(name, "") != after.fields.get(name, "")
    } - {*_IDENTITY}
    reasons = []
    if (after.status in RETIRED) != (before.status in RETIRED):
        reasons.append("marked-historic" if after.status in RETIRED else "reinstated")
    for name, event in _LADDER:
        if name in changed:
            reasons.append(_refined(event, before, after))
    # An assignee that is said for the first time was implied before: the new contact is the news then.
    if "contact-changed" in reasons and "assignee-changed" in reasons and not before.fields["assignee"]:
        reasons.remove("assignee-changed")
        reasons.insert(reasons.index("contact-changed") + 1, "assignee-changed")
    if changed - {name for name, _ in _LADDER} - {*_DATES}:
        reasons.append("entry-modified")
    if not reasons:
        reasons.append("dates-changed")
    return tuple(reasons)


def _also(before: Item, after: Item) -> tuple[str, ...]:
    return tuple(reason for reason in _reasons(before, after) if reason != "dates-changed")


def _refined(event: str, before: Item, after: Item) -> str:
    if event == "unauthorized-use-reported" and not after.fields["unauthorized_use"]:
        return "unauthorized-use-cleared"
    if event == "reference-changed":
        was, now = before.fields["references"], after.fields["references"]
        drafts_gone = {*_DRAFT.findall(was)} - {*_DRAFT.findall(now)}
        if drafts_gone and {*_RFC.findall(now)} - {*_RFC.findall(was)}:
            return "reference-published"
    return event


def _is_system(item: Item) -> bool:
    spanned = identity.interval(item)
    return spanned is not None and spanned[0] <= _SYSTEM_PORTS


_WITHOUT_PLACE = frozenset({"contact-updated", "registry-note-changed"})
