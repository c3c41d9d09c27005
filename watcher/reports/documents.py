"""The view of one document over all sources: what its publication created, changed and retired."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from watcher.core.documents import format_document
from watcher.core.model import Kind
from watcher.reports.events import ObservedEvent, event_document, find_events
from watcher.reports.observation import Gap, ObservationGaps
from watcher.store.event_query import EventQuery
from watcher.store.history_reader import HistoryReader

_ADDED = "added"
_PARTS: Mapping[Kind, str] = {
    Kind.ADDED: "created",
    Kind.MODIFIED: "changed",
    Kind.DEPRECATED: "retired",
    Kind.REMOVED: "retired",
}


class DocumentReport(Struct, frozen=True, kw_only=True):
    """The events of a document, oldest first, by part: `created`, `changed`, `retired`.

    `parts` has the events that added a reference to the document, `later` the other events of entries that refer to it.
    `registries` are the registries of the events in `parts`, as pairs of source and path.
    """

    document: str
    parts: Mapping[str, Sequence[ObservedEvent]]
    later: Sequence[ObservedEvent]
    registries: frozenset[tuple[str, str]]
    gaps: tuple[Gap, ...]

    @property
    def summary(self) -> str:
        """One line: `RFC 9350 was published: 15 registries in 6 groups`."""
        name = format_document(self.document)
        if not self.registries:
            return f"no event brought a reference to {name}"
        groups = len({source for source, _ in self.registries})
        verb = "was published" if self.document.startswith("rfc") else "was referenced"
        return f"{name} {verb}: {_count(len(self.registries), 'registry')} in {_count(groups, 'group')}"


def report_document(history: HistoryReader, observation: ObservationGaps, query: EventQuery) -> DocumentReport:
    """Return what the document of a query did, in the events that match the query."""
    document = query.document or ""
    report = find_events(history, observation, query)
    roles = history.events.read_document_roles(document)
    parts: dict[str, list[ObservedEvent]] = {part: [] for part in dict.fromkeys(_PARTS.values())}
    later: list[ObservedEvent] = []
    registries = set()
    for observed in report.events:
        event_roles = roles[observed.stored.row]
        referring = {(observed.stored.source, path) for path, role in event_roles.items() if role == _ADDED}
        registries |= referring
        (parts[_PARTS[observed.stored.event.kind]] if referring else later).append(observed)
    return DocumentReport(
        document=document, parts=parts, later=later, registries=frozenset(registries), gaps=report.gaps
    )


def report_as_dict(report: DocumentReport) -> dict[str, Any]:
    """Return a report as the JSON contract has it."""
    return {
        "document": report.document,
        "summary": report.summary,
        "registries": [{"source": source, "registry": path} for source, path in sorted(report.registries)],
        **{part: [event_document(event) for event in events] for part, events in report.parts.items()},
        "later": [event_document(event) for event in report.later],
        "gaps": [gap.as_dict() for gap in report.gaps],
    }


def _count(number: int, noun: str) -> str:
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun.removesuffix('y')}ies" if noun.endswith("y") else f"{number} {noun}s"
