"""An index of registry groups as a registry of its own: each group is an entry, a new one and a vanished one are news.

Which names become groups that are watched is said here too: they are read off a page that others write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from watcher.core.intervals import Interval
from watcher.core.model import Change, Content, Fields, Item, Kind, Section, Severity, Status
from watcher.formats.column_map import FieldMap
from watcher.registries.base import EventType, Finding, Labels, PairingRule, Registry, Rows
from watcher.registries.context import ChangeContext

FIELDS = ("group", "title", "registries", "references", "procedures")
_WORDS = {
    "title": "title",
    "registries": "list of registries",
    "references": "references",
    "procedures": "registration procedures",
}


def groups(content: Content) -> list[str]:
    """Return the names of the groups that an index lists, by name."""
    return sorted(key.values[0] for section, key in content.items if section is Section.ENTRY)


def _findings(context: ChangeContext) -> Iterator[Finding]:
    for index, change in enumerate(context.changes):
        if change.section is Section.ENTRY:
            name = change.item.key.values[0]
            event = {Kind.ADDED: "group-added", Kind.REMOVED: "group-removed"}.get(change.kind, "group-changed")
            yield Finding(event=event, change=index, subject=(name,), kind=change.kind, service=name)


def _titled(change: Change) -> str:
    title = change.item.fields["title"].replace("\n", "; ")
    name = change.item.key.values[0]
    return f"{name} ({title})" if title else name


def _sentence(words: str) -> Callable[[Sequence[Finding], ChangeContext], str]:
    def sentence(found: Sequence[Finding], context: ChangeContext) -> str:
        return words.format(_titled(context.changes[found[0].change]))

    return sentence


def _changed(found: Sequence[Finding], context: ChangeContext) -> str:
    change = context.changes[found[0].change]
    fields = ", ".join(_WORDS.get(each.name, each.name) for each in change.fields)
    return f"the index says something else of {_titled(change)}: {fields}"


EVENTS: Mapping[str, EventType] = {
    "group-added": EventType(severity=Severity.NOTICE, sentence=_sentence("registry group {} is new in the index")),
    "group-removed": EventType(
        severity=Severity.WARNING, sentence=_sentence("registry group {} is not in the index any more")
    ),
    "group-changed": EventType(severity=Severity.INFO, sentence=_changed),
}


def _identify(document: str, path: str, rows: Rows) -> Labels:  # noqa: ARG001 - one identity for all
    return ("group",)


def _names(item: Item) -> Sequence[str]:
    return item.key.values


def _no_span(item: Item) -> Interval | None:  # noqa: ARG001 - a group stands for no number
    return None


def _status(document: str, fields: Fields) -> Status:  # noqa: ARG001 - being listed is all there is to it
    return Status.ASSIGNED


def _news(change: Change, context: ChangeContext) -> bool:  # noqa: ARG001 - every change of an index is one
    return False


def _unpaired(old: Content, new: Content) -> Sequence[PairingRule]:  # noqa: ARG001 - a group under another id is another
    return ()


def _alone(found: Sequence[Finding], context: ChangeContext) -> Iterable[int]:  # noqa: ARG001 - nothing follows from it
    return ()


REGISTRY = Registry(
    id="index",
    document_id="",
    columns=FieldMap(always=FIELDS),
    may_be_empty=False,
    identify=_identify,
    duplicate_order="title",
    status=_status,
    names=_names,
    interval=_no_span,
    pairing_rules=_unpaired,
    is_bookkeeping=_news,
    classify=_findings,
    explained_by=_alone,
    events=EVENTS,
)
