"""The index of a collection as a registry: each registry group is an entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from watcher.core.model import Change, Content, Fields, Item, Kind, Section, Severity, Status
from watcher.formats.base import FieldMap
from watcher.registries.base import EventType, Finding, Registry, Sentence, fixed_key
from watcher.registries.context import ChangeContext

FIELDS = ("group", "title", "registries", "references", "procedures")
_FIELD_WORDS = {
    "title": "title",
    "registries": "list of registries",
    "references": "references",
    "procedures": "registration procedures",
}
_EVENTS_BY_KIND = {Kind.ADDED: "group-added", Kind.REMOVED: "group-removed"}


def list_groups(content: Content) -> list[str]:
    """Return the names of the groups in an index, in alphabetical order."""
    return sorted(key.values[0] for section, key in content.items if section is Section.ENTRY)


def _classify(context: ChangeContext) -> Iterator[Finding]:
    for position, change in enumerate(context.changes):
        if change.section is Section.ENTRY:
            name = change.item.key.values[0]
            event = _EVENTS_BY_KIND.get(change.kind, "group-changed")
            yield Finding(event=event, change=position, subject=(name,), kind=change.kind, service=name)


def _describe_group(change: Change) -> str:
    title = change.item.fields["title"].replace("\n", "; ")
    name = change.item.key.values[0]
    return f"registry group {name} ({title})" if title else f"registry group {name}"


def _listed(verb: str) -> Sentence:
    def sentence(findings: Sequence[Finding], context: ChangeContext) -> str:
        return f"{_describe_group(context.changes[findings[0].change])} {verb} the index"

    return sentence


def _changed(findings: Sequence[Finding], context: ChangeContext) -> str:
    change = context.changes[findings[0].change]
    fields = ", ".join(_FIELD_WORDS.get(field.name, field.name) for field in change.fields)
    return f"{_describe_group(change)} changed in the index: {fields}"


EVENTS: Mapping[str, EventType] = {
    "group-added": EventType(Severity.NOTICE, _listed("added to")),
    "group-removed": EventType(Severity.WARNING, _listed("removed from")),
    "group-changed": EventType(Severity.INFO, _changed),
}


def _status(document: str, fields: Fields) -> Status:  # noqa: ARG001 - the shape of Registry.status
    return Status.ASSIGNED


def _names(item: Item) -> Sequence[str]:
    return item.key.values


REGISTRY = Registry(
    id="index",
    document_id="",
    columns=FieldMap(always=FIELDS),
    may_be_empty=False,
    identify=fixed_key("group"),
    duplicate_order="title",
    status=_status,
    names=_names,
    classify=_classify,
    events=EVENTS,
)
